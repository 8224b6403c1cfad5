/** What the simulated Todoist says unasked, to the whole service; and what others say in its name. */
import { createHmac } from "node:crypto"
import { beforeAll, describe, expect, it } from "vitest"
import { connectByOAuth } from "../support/connectByOAuth.ts"
import { clientOf } from "../support/httpClient.ts"
import type { Answer } from "../support/httpClient.ts"
import { eventually } from "../support/eventually.ts"
import { worldOfFile } from "../support/world.ts"
import type { User } from "../support/world.ts"

const app = { id: "tipstream-test", secret: "webhook-secret" }
/** No sync comes of itself while the tests run: what is seen came by a webhook. */
const world = worldOfFile({
  TODOIST_CLIENT_ID: app.id,
  TODOIST_CLIENT_SECRET: app.secret,
  TODOIST_SYNC_INTERVAL_MS: "86400000",
  FRESH_MS: "86400000",
})

const control = async (method: string, path: string, json?: object): Promise<Answer> => {
  const answer = await clientOf(world.simulator.url).call(method, `/_sim${path}`, json === undefined ? {} : { json })
  if (answer.status >= 300) throw new Error(`the simulator refused ${path}: ${answer.text}`)
  return answer
}

/** Connected by OAuth: Todoist tells of no others. */
const connected = async (token: string): Promise<User> => {
  await world.simulator.account(token, 5)
  const user = await world.newUser()
  await connectByOAuth(user, world.simulator.url, app.id, token)
  return user
}

const act = (token: string, type: string, args: object) => control("POST", "/act", { token, type, args })

const knows = (user: User, title: string): Promise<true> =>
  eventually(`${title} is known`, async () => {
    const rows = await world.sql`
      SELECT 1 FROM candidates WHERE user_id = ${user.userId} AND position(${title} in candidates::text) > 0`
    return rows.length > 0 ? true : undefined
  })

const syncedAt = async (user: User) => (await user.connection()).lastSyncAt

const outcomes = async (): Promise<Readonly<Record<string, number>>> => {
  const { text } = await world.anonymous().call("GET", "/metrics")
  return Object.fromEntries(
    [...text.matchAll(/webhooks_total\{[^}]*outcome="([^"]+)"[^}]*\} (\d+)/g)].map((
      [, outcome = "", count],
    ) => [outcome, Number(count)]),
  )
}

const signed = (body: string) => createHmac("sha256", app.secret).update(body).digest("base64")

const knock = (body: string, headers: Readonly<Record<string, string>>) =>
  world.anonymous().call("POST", "/webhooks/todoist", {
    body,
    headers: { "content-type": "application/json", ...headers },
  })

beforeAll(async () => {
  const webhookUrl = `${world.url.replace(/\/$/, "")}/webhooks/todoist`
  await control("POST", "/clients", { ...app, webhookUrl })
})

describe("a webhook", () => {
  it("brings a new task within a moment, though the next sync is a day away", async () => {
    const user = await connected("hook-new")
    await act("hook-new", "item_add", { content: "Water the balcony" })
    await knows(user, "Water the balcony")
    expect((await outcomes())["taken"]).toBeGreaterThanOrEqual(1)
  })

  it("edge case 29 - sent twice is taken once, and in any order it does no harm", async () => {
    const user = await connected("hook-twice")
    const before = await outcomes()
    await control("POST", "/webhooks/faults", [{ fault: "duplicate", times: 1 }])
    await act("hook-twice", "item_add", { content: "Call the plumber" })
    await knows(user, "Call the plumber")
    await eventually("the second is seen", async () => {
      const now = await outcomes()
      return (now["repeated"] ?? 0) > (before["repeated"] ?? 0) ? true : undefined
    })
    expect((await user.connection()).status).toBe("connected")
  })

  it("edge case 29 - forged, old, unreadable, unsigned or about a stranger is answered like any other", async () => {
    const user = await connected("hook-forged")
    const [row] = await world.sql`SELECT account_id FROM connections WHERE user_id = ${user.userId}`
    const before = [await syncedAt(user), await outcomes()] as const
    const bodyOf = (given: object) =>
      JSON.stringify({
        event_name: "item:updated",
        user_id: row?.["account_id"],
        event_data: { id: "1" },
        initiator: { id: "9", email: "canary@example.org", full_name: "Canary Person" },
        triggered_at: new Date().toISOString(),
        version: "10",
        ...given,
      })
    const delivery = { "x-todoist-delivery-id": "d-forged" }
    const good = bodyOf({})
    const old = bodyOf({ triggered_at: "2020-01-01T00:00:00.000000Z" })
    const stranger = bodyOf({ user_id: "nobody" })
    const answers = [
      await knock(good, { ...delivery, "x-todoist-hmac-sha256": signed(`${good} `) }),
      await knock(good, { ...delivery, "x-todoist-hmac-sha256": "" }),
      await knock(good, delivery),
      await knock(old, { ...delivery, "x-todoist-hmac-sha256": signed(old) }),
      await knock("{", { ...delivery, "x-todoist-hmac-sha256": signed("{") }),
      await knock(stranger, { ...delivery, "x-todoist-hmac-sha256": signed(stranger) }),
    ]
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, ""]))
    const now = await outcomes()
    const risen = (name: string) => (now[name] ?? 0) - (before[1][name] ?? 0)
    expect(["forged", "unsigned", "stale", "unreadable", "stranger", "taken"].map(risen)).toEqual([1, 2, 1, 1, 1, 0])
    expect(await syncedAt(user)).toBe(before[0])
    const written = world.service.output()
    expect(written).toContain("a webhook in the name of todoist was refused")
    expect(written).not.toMatch(/canary|Canary/)
    const kept = await world.sql`SELECT delivery_id FROM webhook_deliveries`
    expect(JSON.stringify(kept)).not.toMatch(/canary/i)
  })

  it("edge case 29 - is signed over its raw bytes, and comes from elsewhere", async () => {
    const user = await connected("hook-raw")
    const [row] = await world.sql`SELECT account_id FROM connections WHERE user_id = ${user.userId}`
    const before = await syncedAt(user)
    const time = new Date().toISOString()
    const body = `{ "event_name":"item:updated" ,\r\n"user_id":"${row?.["account_id"]}","event_data":{"id":"1",` +
      `"content":"caf\\u00e9 é"},"triggered_at":"${time}","version":"10"}\n`
    const answer = await knock(body, {
      "x-todoist-delivery-id": "d-raw",
      "x-todoist-hmac-sha256": signed(body),
      origin: "https://app.todoist.com",
      "sec-fetch-site": "cross-site",
    })
    expect(answer.status).toBe(200)
    await eventually("synced", async () => (await syncedAt(user)) === before ? undefined : true)
  })

  it("edge case 29 - may be a mebibyte long and no longer, told beforehand or not", async () => {
    const most = "x".repeat(1_048_576)
    expect((await knock(most, {})).status).toBe(200)
    expect((await knock(`${most}x`, {})).status).toBe(413)
    const chunked = { body: [most, "x"], headers: { "content-type": "application/json" } }
    expect((await world.anonymous().call("POST", "/webhooks/todoist", chunked)).status).toBe(413)
    expect((await world.anonymous().call("POST", "/webhooks/ical", { body: "" })).status).toBe(404)
    expect((await world.anonymous().call("GET", "/webhooks/todoist")).status).toBe(404)
  })
})
