/** The cluster engine as three processes on one Postgres. Every effect is a row of `recorder.ts`. */
import process from "node:process"
import { expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { askAll, type Asked, broken, type Cluster, times, users, withCluster } from "./cluster.ts"
import type { ClusterNode } from "./nodeProcess.ts"

const timeoutMs = 90_000
const sound = { overlaps: [], shared: [] }

const nodesOf = (answers: ReadonlyArray<Asked>) => new Set(answers.map(({ node }) => node))
const placesOf = (answers: ReadonlyArray<Asked>) => answers.map(({ epoch, node }) => `${node} ${epoch}`).join()

/** All three have users, and nobody moves any more. */
const settled = (cluster: Cluster, via: ClusterNode): Promise<ReadonlyArray<Asked>> => {
  let before = ""
  return eventually("each node has users", async () => {
    const answers = await askAll(cluster, via)
    const now = placesOf(answers)
    if (nodesOf(answers).size === 3 && now === before) return answers
    before = now
  }, 30_000)
}

const say = (line: string) => void process.stdout.write(`cluster: ${line}\n`)

const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`

it(
  "users are spread over three nodes, and each is on one of them whichever is asked",
  { timeout: timeoutMs },
  () =>
    withCluster(async (cluster) => {
      const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode]
      const answers = await settled(cluster, a)
      const share = (node: ClusterNode) => answers.filter((answer) => answer.node === node.name).length
      for (const node of cluster.nodes) expect(share(node)).toBeGreaterThan(users.length / 10)
      say(`60 users on three nodes: ${share(a)}, ${share(b)}, ${share(c)}`)
      expect(placesOf(await askAll(cluster, b))).toBe(placesOf(answers))
      expect(placesOf(await askAll(cluster, c))).toBe(placesOf(answers))
      expect(await broken(cluster.sql)).toEqual(sound)
    }),
)

it(
  "after kill -9 of one node the others answer for all users",
  { timeout: timeoutMs },
  () =>
    withCluster(async (cluster) => {
      const [a, b] = cluster.nodes as [ClusterNode, ClusterNode]
      await settled(cluster, a)
      b.signal("SIGKILL")
      const killedAtMs = performance.now()
      const answers = await askAll(cluster, a)
      say(`all users answered ${seconds(killedAtMs)} after kill -9 (locks expire after ${times.lockExpiryMs} ms)`)
      expect([...nodesOf(answers)].sort()).toEqual(["a", "c"])
      expect(await broken(cluster.sql)).toEqual(sound)
    }),
)

it(
  "a node that is told to stop hands its users over, and nobody who asks meanwhile fails",
  { timeout: timeoutMs },
  () =>
    withCluster(async (cluster) => {
      const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode]
      const before = await settled(cluster, a)
      const busy = users[before.findIndex(({ node }) => node === "b")] ?? ""
      const slow = a.ask({ user: busy, request: "slow", workMs: 1_500 })
      await eventually("it has begun", async () => (await cluster.sql`SELECT 1 FROM begun WHERE request = 'slow'`)[0])
      b.signal("SIGTERM")
      const toldAtMs = performance.now()
      const failures: Array<string> = []
      await eventually("nobody is on the node that stops", async () => {
        const answers = (await Promise.all([askAll(cluster, a), askAll(cluster, c)])).flat()
        failures.push(...answers.flatMap((answer) => answer.failures))
        return nodesOf(answers).has("b") ? undefined : true
      }, 30_000)
      say(`all users moved ${seconds(toldAtMs)} after SIGTERM, failed asks: ${failures.length}`)
      expect(failures).toEqual([])
      expect(await slow).toMatchObject({ reply: { node: "b", isNew: true } })
      expect(await b.ended).toBe(0)
      expect(await broken(cluster.sql)).toEqual(sound)
    }),
)

it("a node that was paused beyond the expiry of its locks adds nothing, and is one of three again", {
  timeout: timeoutMs,
}, () =>
  withCluster(async (cluster) => {
    const [a, b] = cluster.nodes as [ClusterNode, ClusterNode]
    const before = await settled(cluster, a)
    const onB = users.filter((_, index) => before[index]?.node === "b")
    const late = onB.map((user) => b.ask({ user, request: "late", workMs: 2_000 }))
    await eventually("each has begun", async () => {
      const begun = await cluster.sql`SELECT 1 FROM begun WHERE request = 'late'`
      return begun.length === onB.length ? true : undefined
    })
    b.signal("SIGSTOP")
    const pausedAtMs = performance.now()
    expect([...nodesOf(await askAll(cluster, a))].sort()).toEqual(["a", "c"])
    say(`all users answered by others ${seconds(pausedAtMs)} after SIGSTOP`)
    b.signal("SIGCONT")
    const outcomes = await Promise.all(late)
    say(
      `what it was doing ended with ${[...new Set(outcomes.map((each) => "reply" in each ? "reply" : each.failure))]}`,
    )
    await settled(cluster, a)
    // It has its shards again, so the actors it had before are closed.
    expect(await cluster.sql`SELECT user_id, node FROM effects WHERE request = 'late'`).toEqual([])
    expect(await broken(cluster.sql)).toEqual(sound)
  }))
