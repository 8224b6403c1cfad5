/**
 * A refresh token is good once, and for a minute more. A process that ends, or is stopped, after Todoist has given
 * another pair and before that was kept leaves the spent one to the next process, which must be in time.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { at, sound, startNodes } from "../support/nodes.ts"
import type { Connected, Node, Nodes } from "../support/nodes.ts"

let world: Nodes
let one: Connected
let [a, b]: ReadonlyArray<Node> = []

beforeAll(async () => {
  world = await startNodes({ count: 2, env: () => ({ TODOIST_SYNC_INTERVAL_MS: "1000" }) })
  ;[a, b] = world.nodes
  one = await world.connect("refreshing", 5)
}, 90_000)
afterAll(() => world?.end(), 60_000)

/** The process that waits for the answer to a refresh Todoist has carried out. */
const inRefresh = async (): Promise<Node> => {
  await world.simulator.addFaults([{ fault: "slow", delayMs: 5_000, on: "oauth" }])
  await world.simulator.met("slow")
  const [lease] = await world.sql`SELECT holder FROM user_leases WHERE user_id = ${one.user.userId}`
  const holder = String(lease?.["holder"])
  const node = [a, b].find((each) => holder.startsWith(`${each?.service().pid}-`))
  if (node === undefined) throw new Error(`nobody holds the user: ${holder}`)
  return node
}

/** By the due queue alone: nobody asks. */
const syncedSince = (date: string | null) =>
  eventually("the other one syncs the user", async () => {
    const [row] = await world.sql`SELECT status, synced_at_ms FROM connections WHERE user_id = ${one.user.userId}`
    if (row?.["status"] !== "connected") throw new Error(`the user has to connect again: ${row?.["status"]}`)
    return Number(row["synced_at_ms"]) > Date.parse(date ?? "") ? true : undefined
  }, 90_000)

const lastSyncAt = async (node: Node | undefined) => (await at(node!, one).connection()).lastSyncAt

describe("after Todoist has rotated the refresh token, and before that was kept", () => {
  it(
    "edge case 25 - a process is gone: the next one is in time; should the first come back, what it holds is refused",
    async () => {
      const node = await inRefresh()
      const before = await lastSyncAt(node === a ? b : a)
      node.signal("SIGSTOP")
      try {
        await syncedSince(before)
      } finally {
        node.signal("SIGCONT")
      }
      await eventually(
        "it answers again",
        async () => (await at(node, one).call("POST", "/v1/connectors/todoist/sync")).status === 200 ? true : undefined,
        30_000,
      )
      const { open: _, ...rest } = await eventually("at rest", async () => {
        const found = await world.soundness(one)
        return (found.connection as { readonly failures: number }).failures === 0 ? found : undefined
      })
      expect(rest).toEqual(sound)
    },
    150_000,
  )
})
