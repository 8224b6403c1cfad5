import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { completeActId } from "../../src/recommender/Feedback.ts"
import { eventually } from "../support/eventually.ts"
import { worldOfFile } from "../support/world.ts"
import type { Connection, Tip, User } from "../support/world.ts"

/** Longer than any good answer takes on a busy machine, shorter than the slow one. */
const timeoutMs = 1_500

const world = worldOfFile({ TODOIST_SYNC_INTERVAL_MS: "1000", TODOIST_TIMEOUT_MS: String(timeoutMs) })

/** A user whose account has tasks, by its token. */
const connected = async (token: string): Promise<User> => {
  await world.simulator.account(token, 20)
  const user = await world.newUser()
  const answer = await user.call("POST", "/v1/connectors/todoist", { json: { token } })
  if (answer.status !== 200) throw new Error(`not connected: ${answer.text}`)
  return user
}

/** The pause after a failure doubles: on a busy machine the third or fourth may have come before the faults went. */
const backoffWithinMs = 50_000

const connectionThat = (user: User, what: string, holds: (connection: Connection) => boolean): Promise<Connection> =>
  eventually(what, async () => {
    const connection = await user.connection()
    return holds(connection) ? connection : undefined
  }, backoffWithinMs)

const todo = (user: User): Promise<Tip> =>
  eventually("a task is recommended", async () => {
    const tip = await user.tip()
    return tip.kind === "todo" ? tip : undefined
  })

interface Trouble {
  /** As the simulator knows it. */
  readonly fault: object
  readonly status: "connected" | "needs-reconnect"
  readonly problem: RegExp
  /** What asking for a sync is answered. */
  readonly answer: readonly [number, string]
}

const waits = (problem: RegExp) =>
  ({ status: "connected", problem, answer: [502, "TOOL_UNAVAILABLE"] }) satisfies Omit<Trouble, "fault">
const ends = { status: "needs-reconnect", problem: /connect again/, answer: [404, "NOT_CONNECTED"] } as const

const troubles: Readonly<Record<string, Trouble>> = {
  "401": { fault: { fault: "401" }, ...ends },
  "403 with an invalid token": { fault: { fault: "403-invalid-token" }, ...ends },
  "403 for want of scope": { fault: { fault: "403-scope" }, ...waits(/scope/) },
  "429 with Retry-After": { fault: { fault: "429", retryAfterSeconds: 1 }, ...waits(/rate/) },
  "429 without the header": { fault: { fault: "429-body-only", retryAfterSeconds: 1 }, ...waits(/rate/) },
  "500": { fault: { fault: "500" }, ...waits(/server-error \(status 500\)/) },
  "503": { fault: { fault: "503" }, ...waits(/status 503/) },
  "a page of HTML": { fault: { fault: "502-html" }, ...waits(/status 502/) },
  "half a JSON document": { fault: { fault: "truncated-json" }, ...waits(/malformed/) },
  "nothing for too long": { fault: { fault: "slow", delayMs: 2 * timeoutMs }, ...waits(/timeout/) },
  "a reset before it did anything": { fault: { fault: "reset-before-commit" }, ...waits(/connection/) },
  "a reset after it did it": { fault: { fault: "reset-after-commit" }, ...waits(/connection/) },
}

const names = Object.keys(troubles)
const waiting = names.filter((name) => troubles[name]!.status === "connected")
const ended = names.filter((name) => troubles[name]!.status === "needs-reconnect")
const tokenOf = (name: string) => `token-${names.indexOf(name)}`
const users = new Map<string, User>()
let clearedAt = 0
const userOf = (name: string): User => users.get(name)!

/** All at once, each on a user of its own: what one account answers is no trouble of another. */
describe("while Todoist answers with", () => {
  beforeAll(async () => {
    for (const name of names) users.set(name, await connected(tokenOf(name)))
    // More than the backoff lets through until they are cleared.
    const faults = names.map((name) => ({ ...troubles[name]!.fault, token: tokenOf(name), times: 100 }))
    await world.simulator.addFaults(faults)
  })
  afterAll(async () => {
    await world.simulator.clearFaults()
    clearedAt = Date.now()
  })

  it.concurrent.each(names)("%s: the connection says so, and tips go on", async (name) => {
    const user = userOf(name)
    const { status, problem, answer } = troubles[name]!
    const connection = await connectionThat(user, `${name} is noticed`, (now) => now.problem !== null)
    expect(connection).toMatchObject({ status, problem: expect.stringMatching(problem) })
    expect(connection.lastSyncAt).not.toBeNull()
    expect((await user.tip()).title).not.toBe("")
    const asked = await user.call("POST", "/v1/connectors/todoist/sync")
    expect([asked.status, asked.code]).toEqual(answer)
    expect(asked.text).not.toContain(tokenOf(name))
  })

  it("a done in the meantime is taken", async () => {
    for (const name of ended) {
      const { id } = await todo(userOf(name))
      expect((await userOf(name).react(id, "done")).status).toBe(200)
      expect((await world.simulator.ledger(tokenOf(name))).commands).toEqual([])
    }
  })

  it("a dead token is asked about once, not again and again", async () => {
    for (const name of ended) {
      expect(await userOf(name).connection()).toMatchObject({ nextSyncAt: null, failures: 0 })
    }
  })
})

describe("once Todoist answers again", () => {
  it.concurrent.each(waiting)("after %s the user is synced without anybody's doing", async (name) => {
    const connection = await connectionThat(
      userOf(name),
      "synced again",
      (now) => now.problem === null && Date.parse(now.lastSyncAt ?? "") > clearedAt,
    )
    expect(connection).toMatchObject({ status: "connected", failures: 0 })
  }, backoffWithinMs + 10_000)

  it.concurrent.each(ended)(
    "after %s the user connects again with a good token, and is synced from then on",
    async (name) => {
      const user = userOf(name)
      expect(await user.connection()).toMatchObject({ status: "needs-reconnect" })
      const answer = await user.call("POST", "/v1/connectors/todoist", { json: { token: tokenOf(name) } })
      expect([answer.status, answer.json()]).toMatchObject([200, { status: "connected" }])
      const { lastSyncAt } = await user.connection()
      const next = await connectionThat(user, "the next sync", (now) => now.lastSyncAt !== lastSyncAt)
      expect(next).toMatchObject({ status: "connected", failures: 0, problem: null })
    },
  )

  it.each(ended)("what was done during %s is closed there, once", async (name) => {
    const commands = await eventually("the task is closed", async () => {
      const found = (await world.simulator.ledger(tokenOf(name))).commands
      return found.length === 0 ? undefined : found
    })
    expect(commands).toEqual([expect.objectContaining({ type: "item_close", status: "ok", executed: 1, received: 1 })])
  })
})

describe("a done whose answer is lost", () => {
  const losses = ["reset-after-commit", "truncated-json", "reset-before-commit", "500"]
  const tips = new Map<string, Tip>()
  beforeAll(async () => {
    for (const fault of losses) {
      const token = `done-${fault}`
      const user = await connected(token)
      const tip = await todo(user)
      await world.simulator.addFaults([{ fault, on: "write", token }])
      expect((await user.react(tip.id, "done")).status).toBe(200)
      tips.set(fault, tip)
    }
  })

  it.concurrent.each(losses)("by %s closes the task once, under one id", async (fault) => {
    const actId = completeActId(tips.get(fault)!.id)
    await eventually("the act is settled", async () => {
      const [act] = await world.sql`SELECT outcome FROM acts WHERE act_id = ${actId}`
      return act?.["outcome"] === "done" ? true : undefined
    })
    const { commands } = await world.simulator.ledger(`done-${fault}`)
    expect(commands).toEqual([expect.objectContaining({ type: "item_close", uuid: actId, status: "ok", executed: 1 })])
    const wasExecuted = fault === "reset-after-commit" || fault === "truncated-json"
    expect(commands[0]?.received).toBeGreaterThanOrEqual(wasExecuted ? 2 : 1)
  })
})

describe("a limit of the rate", () => {
  it.concurrent.each(["429", "429-body-only"])("by %s is kept to for as long as it was asked", async (fault) => {
    const token = `limited-${fault}`
    const user = await connected(token)
    await world.simulator.addFaults([{ fault, retryAfterSeconds: 60, token }])
    const { nextSyncAt } = await connectionThat(user, "limited", (now) => now.problem !== null)
    const waitMs = Date.parse(nextSyncAt ?? "") - Date.now()
    expect(waitMs).toBeGreaterThan(50_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })
})

describe("connecting", () => {
  it("with a token Todoist does not know is TOKEN_REJECTED, and nothing is kept", async () => {
    const user = await world.newUser()
    const answer = await user.call("POST", "/v1/connectors/todoist", { json: { token: "unknown" } })
    expect([answer.status, answer.code]).toEqual([422, "TOKEN_REJECTED"])
    expect((await user.call("GET", "/v1/connectors")).json()).toMatchObject({ connectors: [] })
  })

  it("while Todoist is down is TOOL_UNAVAILABLE, and nothing is kept", async () => {
    await world.simulator.account("down", 1)
    await world.simulator.addFaults([{ fault: "500", token: "down" }])
    const user = await world.newUser()
    const answer = await user.call("POST", "/v1/connectors/todoist", { json: { token: "down" } })
    expect([answer.status, answer.code]).toEqual([502, "TOOL_UNAVAILABLE"])
    expect((await user.call("GET", "/v1/connectors")).json()).toMatchObject({ connectors: [] })
  })

  it("to a tool there is not is INVALID_REQUEST", async () => {
    const user = await world.newUser()
    const answer = await user.call("POST", "/v1/connectors/trello", { json: { token: "x" } })
    expect([answer.status, answer.code]).toEqual([400, "INVALID_REQUEST"])
  })

  it("disconnecting forgets the token and every task, and recommends advice only", async () => {
    const user = await connected("leaving")
    await todo(user)
    const answer = await user.call("DELETE", "/v1/connectors/todoist")
    expect([answer.status, answer.json()]).toEqual([200, { status: "disconnected", revocation: "none" }])
    expect(await user.connection()).toMatchObject({ status: "disconnected", lastSyncAt: null, nextSyncAt: null })
    const rows = await world.sql`
      SELECT sealed_token, cursor, (SELECT count(*)::integer FROM tasks WHERE user_id = ${user.userId}) AS tasks
      FROM connections WHERE user_id = ${user.userId}`
    expect(rows).toEqual([{ sealed_token: null, cursor: null, tasks: 0 }])
    await eventually("no task is a candidate", async () => {
      const left = await world.sql`SELECT 1 FROM candidates WHERE user_id = ${user.userId}`
      return left.length === 0 ? true : undefined
    })
    expect((await user.tip()).kind).toBe("advice")
  })
})
