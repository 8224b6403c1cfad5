/**
 * The whole for end-to-end tests: a service of its own process, a simulated Todoist in the test's, a database of the
 * file's own, and users who are signed in.
 */
import { createHash, randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import postgres from "postgres"
import { afterAll, beforeAll } from "vitest"
import type { LedgerEntry } from "../../simulator/account.ts"
import { runSimulator } from "../../simulator/runSimulator.ts"
import type { Simulator } from "../../simulator/runSimulator.ts"
import type { RequestEntry } from "../../simulator/world.ts"
import { eventually } from "./eventually.ts"
import type { Answer, Client } from "./httpClient.ts"
import { clientOf } from "./httpClient.ts"
import { createDatabase } from "./postgres.ts"
import type { TestDatabase } from "./postgres.ts"
import { leftOf, spawnService } from "./service.ts"
import type { Service } from "./service.ts"

/** The parts of the contract the tests read; `schemas/openapi.json` has it all. */
export interface Tip {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly body: string
  readonly source: string
  readonly deepLink: string | null
  readonly meta: { readonly candidateId: string; readonly why: ReadonlyArray<string>; readonly expiresAt: string }
}

export interface Recommendation {
  readonly tip: Tip | null
  readonly reason?: string
  readonly servedAt: string
  readonly dataAgeMs: number | null
  readonly policy: string
  readonly propensity: number | null
}

export interface Connection {
  readonly status: string
  readonly lastSyncAt: string | null
  readonly nextSyncAt: string | null
  readonly failures: number
  readonly problem: string | null
}

export interface Ledger {
  readonly commands: ReadonlyArray<LedgerEntry>
  /** Times a command changed something, by task and type. */
  readonly executions: Readonly<Record<string, Readonly<Record<string, number>>>>
}

interface Task {
  readonly id: string
  readonly checked: boolean
  readonly is_deleted: boolean
}

export interface User extends Client {
  readonly userId: string
  /** Fails unless there is a tip. */
  readonly tip: () => Promise<Tip>
  readonly react: (tipId: string, reaction: string, more?: object, headers?: Record<string, string>) => Promise<Answer>
  readonly connection: () => Promise<Connection>
}

export interface SimulatorControl {
  readonly url: string
  readonly ledger: (token: string) => Promise<Ledger>
  /** Makes an account of this many tasks; 0 for none. */
  readonly account: (token: string, taskCount: number) => Promise<void>
  readonly openTaskIds: (token: string) => Promise<ReadonlyArray<string>>
  readonly addFaults: (faults: ReadonlyArray<object>) => Promise<void>
  /** Once so many calls in all have met this fault; a slow one is then being held back. */
  readonly met: (fault: string, times?: number) => Promise<void>
  readonly clearFaults: () => Promise<void>
}

export interface World {
  readonly service: Service
  readonly url: string
  readonly sql: postgres.Sql
  readonly simulator: SimulatorControl
  /** The settings the service runs with, to start another beside it. */
  readonly env: Readonly<Record<string, string>>
  /** A client without a session. */
  readonly anonymous: () => Client
  readonly demoUser: () => Promise<User>
  /** An account of another issuer, signed in, connected to nothing. */
  readonly newUser: () => Promise<User>
}

export const demoToken = "sim-demo-token"

/** One for all tests of the file. Whatever it started is gone after it, or the file fails. */
export const worldOfFile = (env: Readonly<Record<string, string>> = {}): World => {
  let made: { readonly world: World; readonly end: () => Promise<void> } | undefined
  beforeAll(async () => {
    made = await makeWorld(env)
  })
  afterAll(async () => {
    await made?.end()
  })
  return new Proxy({} as World, {
    get: (_, name) => {
      if (made === undefined) throw new Error("the world exists from beforeAll to afterAll only")
      return made.world[name as keyof World]
    },
  })
}

const makeWorld = async (env: Readonly<Record<string, string>>) => {
  const endings: Array<() => Promise<unknown>> = []
  const end = async () => {
    for (const ending of endings.toReversed()) await ending()
  }
  try {
    const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-test-"))
    endings.push(() => fs.rm(dataDir, { recursive: true, force: true }))
    const database: TestDatabase = await createDatabase()
    endings.push(database.drop)
    const sql = postgres(database.url, { max: 2, onnotice: () => {} })
    endings.push(() => sql.end({ timeout: 5 }))
    const simulator = await runSimulator({ port: 0, token: demoToken, timeZone: "UTC" })
    endings.push(simulator.close)
    const settings = {
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      TODOIST_BASE_URL: simulator.url,
      TODOIST_TOKEN: simulator.token,
      ...env,
    }
    const service = spawnService({ env: settings })
    endings.push(() => endOf(service))
    const url = await service.ready
    return { world: worldOf(service, url, sql, simulator, settings), end }
  } catch (error) {
    await end()
    throw error
  }
}

const endOf = async (service: Service): Promise<void> => {
  const family = service.family()
  const { code, signal } = await service.stop()
  const left = await leftOf(family)
  if (code !== 0 || left.length > 0) {
    throw new Error(`stopped with ${signal ?? code}, left ${left.length} processes; it wrote:\n${service.output()}`)
  }
}

const worldOf = (
  service: Service,
  url: string,
  sql: postgres.Sql,
  simulator: Simulator,
  env: Readonly<Record<string, string>>,
): World => ({
  service,
  url,
  sql,
  env,
  simulator: controlOf(simulator.url),
  anonymous: () => clientOf(url),
  demoUser: () => signInDemo(url),
  newUser: () => newUserIn(sql, url),
})

export const newUserIn = async (sql: postgres.Sql, url: string): Promise<User> => {
  const userId = `u${randomBytes(10).toString("hex")}`
  const session = randomBytes(32).toString("base64url")
  const later = Date.now() + 3_600_000
  await sql`INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
    VALUES ('default', ${userId}, 'test', ${userId}, 'Test', 'UTC', 0)`
  await sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
    VALUES (${createHash("sha256").update(session).digest()}, 'default', ${userId}, 0, ${later})`
  return userOf(userId, clientOf(url, new Map([["sid", session]])))
}

/** The same user at the address of another process. */
export const userAt = (url: string, user: User): User => userOf(user.userId, clientOf(url, user.cookies))

export const signInDemo = async (url: string): Promise<User> => {
  const client = clientOf(url)
  const answer = await client.call("POST", "/auth/demo")
  return userOf(answer.json<{ readonly userId: string }>().userId, client)
}

const userOf = (userId: string, client: Client): User => ({
  ...client,
  userId,
  tip: async () => {
    const answer = await client.call("POST", "/v1/recommend")
    const tip = answer.status === 200 ? answer.json<Recommendation>().tip : null
    if (tip === null) throw new Error(`no tip: ${answer.status} ${answer.text}`)
    return tip
  },
  react: (tipId, reaction, more = {}, headers = {}) =>
    client.call("POST", "/v1/feedback", { json: { tipId, reaction, ...more }, headers }),
  connection: async () => {
    const { connectors } = (await client.call("GET", "/v1/connectors"))
      .json<{ readonly connectors: ReadonlyArray<Connection> }>()
    if (connectors[0] === undefined) throw new Error("nothing is connected")
    return connectors[0]
  },
})

export const controlOf = (url: string): SimulatorControl => {
  const client = clientOf(url)
  const demand = async (method: string, where: string, json?: unknown): Promise<Answer> => {
    const answer = await client.call(method, where, json === undefined ? {} : { json })
    if (answer.status >= 300) throw new Error(`the simulator refused ${method} ${where}: ${answer.text}`)
    return answer
  }
  return {
    url,
    ledger: async (token) => (await demand("GET", `/_sim/ledger?token=${token}`)).json<Ledger>(),
    account: async (token, taskCount) => void await demand("POST", "/_sim/accounts", { token, taskCount }),
    openTaskIds: async (token) =>
      (await demand("GET", `/_sim/tasks?token=${token}`)).json<{ readonly tasks: ReadonlyArray<Task> }>().tasks
        .filter((task) => !task.checked && !task.is_deleted).map(({ id }) => id),
    addFaults: async (faults) => void await demand("POST", "/_sim/faults", faults),
    met: (fault, times = 1) =>
      eventually(`a call meets ${fault}`, async () => {
        const { requests } = (await demand("GET", "/_sim/requests")).json<{ readonly requests: Array<RequestEntry> }>()
        return requests.filter((request) => request.fault === fault).length >= times ? true : undefined
      }).then(() => {}),
    clearFaults: async () => void await demand("DELETE", "/_sim/faults"),
  }
}
