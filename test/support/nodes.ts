/**
 * Several processes of the service on one database, as behind a load balancer, with a simulated Todoist whose access
 * tokens end so soon that every sync needs another pair; and what must hold of all they wrote.
 */
import { createHmac, randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import postgres from "postgres"
import { expect } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import { TaskChange } from "../../schemas/gen/tipstream/events/v1/signals_pb.ts"
import { eventsOf } from "./eventRows.ts"
import { connectByOAuth } from "./connectByOAuth.ts"
import { clientOf } from "./httpClient.ts"
import { createDatabase } from "./postgres.ts"
import { leftOf, spawnService } from "./service.ts"
import type { Service, ServiceOptions } from "./service.ts"
import { controlOf, newUserIn, userAt } from "./world.ts"
import type { SimulatorControl, User } from "./world.ts"

/** One process at its place; started again there it has another port. */
export interface Node {
  readonly service: () => Service
  readonly url: () => string
  readonly restart: () => Promise<void>
  readonly signal: (name: NodeJS.Signals) => void
}

export interface Nodes {
  readonly nodes: ReadonlyArray<Node>
  readonly sql: postgres.Sql
  readonly simulator: SimulatorControl
  /** A user who let us in by OAuth, with an account of so many tasks of the name `token`. */
  readonly connect: (token: string, taskCount: number) => Promise<Connected>
  /** What Todoist sends when something of that account changed, signed. */
  readonly webhook: (node: Node, connected: Connected) => Promise<number>
  /** What must hold of this user whatever happened to the processes, once they are quiet. */
  readonly soundness: (connected: Connected) => Promise<Soundness>
  readonly end: () => Promise<void>
}

export interface Connected {
  readonly token: string
  readonly accountId: string
  readonly user: User
}

export interface Soundness {
  /** Task events that contradict those before them: what appeared twice, what ended without being there. */
  readonly contradictions: ReadonlyArray<string>
  /** Open tasks by the log, by the table and at Todoist. */
  readonly open: ReadonlyArray<ReadonlyArray<string>>
  /** Commands at Todoist that are no act of ours, or were executed more than once. */
  readonly foreign: ReadonlyArray<string>
  /** Acts that are not settled, or were settled as done without being executed. */
  readonly lost: ReadonlyArray<string>
  /** Why grants of the user have ended. */
  readonly ended: ReadonlyArray<string>
  readonly connection: unknown
}

export interface NodesOptions {
  readonly count: number
  readonly env?: (index: number) => Readonly<Record<string, string>>
  readonly command?: ServiceOptions["command"]
}

const app = { id: "tipstream-nodes", secret: "nodes-secret" }

export const startNodes = async ({ count, env = () => ({}), command }: NodesOptions): Promise<Nodes> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-nodes-"))
  const database = await createDatabase()
  const sql = postgres(database.url, { max: 2, onnotice: () => {} })
  const running = await runSimulator({
    port: 0,
    timeZone: "UTC",
    clients: [{ ...app, refreshEnabled: true }],
    // Shorter than the time ahead of its end at which a token is refreshed.
    switches: { accessTokenMs: 30_000 },
  })
  const vaultKeys = `k1:${randomBytes(32).toString("base64")}`
  const nodes = Array.from({ length: count }, (_, index) =>
    nodeOf({
      args: ["serve"],
      ...(command === undefined ? {} : { command }),
      env: {
        DATABASE_URL: database.url,
        DATA_DIR: path.join(folder, String(index)),
        VAULT_KEYS: vaultKeys,
        TODOIST_BASE_URL: running.url,
        TODOIST_CLIENT_ID: app.id,
        TODOIST_CLIENT_SECRET: app.secret,
        SYNC_START_DELAY_MS: "0",
        // All test files share one server of few connections.
        DATABASE_POOL_MAX: "5",
        ...env(index),
      },
    }))
  const simulator = controlOf(running.url)
  // The first brings the tables.
  for (const node of nodes) await node.restart()
  const made = { sql, simulator, nodes }
  return {
    ...made,
    connect: (token, taskCount) => connect(made, token, taskCount),
    webhook,
    soundness: (connected) => soundnessOf(made, connected),
    end: async () => {
      const left = await Promise.all(nodes.map(async (node) => {
        const family = node.service().family()
        await node.service().kill()
        return leftOf(family)
      }))
      await sql.end({ timeout: 5 })
      await running.close()
      await database.drop()
      await fs.rm(folder, { recursive: true, force: true })
      expect(left.flat()).toEqual([])
    },
  }
}

const nodeOf = (options: ServiceOptions): Node => {
  let now: { readonly service: Service; readonly url: string } | undefined
  const started = () => {
    if (now === undefined) throw new Error("the node was not started")
    return now
  }
  return {
    service: () => started().service,
    url: () => started().url,
    restart: async () => {
      const service = spawnService(options)
      now = { service, url: "" }
      now = { service, url: await service.ready }
    },
    signal: (name) => void process.kill(started().service.pid, name),
  }
}

type Made = Pick<Nodes, "sql" | "simulator" | "nodes">

const control = async (url: string, method: string, where: string, json?: object) => {
  const answer = await clientOf(url).call(method, `/_sim${where}`, json === undefined ? {} : { json })
  if (answer.status >= 300) throw new Error(`the simulator refused ${where}: ${answer.text}`)
  return answer
}

const connect = async ({ sql, simulator, nodes }: Made, token: string, taskCount: number): Promise<Connected> => {
  await simulator.account(token, taskCount)
  const user = await newUserIn(sql, nodes[0]!.url())
  await connectByOAuth(user, simulator.url, app.id, token)
  const [row] = await sql`SELECT account_id FROM connections WHERE user_id = ${user.userId}`
  return { token, accountId: row?.["account_id"], user }
}

const webhook = async (node: Node, { accountId }: Connected): Promise<number> => {
  const body = JSON.stringify({
    event_name: "item:updated",
    user_id: accountId,
    event_data: { id: randomBytes(8).toString("hex") },
    triggered_at: new Date().toISOString(),
    version: "10",
  })
  const signature = createHmac("sha256", app.secret).update(body).digest("base64")
  const answer = await clientOf(node.url()).call("POST", "/webhooks/todoist", {
    body,
    headers: { "content-type": "application/json", "x-todoist-hmac-sha256": signature },
  })
  return answer.status
}

interface ActRow {
  readonly act_id: string
  readonly task_id: string
  readonly outcome: string | null
}

const soundnessOf = async (made: Made, { token, accountId, user }: Connected): Promise<Soundness> => {
  const { sql, simulator } = made
  const { contradictions, open } = await foldOf(sql, user.userId)
  const rows = await sql<Array<{ readonly task_id: string }>>`
    SELECT task_id FROM tasks WHERE user_id = ${user.userId} ORDER BY task_id`
  const acts = await sql<Array<ActRow>>`SELECT act_id, task_id, outcome FROM acts WHERE user_id = ${user.userId}`
  const { commands } = await simulator.ledger(token)
  const executed = new Map(commands.map((command) => [command.uuid, command.executed]))
  const actIds = new Set(acts.map((act) => act.act_id))
  const { families } = (await control(simulator.url, "GET", `/tokens?userId=${accountId}`))
    .json<{ readonly families: ReadonlyArray<{ readonly endedBy: string | null }> }>()
  return {
    contradictions,
    open: [[...open].sort(), rows.map((row) => row.task_id).sort(), (await simulator.openTaskIds(token)).toSorted()],
    foreign: commands.filter(({ uuid, executed }) => uuid === null || !actIds.has(uuid) || executed > 1)
      .map(({ uuid, type, executed }) => `${type} ${uuid} executed ${executed} times`),
    lost: acts.filter((act) => act.outcome === null || (act.outcome === "done" && executed.get(act.act_id) !== 1))
      .map((act) => `${act.act_id} ${act.outcome ?? "is waiting"}, executed ${executed.get(act.act_id) ?? 0} times`),
    ended: families.flatMap(({ endedBy }) => endedBy ?? []),
    connection: (await sql`SELECT status, failures, problem_code FROM connections WHERE user_id = ${user.userId}`)[0],
  }
}

/** The tasks the log tells of, and where it contradicts itself. */
const foldOf = async (sql: postgres.Sql, userId: string) => {
  const open = new Set<string>()
  const contradictions: Array<string> = []
  for (const { envelope, sequence } of await eventsOf(sql, "SIGNALS")) {
    const { payload } = envelope
    if (envelope.userId !== userId || payload.case !== "taskChanged") continue
    const { change, task } = payload.value
    const taskId = task?.taskId ?? ""
    const arrives = change === TaskChange.APPEARED || change === TaskChange.RESTORED
    if (open.has(taskId) === arrives) contradictions.push(`${sequence}: ${envelope.type} of ${taskId}`)
    if (change === TaskChange.COMPLETED || change === TaskChange.REMOVED) open.delete(taskId)
    else open.add(taskId)
  }
  return { open, contradictions }
}

export const sound: Omit<Soundness, "open"> = {
  contradictions: [],
  foreign: [],
  lost: [],
  ended: [],
  connection: { status: "connected", failures: 0, problem_code: null },
}

/** The same user at this process. */
export const at = (node: Node, { user }: Connected): User => userAt(node.url(), user)
