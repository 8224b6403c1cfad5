/**
 * A recommend on old data, with the whole service: the tool is read within a budget, then what there is is served, and
 * how old that is is said. Data is made old in the database, and no sync comes of itself.
 */
import { describe, expect, it } from "vitest"
import type { RequestEntry } from "../../simulator/world.ts"
import { clientOf } from "../support/httpClient.ts"
import { eventually } from "../support/eventually.ts"
import { worldOfFile } from "../support/world.ts"
import type { Recommendation, User } from "../support/world.ts"

const oldMs = 3_600_000
/** Longer than a quick read takes on a busy machine, and much shorter than a slow one. */
const budgetMs = 2_000
const slowMs = 8_000

const world = worldOfFile({
  FRESH_BUDGET_MS: String(budgetMs),
  TODOIST_SYNC_INTERVAL_MS: "86400000",
  SYNC_START_DELAY_MS: "0",
})

const control = async <A>(method: string, path: string, json?: object): Promise<A> => {
  const answer = await clientOf(world.simulator.url).call(method, `/_sim${path}`, json === undefined ? {} : { json })
  if (answer.status >= 300) throw new Error(`the simulator refused ${path}: ${answer.text}`)
  return answer.json<A>()
}

interface Known extends User {
  readonly token: string
  /** Calls of this account so far. */
  readonly calls: () => Promise<ReadonlyArray<RequestEntry>>
}

const connected = async (token: string): Promise<Known> => {
  await world.simulator.account(token, 5)
  const user = await world.newUser()
  expect((await user.call("POST", "/v1/connectors/todoist", { json: { token } })).status).toBe(200)
  const { userId: account } = await control<{ readonly userId: string }>("GET", `/tasks?token=${token}`)
  await eventually("all tasks are candidates", async () => {
    const rows = await world.sql`SELECT 1 FROM candidates WHERE user_id = ${user.userId}`
    return rows.length >= 5 ? true : undefined
  })
  return {
    ...user,
    token,
    calls: async () => {
      const { requests } = await control<{ readonly requests: ReadonlyArray<RequestEntry> }>("GET", "/requests")
      return requests.filter(({ userId }) => userId === account)
    },
  }
}

const makeOld = async ({ userId }: User) => {
  await world.sql`UPDATE connections SET synced_at_ms = ${Date.now() - oldMs} WHERE user_id = ${userId}`
}

const addTask = async ({ token }: Known): Promise<string> => {
  const due = new Date().toISOString().slice(0, 10)
  const args = { content: "New at the tool", priority: 4, due: { date: due } }
  return (await control<{ readonly subject: string }>("POST", "/act", { token, type: "item_add", args })).subject
}

const recommend = async (user: User): Promise<Recommendation> => {
  const answer = await user.call("POST", "/v1/recommend")
  expect(answer.status).toBe(200)
  return answer.json<Recommendation>()
}

/** Whether the decision looked at the task: its event names all candidates. */
const considered = async ({ tip }: Recommendation, taskId: string): Promise<boolean> => {
  const [row] = await world.sql`
    SELECT position(convert_to(${`todoist:${taskId}`}, 'UTF8') in payload) > 0 AS is_in
    FROM outbox WHERE event_id = ${tip?.id ?? ""}`
  return row?.["is_in"] === true
}

const syncedAt = async (user: User) => (await user.connection()).lastSyncAt

describe("a recommend on old data", () => {
  it("has the tool's news itself, when the tool is quick", async () => {
    const user = await connected("fresh-quick")
    await makeOld(user)
    const task = await addTask(user)
    const answer = await recommend(user)
    expect(await considered(answer, task)).toBe(true)
    expect(answer.dataAgeMs).toBeLessThan(oldMs)
    const calls = await user.calls()
    expect(await considered(await recommend(user), task)).toBe(true)
    expect(await user.calls()).toEqual(calls)
  })

  it("serves what it has and says how old that is, when the tool is slow; its news is in the next one", async () => {
    const user = await connected("fresh-slow")
    await makeOld(user)
    const before = await syncedAt(user)
    const task = await addTask(user)
    await world.simulator.addFaults([{ fault: "slow", delayMs: slowMs, token: user.token, on: "read" }])
    const answer = await recommend(user)
    // Answered while the tool still holds its reply back.
    expect(await syncedAt(user)).toBe(before)
    expect(await considered(answer, task)).toBe(false)
    expect(answer.dataAgeMs).toBeGreaterThanOrEqual(oldMs)
    await eventually("the sync went on", async () => (await syncedAt(user)) === before ? undefined : true)
    const later = await eventually("its news is in the next one", async () => {
      const next = await recommend(user)
      return await considered(next, task) ? next : undefined
    })
    expect(later.dataAgeMs).toBeLessThan(oldMs)
    const reads = (await user.calls()).filter(({ fault }) => fault === "slow")
    expect(reads).toHaveLength(1)
  })

  it("serves what it has when the tool fails, and leaves the tool alone until its time has come", async () => {
    const user = await connected("fresh-failing")
    await makeOld(user)
    await addTask(user)
    await world.simulator.addFaults([{ fault: "500", token: user.token, on: "read" }])
    const answer = await recommend(user)
    expect(answer.tip).not.toBeNull()
    expect(answer.dataAgeMs).toBeGreaterThanOrEqual(oldMs)
    expect(await user.connection()).toMatchObject({ status: "connected", failures: 1 })
    await world.sql`UPDATE connections SET next_sync_at_ms = ${Date.now() + oldMs} WHERE user_id = ${user.userId}`
    const calls = await user.calls()
    expect((await recommend(user)).dataAgeMs).toBeGreaterThanOrEqual(oldMs)
    expect(await user.calls()).toEqual(calls)
  })

  it("asks nobody for somebody who disconnected, and has no age to tell of", async () => {
    const user = await connected("fresh-gone")
    expect((await user.call("DELETE", "/v1/connectors/todoist")).status).toBe(200)
    await makeOld(user)
    const calls = await user.calls()
    const answer = await recommend(user)
    expect(answer.tip).not.toBeNull()
    expect(answer.dataAgeMs).toBeNull()
    expect(await user.calls()).toEqual(calls)
  })

  it("asks nobody for somebody who has to connect again, and still says how old their tasks are", async () => {
    const user = await connected("fresh-ended")
    await world.simulator.addFaults([{ fault: "401", token: user.token, on: "read" }])
    await makeOld(user)
    expect((await recommend(user)).dataAgeMs).toBeGreaterThanOrEqual(oldMs)
    expect(await user.connection()).toMatchObject({ status: "needs-reconnect" })
    const calls = await user.calls()
    expect((await recommend(user)).dataAgeMs).toBeGreaterThanOrEqual(oldMs)
    expect(await user.calls()).toEqual(calls)
  })

  it("of two tools reads the old one, not the fresh one, and is as old as the older", async () => {
    const user = await connected("fresh-two")
    const feed = (status: string, syncedAtMs: number) =>
      world.sql`INSERT INTO connections (tenant_id, user_id, provider, status, version, connected_at_ms, synced_at_ms)
        VALUES ('default', ${user.userId}, 'ical', ${status}, 1, 0, ${syncedAtMs})
        ON CONFLICT (tenant_id, user_id, provider) DO UPDATE SET status = ${status}, synced_at_ms = ${syncedAtMs}`
    // This service knows no calendar hosts: the feed cannot be read, whoever asks.
    await feed("connected", Date.now() - 2 * oldMs)
    const calls = await user.calls()
    expect((await recommend(user)).dataAgeMs).toBeGreaterThanOrEqual(2 * oldMs)
    expect(await user.calls()).toEqual(calls)
    await makeOld(user)
    await feed("connected", Date.now() - 2 * oldMs)
    const task = await addTask(user)
    const answer = await recommend(user)
    expect(await considered(answer, task)).toBe(true)
    expect(answer.dataAgeMs).toBeGreaterThanOrEqual(2 * oldMs)
    await feed("disconnected", Date.now() - 2 * oldMs)
    expect((await recommend(user)).dataAgeMs).toBeLessThan(oldMs)
  })

  it("many at once read the tool once, and all have its news", async () => {
    const user = await connected("fresh-many")
    await makeOld(user)
    const task = await addTask(user)
    const calls = (await user.calls()).length
    const answers = await Promise.all(Array.from({ length: 8 }, () => recommend(user)))
    const seen = await Promise.all(answers.map((answer) => considered(answer, task)))
    expect(seen).toEqual(answers.map(() => true))
    expect((await user.calls()).length - calls).toBe(1)
  })
})
