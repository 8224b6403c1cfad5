/**
 * How soon a change at the tool is in a tip. Webhook: from just before the signed webhook leaves, which is sent from
 * here, to the answer of the first recommend that considered the new task; recommends come back to back. Poll: no
 * webhook; one recommend after the change, on data that counts as old, which syncs first within its budget.
 *
 * One Postgres with fsync on, the simulator and the service as processes of their own, on the database's log and on
 * NATS. Beside it a bare program that takes only the steps nobody can do without. Options: `--changes 200`,
 * `--users 20`.
 */
import { randomBytes } from "node:crypto"
import { loadavg } from "node:os"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Console, Effect, Redacted } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import postgres from "postgres"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import { bareSees, considered, recommend, recommendSees, untilSeen } from "./freshness/measure.ts"
import { accounts, addTask, connected } from "./freshness/people.ts"
import type { Person, Simulated } from "./freshness/people.ts"
import { startProcess } from "./support/childProcess.ts"
import { natsServer } from "./support/natsServer.ts"
import { startService } from "./support/service.ts"
import { ascending, latencyOf, percentile } from "./support/stats.ts"
import { figure, printTable, type Row } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

const { values: options } = parseArgs({
  options: { changes: { type: "string", default: "200" }, users: { type: "string", default: "20" } },
})
const changes = Number(options.changes)
/** They take turns: an account is asked some hundred times in five minutes and no more, whoever knocks. */
const users = Number(options.users)
/** Each gets a task per turn: about 30 on average. */
const tasks = 25
/** Until the runtime has compiled what is hot. */
const warmups = 40
const dayMs = "86400000"
/** A sync that was made less than a second ago is not made again for a recommend. */
const turnEveryMs = 1_050

interface Bench {
  readonly databaseUrl: string
  readonly sql: postgres.Sql
  readonly simulated: Simulated
  readonly folder: string
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** `one` is called for each change, with whose turn it is; the first ones are not counted. */
async function inTurn<P, A>(people: ReadonlyArray<P>, one: (person: P) => Promise<A>): Promise<ReadonlyArray<A>> {
  const last = new Map<P, number>()
  const all: Array<A> = []
  for (let n = 0; n < warmups + changes; n++) {
    const person = people[n % people.length]!
    await sleep(Math.max(0, (last.get(person) ?? -turnEveryMs) + turnEveryMs - performance.now()))
    all.push(await one(person))
    last.set(person, performance.now())
  }
  return all.slice(warmups)
}

/** `load`: of the machine over the last minute, with all else that ran there. */
const rowOf = (name: string, values: ReadonlyArray<number>, more: Row["more"] = {}): Row => {
  const { p50Ms, p99Ms, maxMs } = latencyOf(values)
  return {
    name,
    value: p99Ms,
    more: { "p50 ms": p50Ms, "p99 ms": p99Ms, "max ms": maxMs, changes: values.length, load: loadavg()[0]!, ...more },
  }
}

const service = ({ databaseUrl, folder, simulated }: Bench, env: Readonly<Record<string, string>>) =>
  startService({
    DATA_DIR: path.join(folder, "service"),
    PORT: "0",
    DATABASE_URL: databaseUrl,
    TODOIST_BASE_URL: simulated.url,
    TODOIST_CLIENT_ID: simulated.clientId,
    TODOIST_CLIENT_SECRET: simulated.clientSecret,
    // No sync comes of itself.
    TODOIST_SYNC_INTERVAL_MS: dayMs,
    VAULT_KEYS: vaultKeys,
    ...env,
  }, ["bin/tipstream", "serve"])

const bareProgram = fileURLToPath(new URL("./freshness/bareProgram.ts", import.meta.url))

const vaultKeys = `bench:${randomBytes(32).toString("base64")}`

const peopleOf = async ({ simulated, sql }: Bench, origin: string, prefix: string) => {
  const people: Array<Person> = []
  for (const account of await accounts(simulated, prefix, users, tasks)) {
    people.push(await connected(origin, sql, simulated, account))
  }
  return people
}

const webhookRow = Effect.fnUntraced(function* (bench: Bench, log: string, env: Readonly<Record<string, string>>) {
  const { announced: origin } = yield* service(bench, { ...env, FRESH_MS: dayMs })
  const people = yield* Effect.promise(() => peopleOf(bench, origin, `webhook-${log}`))
  const seen = yield* Effect.promise(() =>
    inTurn(people, (person) => untilSeen(origin, bench.simulated, person, recommendSees(origin, bench.sql, person)))
  )
  const asked = latencyOf(seen.map((one) => one.asked))
  return rowOf(`webhook, ${log}`, seen.map(({ ms }) => ms), { "reads p50": asked.p50Ms })
}, Effect.scoped)

/** The latency is the recommend's own: it waits for the sync. */
const pollRow = Effect.fnUntraced(function* (bench: Bench, log: string, env: Readonly<Record<string, string>>) {
  const { announced: origin } = yield* service(bench, { ...env, FRESH_MS: "0" })
  const people = yield* Effect.promise(() => peopleOf(bench, origin, `poll-${log}`))
  const polled = yield* Effect.promise(() =>
    inTurn(people, async (person) => {
      const taskId = await addTask(bench.simulated, person)
      const startedAt = performance.now()
      const answer = await recommend(origin, person)
      const ms = performance.now() - startedAt
      return { ms, ageMs: answer.dataAgeMs ?? NaN, seen: await considered(bench.sql, answer, taskId) }
    })
  )
  const late = ascending(polled.filter(({ seen }) => !seen).map(({ ageMs }) => ageMs))
  const fresh = ascending(polled.filter(({ seen }) => seen).map(({ ageMs }) => ageMs))
  return rowOf(`poll, ${log}`, polled.map(({ ms }) => ms), {
    seen: `${fresh.length}/${polled.length}`,
    "age p50 ms, seen": figure(percentile(fresh, 50)),
    "age p50 ms, not seen": figure(percentile(late, 50)),
  })
}, Effect.scoped)

const bareRow = Effect.fnUntraced(function* ({ databaseUrl, simulated }: Bench) {
  const people = yield* Effect.promise(() => accounts(simulated, "bare", users, tasks))
  const { announced: origin } = yield* startProcess({
    command: [process.execPath, "run", "-A", bareProgram],
    env: {
      DATABASE_URL: databaseUrl,
      TODOIST_BASE_URL: simulated.url,
      TODOIST_CLIENT_SECRET: simulated.clientSecret,
      TOKENS: JSON.stringify(Object.fromEntries(people.map(({ accountId, token }) => [accountId, token]))),
    },
    announces: /listening on (\S+)/,
    announceMaxMs: 20_000,
  })
  const seen = yield* Effect.promise(() =>
    inTurn(people, (person) => untilSeen(origin, simulated, person, bareSees(origin, person)))
  )
  const asked = latencyOf(seen.map((one) => one.asked))
  return rowOf(bare, seen.map(({ ms }) => ms), { "reads p50": asked.p50Ms })
}, Effect.scoped)

const bare = "webhook, bare program"

const program = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  yield* Console.log("  starting Postgres, the simulator and nats-server")
  const database = (name: string) =>
    Effect.map(
      EmbeddedPostgres.start({ dataDir: path.join(folder, name), durable: true, onProgress: () => Effect.void }),
      ({ url }) => Redacted.value(url),
    )
  const simulator = yield* startProcess({
    command: [process.execPath, "run", "-A", "simulator/main.ts", "--port", "0"],
    announces: /(\{"ready":true.*\})/,
    announceMaxMs: 20_000,
  })
  const simulated = JSON.parse(simulator.announced) as Simulated
  const nats = yield* natsServer
  const rows: Array<Row> = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.name}: p50 ${figure(Number(row.more?.["p50 ms"]))} ms, p99 ${figure(row.value)} ms`)
  }
  for (const [log, env] of [["embedded", {}], ["NATS", { NATS_URL: nats.url }]] as const) {
    const databaseUrl = yield* database(log)
    const sql = yield* Effect.acquireRelease(
      Effect.sync(() => postgres(databaseUrl, { max: 2, onnotice: () => {} })),
      (open) => Effect.promise(() => open.end({ timeout: 5 })),
    )
    const bench = { databaseUrl, sql, simulated, folder: path.join(folder, `${log}-data`) }
    if (log === "embedded") add(yield* bareRow(bench))
    add(yield* webhookRow(bench, log, env))
    add(yield* pollRow(bench, log, env))
  }
  yield* Console.log("")
  printTable({ bench: "freshness", unit: "p99 ms", baseline: bare, rows })
})

NodeRuntime.runMain(Effect.scoped(program))
