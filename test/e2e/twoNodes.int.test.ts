/**
 * Two processes of the service on one database, both asked for the same users at once, each with actors of its own.
 * One is killed, stopped and let go on again meanwhile: what is committed must be as of one that never was.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { completeActId } from "../../src/recommender/Feedback.ts"
import { eventually } from "../support/eventually.ts"
import { at, sound, startNodes } from "../support/nodes.ts"
import type { Connected, Node, Nodes } from "../support/nodes.ts"

let world: Nodes
let a: Node
let b: Node

beforeAll(async () => {
  world = await startNodes({ count: 2, env: () => ({ FRESH_MS: "200", TODOIST_SYNC_INTERVAL_MS: "2000" }) })
  ;[a, b] = world.nodes as [Node, Node]
}, 90_000)
afterAll(() => world?.end(), 60_000)

interface Said {
  readonly tipId: string
  readonly isTask: boolean
  readonly key: string
}

/** Asks for tips at this process and does them, until told to stop; whatever fails is what a dying process does. */
const goOn = async (node: Node, one: Connected, said: Array<Said>, isOver: () => boolean): Promise<void> => {
  while (!isOver()) {
    try {
      await world.webhook(node, one)
      const user = at(node, one)
      const tip = await user.tip()
      const done = { tipId: tip.id, isTask: tip.kind === "todo", key: `${tip.id}/done` }
      said.push(done)
      await user.react(tip.id, done.isTask ? "done" : "acknowledge", {}, { "idempotency-key": done.key })
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const actOf = async (tipId: string) => {
  const [row] = await world.sql<Array<{ readonly outcome: string | null; readonly settled_at_ms: string | null }>>`
    SELECT outcome, settled_at_ms FROM acts WHERE act_id = ${completeActId(tipId)}`
  return row ?? { outcome: null, settled_at_ms: null }
}

const quiet = async (one: Connected): Promise<void> => {
  await eventually("all acts are settled and the last sync was well", async () => {
    const waiting = await world.sql`
      SELECT 1 FROM acts WHERE user_id = ${one.user.userId} AND settled_at_ms IS NULL`
    if (waiting.length > 0) return undefined
    return (await at(b, one).call("POST", "/v1/connectors/todoist/sync")).status === 200 ? true : undefined
  }, 60_000)
}

const settledAndSound = async (one: Connected): Promise<void> => {
  await quiet(one)
  const { open, ...rest } = await eventually("both are at rest", async () => {
    const found = await world.soundness(one)
    return found.open[0]?.join() === found.open[2]?.join() ? found : undefined
  })
  expect(rest).toEqual(sound)
  expect(open[1]).toEqual(open[0])
}

describe("two processes at once for the same users", () => {
  it("one killed and started again, one stopped for a while: every act once, no change told twice", async () => {
    const users = [await world.connect("both-1", 60), await world.connect("both-2", 60)]
    const said: ReadonlyArray<Array<Said>> = users.map(() => [])
    let isOver = false
    const going = users.flatMap((one, index) => [a, b, a, b].map((node) => goOn(node, one, said[index]!, () => isOver)))
    const count = () => said.reduce((sum, { length }) => sum + length, 0)
    const until = (more: number) => {
      const end = count() + more
      return eventually(`${more} more tips`, async () => count() >= end ? true : undefined, 30_000)
    }
    await until(15)
    await b.service().kill()
    await until(10)
    await b.restart()
    await until(10)
    a.signal("SIGSTOP")
    await until(10)
    a.signal("SIGCONT")
    await until(5)
    isOver = true
    await Promise.all(going)
    for (const [index, one] of users.entries()) {
      for (const { tipId, isTask, key } of said[index]!) {
        // Says again what no answer came to; what was recorded stays as it is.
        await at(b, one).react(tipId, isTask ? "done" : "acknowledge", {}, { "idempotency-key": key })
      }
      await settledAndSound(one)
      const done = await world.sql`
        SELECT decision_id FROM decisions WHERE user_id = ${one.user.userId} AND state = 'done'`
      const acts = await world.sql`SELECT act_id FROM acts WHERE user_id = ${one.user.userId}`
      expect(acts.map((row) => row["act_id"]).sort()).toEqual(
        done.map((row) => completeActId(row["decision_id"])).sort(),
      )
      expect(acts.length).toBeGreaterThan(3)
    }
  }, 180_000)

  it(
    "edge case 4 - one stopped in the middle of an act for longer than its lease adds nothing when it goes on",
    async () => {
      const one = await world.connect("paused", 12)
      const tip = await eventually("a task is recommended", async () => {
        const found = await at(a, one).tip()
        return found.kind === "todo" ? found : undefined
      })
      // Carried out at once, told late: by then whoever asked is stopped.
      await world.simulator.addFaults([{ fault: "slow", delayMs: 3_000, on: "write", userId: one.accountId }])
      expect((await at(a, one).react(tip.id, "done")).status).toBe(200)
      await world.simulator.met("slow")
      a.signal("SIGSTOP")
      let settled: Awaited<ReturnType<typeof actOf>> | undefined
      try {
        await eventually("the other has taken over and settled it", async () => {
          await at(b, one).call("POST", "/v1/connectors/todoist/sync")
          return (await actOf(tip.id)).outcome ?? undefined
        }, 60_000)
        settled = await actOf(tip.id)
      } finally {
        a.signal("SIGCONT")
      }
      // What it held in its hand is refused; then it works like any other.
      await eventually(
        "it answers again",
        async () => (await at(a, one).call("POST", "/v1/connectors/todoist/sync")).status === 200 ? true : undefined,
      )
      expect(await actOf(tip.id)).toEqual(settled)
      await settledAndSound(one)
      const { commands } = await world.simulator.ledger("paused")
      expect(commands.map(({ uuid, executed }) => [uuid, executed])).toEqual([[completeActId(tip.id), 1]])
    },
    180_000,
  )
})
