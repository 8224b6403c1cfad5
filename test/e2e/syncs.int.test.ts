/** What an operator sees of syncing, with the whole service: who is late and why, while others are not. */
import { beforeAll, describe, expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { worldOfFile } from "../support/world.ts"
import type { User } from "../support/world.ts"

const world = worldOfFile({
  ADMIN_TOKEN: "operators-token",
  TODOIST_SYNC_INTERVAL_MS: "1000",
  TODOIST_TIMEOUT_MS: "1000",
})

interface Late {
  readonly userId: string
  readonly status: string
  readonly lastSyncAt: string | null
  readonly nextSyncAt: string | null
  readonly failures: number
  readonly code: string | null
  readonly problem: string | null
}

interface Syncs {
  readonly providers: ReadonlyArray<{
    readonly provider: string
    readonly circuit: string
    readonly connected: number
    readonly needsReconnect: number
    readonly failing: number
    readonly problems: Readonly<Record<string, number>>
  }>
  readonly actors: Readonly<Record<string, number>>
}

const asOperator = async <A>(path: string): Promise<A> => {
  const headers = { authorization: "Bearer operators-token" }
  const answer = await world.anonymous().call("GET", path, { headers })
  expect([path, answer.status]).toEqual([path, 200])
  return answer.json<A>()
}

const users = new Map<string, User>()
const faults = { limited: "429", broken: "500", dead: "401" }

beforeAll(async () => {
  for (const token of ["well", ...Object.keys(faults)]) {
    await world.simulator.account(token, 3)
    const user = await world.newUser()
    expect((await user.call("POST", "/v1/connectors/todoist", { json: { token } })).status).toBe(200)
    users.set(token, user)
  }
  await world.simulator.addFaults(
    Object.entries(faults).map(([token, fault]) => ({ fault, token, times: 100, retryAfterSeconds: 600 })),
  )
})

const lateOf = (late: ReadonlyArray<Late>, name: string) =>
  late.find(({ userId }) => userId === users.get(name)?.userId)

describe("an operator", () => {
  it("sees who is late, since when, why and what is next, and that nobody else is", async () => {
    const late = await eventually("all three are late", async () => {
      const { late } = await asOperator<{ readonly late: ReadonlyArray<Late> }>("/v1/admin/syncs/late?limit=100")
      const codes = ["limited", "broken"].map((name) => lateOf(late, name)?.code)
      return codes.every((code) => typeof code === "string") ? late : undefined
    })
    expect(lateOf(late, "limited")).toMatchObject({ code: "RateLimited", status: "connected" })
    expect(lateOf(late, "broken")).toMatchObject({ code: "ProviderUnavailable", status: "connected" })
    for (const name of ["limited", "broken"]) {
      const { lastSyncAt, nextSyncAt, failures, problem } = lateOf(late, name)!
      expect([lastSyncAt, nextSyncAt].map((at) => typeof at)).toEqual(["string", "string"])
      expect(failures).toBeGreaterThan(0)
      expect(problem).not.toMatch(/limited-|broken-|token/i)
    }
    expect(lateOf(late, "well")).toBeUndefined()
  })

  it("sees how many of a tool's users are how, and that the tool answers", async () => {
    const { providers } = await eventually("the dead one has to reconnect", async () => {
      const syncs = await asOperator<Syncs>("/v1/admin/syncs")
      return syncs.providers.some(({ needsReconnect }) => needsReconnect === 1) ? syncs : undefined
    })
    const todoist = providers.find(({ provider }) => provider === "todoist")
    expect(todoist).toMatchObject({ needsReconnect: 1, problems: { RateLimited: 1, ProviderUnavailable: 1 } })
    expect(todoist?.failing).toBe(2)
  })

  it("finds the same on the page, which holds no word of any task", async () => {
    const headers = { authorization: "Bearer operators-token", accept: "text/html" }
    const { text } = await world.anonymous().call("GET", "/operator?live=off", { headers })
    expect(text).toContain('<h2 id="late">Late</h2>')
    for (const name of ["limited", "broken"]) expect(text).toContain(users.get(name)!.userId)
    const titles = await world.sql`SELECT task ->> 'title' AS title FROM tasks`
    expect(titles.length).toBeGreaterThan(5)
    for (const row of titles) expect(text).not.toContain(row["title"])
  })

  it("is the only one who does", async () => {
    for (const path of ["/v1/admin/syncs", "/v1/admin/syncs/late"]) {
      expect((await users.get("well")!.call("GET", path)).status).toBe(401)
    }
  })

  it("is no concern of healthy users: theirs goes on", async () => {
    const user = users.get("well")!
    const before = (await user.connection()).lastSyncAt
    const after = await eventually("synced again", async () => {
      const { failures, lastSyncAt } = await user.connection()
      return lastSyncAt === before ? undefined : { failures }
    })
    expect(after.failures).toBe(0)
  })
})
