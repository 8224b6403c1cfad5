/** Three nodes on a database of their own, and what the rows say of what they did. */
import postgres from "postgres"
import { createDatabase } from "../support/postgres.ts"
import { type ClusterNode, freePort, startNode } from "./nodeProcess.ts"
import { tables } from "./recorder.ts"

/** Tightened, so that a lost node is noticed within seconds. The service's own are longer. */
export const times = { lockExpiryMs: 3_000, lockRefreshMs: 1_000, healthCheckMs: 1_000 }

const askTimeoutMs = 3_000

export interface Cluster {
  readonly nodes: ReadonlyArray<ClusterNode>
  readonly sql: postgres.Sql
  /** Asks until there is an answer, with the same request each time. */
  readonly ask: (via: ClusterNode, user: string, request: string) => Promise<Asked>
}

export interface Asked {
  readonly node: string
  readonly epoch: number
  readonly failures: ReadonlyArray<string>
}

const triesMax = 100
const retryMs = 100

const ask: Cluster["ask"] = async (via, user, request) => {
  const failures: Array<string> = []
  while (failures.length < triesMax) {
    const answer = await via.ask({ user, request, workMs: 0 })
    if ("reply" in answer) return { node: answer.reply.node, epoch: answer.reply.epoch, failures }
    failures.push(answer.failure)
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
  throw new Error(`${user} was not answered: ${failures.join(", ")}\n${via.output()}`)
}

export const withCluster = async (use: (cluster: Cluster) => Promise<void>): Promise<void> => {
  const database = await createDatabase()
  const sql = postgres(database.url, { max: 2, onnotice: () => {} })
  const nodes: Array<ClusterNode> = []
  try {
    await sql.unsafe(tables)
    for (const name of ["a", "b", "c"]) {
      nodes.push(startNode({ name, port: await freePort(), databaseUrl: database.url, askTimeoutMs, times }))
    }
    await Promise.all(nodes.map(({ ready }) => ready))
    await use({ nodes, sql, ask })
  } finally {
    for (const node of nodes) node.signal("SIGKILL")
    await Promise.all(nodes.map(({ ended }) => ended))
    await sql.end()
    await database.drop()
  }
}

export const users = Array.from({ length: 60 }, (_, index) => `user-${index}`)

let rounds = 0

/** Who answers for each user now. */
export const askAll = async ({ ask }: Cluster, via: ClusterNode): Promise<ReadonlyArray<Asked>> => {
  const request = `round-${++rounds}`
  return await Promise.all(users.map((user) => ask(via, user, request)))
}

/** What must hold whatever happened to the nodes; zero rows each. */
export const broken = async (sql: postgres.Sql) => ({
  /** An instance wrote after a later one of the same actor had. */
  overlaps: await sql`
    SELECT user_id, request FROM (
      SELECT *, epoch < max(epoch) OVER (PARTITION BY user_id ORDER BY seq) AS late FROM effects
    ) AS ordered WHERE late`,
  /** Two instances that took themselves for the same one. */
  shared: await sql`SELECT user_id, epoch FROM effects GROUP BY user_id, epoch HAVING count(DISTINCT node) > 1`,
})
