/** One design in a process of its own: keeps its users in sync for a while and prints what that took. */
// oxlint-disable-next-line import/no-unassigned-import -- it is there for what it does before `effect` is loaded
import "../../src/cli/withoutAsyncContext.ts"
import process from "node:process"
import { Effect, Logger } from "effect"
import postgres from "postgres"
import { insertUsers } from "./crowdOfUsers.ts"
import { tickForAll, timerPerUser } from "./naive.ts"
import { queueAndActors } from "./queueAndActors.ts"
import { type CrowdPlan, turnsOf } from "./turnsOfUsers.ts"

const plan = JSON.parse(process.argv[2]!) as CrowdPlan

/** Spread over the interval, as they are after their first turns. */
const dueFrom = (startMs: number) => (n: number) => startMs + Math.floor(n * plan.intervalMs / plan.users)

const nothing = new Uint8Array([0])

if (plan.design === "due queue and actors") {
  const sql = postgres(plan.databaseUrl, { max: 1, onnotice: () => {} })
  await sql`TRUNCATE users CASCADE`
  const insertMaxMs = 1_000 + plan.users / 10
  const dueAtMs = dueFrom(Date.now() + insertMaxMs)
  const accountId = (n: number) => String(n)
  await insertUsers(sql, Array.from({ length: plan.users }, () => nothing), { dueAtMs, accountId, cursor: () => null })
  await sql.end()
  const leftMs = dueAtMs(0) - Date.now()
  if (leftMs < 0) throw new Error(`inserting ${plan.users} users took ${-leftMs} ms too long`)
  const turns = turnsOf(plan)
  for (let n = 0; n < plan.users; n++) turns.due(n, dueAtMs(n))
  Effect.runFork(Effect.provide(queueAndActors(plan, turns), Logger.layer([])))
  // Not interrupted: the actors would wait for their users that hang.
  await new Promise((resolve) => setTimeout(resolve, leftMs + plan.runMs))
  console.log(`measured ${JSON.stringify(turns.measured())}`)
} else {
  const turns = turnsOf(plan)
  if (plan.design === "one tick for all") tickForAll(plan, turns)
  else timerPerUser(plan, turns)
  await new Promise((resolve) => setTimeout(resolve, plan.runMs))
  console.log(`measured ${JSON.stringify(turns.measured())}`)
}
process.exit(0)
