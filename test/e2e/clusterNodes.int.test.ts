/**
 * The whole service as three processes of one cluster, as an operator starts it: on Deno by `bin/tipstream`, with the
 * permissions that gives. Users are asked for at any of them; one process is killed and another told to stop.
 */
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { completeActId } from "../../src/recommender/Feedback.ts"
import { freePort } from "../cluster/nodeProcess.ts"
import { eventually } from "../support/eventually.ts"
import { clientOf } from "../support/httpClient.ts"
import { at, sound, startNodes } from "../support/nodes.ts"
import type { Connected, Node, Nodes } from "../support/nodes.ts"

const project = fileURLToPath(new URL("../..", import.meta.url))

let world: Nodes
let users: ReadonlyArray<Connected> = []

beforeAll(async () => {
  const ports = [await freePort(), await freePort(), await freePort()]
  world = await startNodes({
    count: 3,
    env: (index) => ({
      ACTORS: "cluster",
      ADMIN_TOKEN: "operators-token",
      CLUSTER_PORT: String(ports[index]),
      FRESH_MS: "200",
      TODOIST_SYNC_INTERVAL_MS: "2000",
      TODOIST_TIMEOUT_MS: "2000",
    }),
    ...("deno" in process.versions ? { command: [path.join(project, "bin", "tipstream")] } : {}),
  })
  const names = Array.from({ length: 10 }, (_, index) => `cluster-${index}`)
  const made: Array<Connected> = []
  for (const name of names) made.push(await world.connect(name, 20))
  users = made
}, 150_000)
afterAll(() => world?.end(), 60_000)

/** Serves a task and does it, at this process. */
const doOne = async (node: Node, one: Connected): Promise<string> => {
  const user = at(node, one)
  const tip = await eventually("a task is recommended", async () => {
    const found = await user.tip()
    return found.kind === "todo" ? found : undefined
  })
  expect((await user.react(tip.id, "done")).status).toBe(200)
  return completeActId(tip.id)
}

const carriedOut = (acts: ReadonlyArray<string>, withinMs: number) =>
  eventually(`all ${acts.length} acts are carried out`, async () => {
    const rows = await world.sql`SELECT 1 FROM acts WHERE act_id IN ${world.sql(acts)} AND outcome = 'done'`
    return rows.length === acts.length ? true : undefined
  }, withinMs)

const actorsOf = async (node: Node): Promise<number> => {
  const answer = await clientOf(node.url()).call("GET", "/v1/admin/syncs", {
    headers: { authorization: "Bearer operators-token" },
  })
  const { actors } = answer.json<{ readonly actors: Readonly<Record<string, number>> }>()
  return Object.values(actors).reduce((sum, count) => sum + count, 0)
}

const allSynced = (node: Node) =>
  eventually("every user is synced through it", async () => {
    const answers = await Promise.all(users.map((one) => at(node, one).call("POST", "/v1/connectors/todoist/sync")))
    return answers.every(({ status }) => status === 200) ? true : undefined
  }, 60_000)

const allSound = async () => {
  for (const one of users) {
    const { open, ...rest } = await eventually("at rest", async () => {
      const found = await world.soundness(one)
      return found.open[0]?.join() === found.open[2]?.join() ? found : undefined
    })
    expect(rest).toEqual(sound)
    expect(open[1]).toEqual(open[0])
  }
}

describe("three processes with ACTORS=cluster", () => {
  it("whichever is asked, each user's acts are carried out once", async () => {
    const acts = await Promise.all(users.map((one, index) => doOne(world.nodes[index % 3]!, one)))
    expect(await carriedOut(acts, 30_000)).toBe(true)
    for (const node of world.nodes) await allSynced(node)
    await allSound()
    // Each has an actor at one of them, whichever was asked.
    await eventually("one actor for each", async () => {
      const counts = await Promise.all(world.nodes.map(actorsOf))
      const isSpread = counts.every((count) => count < users.length)
      return isSpread && counts.reduce((sum, count) => sum + count, 0) === users.length ? true : undefined
    })
  }, 120_000)

  it("after kill -9 of one the others go on for all users, and it comes back", async () => {
    const [a, b, c] = world.nodes as [Node, Node, Node]
    const under = users.map((one) => doOne(b, one).catch(() => undefined))
    await b.service().kill()
    await Promise.all(under)
    await allSynced(a)
    expect(await carriedOut(await Promise.all(users.map((one) => doOne(c, one))), 60_000)).toBe(true)
    await b.restart()
    await allSynced(b)
    await allSound()
  }, 240_000)

  it("one that is told to stop hands its users over, and ends well", async () => {
    const [a, b, c] = world.nodes as [Node, Node, Node]
    const going = users.map((one) => doOne(a, one))
    const ended = c.service().stop()
    const acts = await Promise.all(going)
    expect(await ended).toEqual({ code: 0, signal: null })
    await carriedOut(acts, 60_000)
    await allSynced(b)
    await allSound()
    await c.restart()
    await allSynced(c)
  }, 240_000)
})
