import { createHash } from "node:crypto"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { clientOf } from "../support/httpClient.ts"
import type { Answer, RequestOptions } from "../support/httpClient.ts"
import { rawExchange, statusOf } from "../support/rawHttp.ts"
import { leftOf, spawnService } from "../support/service.ts"
import type { Service } from "../support/service.ts"
import { worldOfFile } from "../support/world.ts"
import type { User } from "../support/world.ts"

const bodyMaxBytes = 4_096
const canary = (where: string) => `canary-${where}-5c1f`

const world = worldOfFile({
  HTTP_BODY_MAX_BYTES: String(bodyMaxBytes),
  ADMIN_TOKEN: canary("admin"),
  LOG_LEVEL: "trace",
  // Any task may be served soon, whatever was learned and whatever the hour.
  POLICY: "random",
})
let user: User
beforeAll(async () => {
  user = await world.demoUser()
})

/** Whatever a request was, the next one is served. */
afterEach(async () => {
  const { status, json } = await world.anonymous().call("GET", "/ready")
  expect([status, json<{ readonly status: string }>().status]).toEqual([200, "ok"])
})

const refusal = ({ status, code, headers }: Answer) => [status, code, headers["content-type"]]
const problem = "application/problem+json"

const feedback = (options: RequestOptions): Promise<Answer> => user.call("POST", "/v1/feedback", options)
const asJson = { "content-type": "application/json" }
const unknownTip = "01a1fa52-c0fe-7493-b74e-d2e1476d92ce"

describe("a body that is not what the route takes", () => {
  it.each([
    ["malformed JSON", { body: '{"tipId":', headers: asJson }],
    ["no body at all", { headers: asJson }],
    ["bytes that are no UTF-8 text", { body: "\u0000\u0001", headers: asJson }],
    ["an array", { json: [] }],
    ["null", { json: null }],
    ["an unknown field", { json: { tipId: unknownTip, reaction: "done", reason: "because" } }],
    ["a wrong type", { json: { tipId: 7, reaction: "done" } }],
    ["a reaction there is not", { json: { tipId: unknownTip, reaction: "love" } }],
    ["a reaction only the service may record", { json: { tipId: unknownTip, reaction: "expired" } }],
    ["an id that is none", { json: { tipId: "../../etc/passwd", reaction: "done" } }],
    ["an instant that is none", { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: "tomorrow" } }],
    ["a year for an instant", { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: "2027" } }],
    ["a date for an instant", { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: "Sat Nov 21 2026" } }],
    [
      "an instant without its zone",
      { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: "2027-01-01T00:00:00" } },
    ],
    [
      "a month there is not",
      { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: "2027-13-01T00:00:00Z" } },
    ],
    ["a number for an instant", { json: { tipId: unknownTip, reaction: "snooze", snoozeUntil: 1e300 } }],
    ["a key of the prototype", { body: `{"tipId":"${unknownTip}","reaction":"done","__proto__":{}}`, headers: asJson }],
    ["nesting without end", { body: "[".repeat(4_000), headers: asJson }],
  ])("%s is INVALID_REQUEST", async (_, options) => {
    expect(refusal(await feedback(options))).toEqual([400, "INVALID_REQUEST", problem])
  })

  it("each wrong field is named, and none of what was in it is repeated", async () => {
    const answer = await feedback({ json: { tipId: canary("field"), reaction: canary("reaction"), more: 1 } })
    const { errors } = answer.json<{ readonly errors: ReadonlyArray<{ readonly path: ReadonlyArray<string> }> }>()
    expect(errors.map(({ path }) => path.join(".")).sort())
      .toEqual(["payload.more", "payload.reaction", "payload.tipId"])
    expect(answer.text).not.toContain("canary")
  })

  it.each([
    ["with its length", (body: string): RequestOptions => ({ body, headers: asJson })],
    ["in chunks", (body: string): RequestOptions => ({ body: [body.slice(0, 100), body.slice(100)], headers: asJson })],
  ])("more than HTTP_BODY_MAX_BYTES, %s, is BODY_TOO_LARGE", async (_, options) => {
    const body = JSON.stringify({ tipId: unknownTip, reaction: "x".repeat(bodyMaxBytes) })
    expect(refusal(await feedback(options(body)))).toEqual([413, "BODY_TOO_LARGE", problem])
  })

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/xml"])(
    "a body of %s is MEDIA_TYPE_UNSUPPORTED",
    async (type) => {
      const answer = await feedback({ body: "tipId=1", headers: { "content-type": type } })
      expect(refusal(answer)).toEqual([415, "MEDIA_TYPE_UNSUPPORTED", problem])
    },
  )

  it.each(["0", "101", "-1", "1.5", "1e1", "0x10", "%205", "5.0", "many", ""])(
    "a page of limit=%s is INVALID_REQUEST",
    async (limit) => {
      expect(refusal(await user.call("GET", `/v1/tips?limit=${limit}`))).toEqual([400, "INVALID_REQUEST", problem])
    },
  )

  it.each(["2027", "2027-01-01", "1800000000000", "Sat Nov 21 2026"])(
    "a page before=%s is INVALID_REQUEST",
    async (before) => {
      const answer = await user.call("GET", `/v1/tips?before=${encodeURIComponent(before)}`)
      expect(refusal(answer)).toEqual([400, "INVALID_REQUEST", problem])
    },
  )

  it("a page before an RFC 3339 date-time of any zone is given", async () => {
    for (const before of ["2027-01-01T00:00:00Z", "2027-01-01T00:00:00.123+05:30"]) {
      expect((await user.call("GET", `/v1/tips?before=${encodeURIComponent(before)}`)).status).toBe(200)
    }
  })

  it.each([
    ["of 201 characters", "k".repeat(201)],
    ["with a tab", "a\tb"],
    ["outside ASCII", "caf\u00e9"],
  ])("an Idempotency-Key %s is INVALID_REQUEST", async (_, key) => {
    const { id } = await user.tip()
    const answer = await user.react(id, "save", {}, { "idempotency-key": key })
    expect(refusal(answer)).toEqual([400, "INVALID_REQUEST", problem])
  })

  it("an Idempotency-Key with a NUL is refused as the client's fault", async () => {
    const body = JSON.stringify({ tipId: unknownTip, reaction: "save" })
    const cookie = [...user.cookies].map(([name, value]) => `${name}=${value}`).join("; ")
    const bytes = `POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\nidempotency-key: a\0b\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
    expect(statusOf(await rawExchange(world.url, bytes))).toBe(400)
  })

  it("a form's key with a NUL is left aside, and the answer is taken", async () => {
    const other = await world.newUser()
    const { id } = await other.tip()
    const answer = await other.call("POST", `/tip/${id}/save`, {
      body: "key=a%00b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    })
    expect(answer.status).toBe(303)
    expect((await other.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ state: "save" })
  })

  it("looking at /tip by HEAD decides on nothing", async () => {
    const other = await world.newUser()
    const past = async () =>
      (await other.call("GET", "/v1/tips")).json<{ readonly tips: ReadonlyArray<unknown> }>().tips
    const before = (await past()).length
    expect((await other.call("HEAD", "/tip")).status).toBe(200)
    expect((await past()).length).toBe(before)
  })
})

describe("feedback that makes no sense", () => {
  it("on an unknown tip is TIP_UNKNOWN, and so is asking for it", async () => {
    expect(refusal(await user.react(unknownTip, "done"))).toEqual([404, "TIP_UNKNOWN", problem])
    expect(refusal(await user.call("GET", `/v1/tips/${unknownTip}`))).toEqual([404, "TIP_UNKNOWN", problem])
    expect(refusal(await user.call("GET", "/v1/tips/17"))).toEqual([400, "INVALID_REQUEST", problem])
  })

  it("on another user's tip is TIP_UNKNOWN", async () => {
    const other = await world.newUser()
    const { id } = await other.tip()
    expect(refusal(await user.react(id, "done"))).toEqual([404, "TIP_UNKNOWN", problem])
  })

  it("another reaction than before is TIP_SETTLED, and the first one stands", async () => {
    const other = await world.newUser()
    const { id } = await other.tip()
    await other.react(id, "save")
    for (const reaction of ["done", "dismiss", "snooze", "acknowledge"]) {
      expect(refusal(await other.react(id, reaction))).toEqual([409, "TIP_SETTLED", problem])
    }
    expect((await other.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ state: "save" })
  })

  it("undo of what was not dismissed or snoozed is NOTHING_TO_UNDO", async () => {
    const other = await world.newUser()
    const { id } = await other.tip()
    expect(refusal(await other.react(id, "undo"))).toEqual([409, "NOTHING_TO_UNDO", problem])
    await other.react(id, "acknowledge")
    expect(refusal(await other.react(id, "undo"))).toEqual([409, "NOTHING_TO_UNDO", problem])
  })

  it.each([
    ["in the past", -1_000],
    ["further than 90 days ahead", 91 * 86_400_000],
  ])("a snooze until %s is SNOOZE_NOT_AHEAD, and the tip stays open", async (_, ms) => {
    const other = await world.newUser()
    const { id } = await other.tip()
    const snoozeUntil = new Date(Date.now() + ms).toISOString()
    expect(refusal(await other.react(id, "snooze", { snoozeUntil }))).toEqual([422, "SNOOZE_NOT_AHEAD", problem])
    expect((await other.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ state: "open" })
  })

  it("an Idempotency-Key that stood for something else is IDEMPOTENCY_KEY_REUSED", async () => {
    const other = await world.newUser()
    const one = await other.tip()
    // Of the same candidate it would be superseded by the first one's answer.
    const two = await eventually("a tip of something else is served", async () => {
      const tip = await other.tip()
      return tip.meta.candidateId === one.meta.candidateId ? undefined : tip
    })
    const key = { "idempotency-key": "a" }
    expect((await other.react(one.id, "save", {}, key)).status).toBe(200)
    expect(refusal(await other.react(one.id, "done", {}, key))).toEqual([422, "IDEMPOTENCY_KEY_REUSED", problem])
    expect(refusal(await other.react(two.id, "save", {}, key))).toEqual([422, "IDEMPOTENCY_KEY_REUSED", problem])
    expect((await other.call("GET", `/v1/tips/${two.id}`)).json()).toMatchObject({ state: "open" })
  })
})

describe("after the window of a tip", () => {
  let hasty: Service
  beforeAll(async () => {
    hasty = spawnService({ env: { ...world.env, TIP_WINDOW_MS: "1000" } })
    await hasty.ready
  })
  afterAll(async () => {
    const family = hasty.family()
    expect((await hasty.stop()).code).toBe(0)
    expect(await leftOf(family)).toEqual([])
  })

  it("the tip is expired, and an answer is TIP_EXPIRED", async () => {
    const other = await world.newUser()
    const there = { ...other, ...clientOf(await hasty.ready, other.cookies) }
    const { id } = (await there.call("POST", "/v1/recommend")).json<{ readonly tip: { readonly id: string } }>().tip
    await eventually("the tip is expired", async () => {
      const past = (await other.call("GET", `/v1/tips/${id}`)).json<{ readonly state: string }>()
      return past.state === "expired" ? past : undefined
    })
    expect(refusal(await other.react(id, "done"))).toEqual([410, "TIP_EXPIRED", problem])
    expect(refusal(await other.react(id, "undo"))).toEqual([409, "NOTHING_TO_UNDO", problem])
  })
})

describe("who asks", () => {
  it.each([
    ["no cookie", {}],
    ["a made-up session", { cookie: "sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }],
    ["a cookie that is none", { cookie: "sid=%%%;;=; =" }],
    ["an empty session", { cookie: "sid=" }],
  ])("with %s everything of a user's is UNAUTHENTICATED", async (_, headers) => {
    const nobody = world.anonymous()
    for (const [method, path] of [["POST", "/v1/recommend"], ["GET", "/v1/tips"], ["GET", "/me"]] as const) {
      expect(refusal(await nobody.call(method, path, { headers }))).toEqual([401, "UNAUTHENTICATED", problem])
    }
  })

  it("a session that ran out is UNAUTHENTICATED", async () => {
    await world.sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
      VALUES (${createHash("sha256").update("old").digest()}, 'default', ${user.userId}, 0, ${Date.now() - 1})`
    const answer = await world.anonymous().call("GET", "/me", { headers: { cookie: "sid=old" } })
    expect(refusal(answer)).toEqual([401, "UNAUTHENTICATED", problem])
  })

  it.each([
    ["no token", {}],
    ["another token", { authorization: `Bearer ${canary("wrong")}` }],
    ["a user's session", { cookie: "sid=x" }],
  ])("with %s everything of the operator's is OPERATOR_ONLY", async (_, headers) => {
    for (const path of ["log", "events", "dead-letters", "actors"]) {
      const answer = await world.anonymous().call("GET", `/v1/admin/${path}`, { headers })
      expect(refusal(answer)).toEqual([401, "OPERATOR_ONLY", problem])
    }
  })

  it("the operator's token opens the operator's routes", async () => {
    const headers = { authorization: `Bearer ${canary("admin")}` }
    expect((await world.anonymous().call("GET", "/v1/admin/log", { headers })).status).toBe(200)
  })

  it.each([
    ["another site's page", { "sec-fetch-site": "cross-site" }],
    ["a page of a neighbour", { "sec-fetch-site": "same-site" }],
    ["an older browser on another site", { origin: "https://evil.example" }],
    ["a page without an origin", { origin: "null" }],
  ])("what %s sends with the user's cookie is CROSS_SITE", async (_, headers) => {
    expect(refusal(await user.call("POST", "/v1/recommend", { headers }))).toEqual([403, "CROSS_SITE", problem])
    const form = { ...headers, "content-type": "application/x-www-form-urlencoded" }
    expect((await user.call("POST", "/auth/demo", { headers: form, body: "" })).code).toBe("CROSS_SITE")
  })

  it("our own page may send", async () => {
    const headers = { origin: world.url, "sec-fetch-site": "same-origin" }
    expect((await user.call("POST", "/v1/recommend", { headers })).status).toBe(200)
  })

  it.each(["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"])(
    "a name that was made to point here (%s) signs nobody in",
    async (host) => {
      const answer = await world.anonymous().call("POST", "/auth/demo", { headers: { host } })
      expect(refusal(answer)).toEqual([403, "DEMO_ONLY", problem])
      expect(answer.headers["set-cookie"]).toBeUndefined()
    },
  )
})

describe("requests that lead nowhere", () => {
  it.each([
    ["GET", "/v1/recommend"],
    ["DELETE", "/v1/feedback"],
    ["PUT", "/v1/tips"],
    ["POST", "/health"],
    ["GET", "/v1/nothing"],
    ["GET", "/v1/tips/../admin/log/"],
    ["GET", "/%2e%2e/%2e%2e/etc/passwd"],
    ["GET", "//evil.example"],
    ["GET", "/%"],
  ])("%s %s is ROUTE_UNKNOWN", async (method, path) => {
    const answer = await user.call(method, path)
    expect(refusal(answer)).toEqual([404, "ROUTE_UNKNOWN", problem])
  })

  it("HEAD answers as GET does, without a body", async () => {
    const answer = await world.anonymous().call("HEAD", "/health")
    expect([answer.status, answer.text]).toEqual([200, ""])
  })

  it("every answer says that it is not to be sniffed or kept, and under which id it is in the log", async () => {
    for (const path of ["/health", "/nothing", "/v1/tips"]) {
      expect((await user.call("GET", path)).headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "x-correlation-id": expect.stringMatching(/^[0-9a-f]{32}$/),
      })
    }
  })

  it.each([
    ["a URL of a megabyte", `GET /${"a".repeat(1_000_000)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`],
    ["a header of a megabyte", `GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${"a".repeat(1_000_000)}\r\n\r\n`],
    ["a line that is no request", "hello\r\n\r\n"],
    ["a method there is not", "BREW / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"],
    ["a header without a name", "GET /health HTTP/1.1\r\nhost: x\r\n: y\r\nconnection: close\r\n\r\n"],
    [
      "two lengths",
      "POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n" +
      "connection: close\r\n\r\nabcd",
    ],
    [
      "a length and chunks",
      "POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n" +
      "connection: close\r\n\r\n0\r\n\r\n",
    ],
  ])("%s is refused, and the connection closed", async (_, bytes) => {
    const status = statusOf(await rawExchange(world.url, bytes))
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })

  it("no value of a request becomes a header of the answer", async () => {
    const path = "/nothing%0d%0aset-cookie:%20sid=evil?x=%0d%0ax-evil:%201"
    const answer = await user.call("GET", path)
    expect([answer.status, answer.headers["x-evil"], answer.headers["set-cookie"]]).toEqual([404, undefined, undefined])
    const bytes = `GET /v1/tips HTTP/1.1\r\nhost: x\r\ntraceparent: 00-evil\r\n evil\r\nconnection: close\r\n\r\n`
    expect((await rawExchange(world.url, bytes)).toLowerCase()).not.toContain("evil")
  })
})

describe("the log", () => {
  it("holds no secret, no body and nothing of a user's, whatever went wrong", async () => {
    const token = canary("token")
    await world.simulator.account(token, 3)
    const title = canary("title")
    const command = { type: "item_add", uuid: "a", temp_id: "b", args: { content: title, priority: 4 } }
    const added = await clientOf(world.simulator.url).call("POST", "/api/v1/sync", {
      json: { commands: [command] },
      headers: { authorization: `Bearer ${token}` },
    })
    expect(added.status).toBe(200)
    const other = await world.newUser()
    expect((await other.call("POST", "/v1/connectors/todoist", { json: { token } })).status).toBe(200)
    const wrong = await other.call("POST", "/v1/connectors/todoist", { json: { token: canary("rejected") } })
    expect(refusal(wrong)).toEqual([422, "TOKEN_REJECTED", problem])
    await other.call("POST", "/v1/connectors/todoist", { json: { token: 7, [canary("name")]: canary("value") } })
    await feedback({ body: `{"tipId": ${canary("body")}`, headers: asJson })
    await user.call("GET", `/v1/nothing?token=${canary("query")}`)
    const served = await eventually("the task with the canary is served", async () => {
      const tip = await other.tip()
      return tip.title === title ? tip : undefined
    })
    // The statement that holds title and session fails.
    await world.sql`ALTER TABLE decisions RENAME TO decisions_away`
    expect(refusal(await other.call("POST", "/v1/recommend"))).toEqual([503, "STORE_UNAVAILABLE", problem])
    expect(refusal(await other.react(served.id, "done", {}, { "idempotency-key": canary("key") })))
      .toEqual([503, "STORE_UNAVAILABLE", problem])
    await world.sql`ALTER TABLE decisions_away RENAME TO decisions`
    expect((await other.react(served.id, "done")).status).toBe(200)
    expect(world.service.output()).toMatch(/decisions\.\w+: the store is not available/)
    expect(world.service.output()).not.toMatch(/canary/)
    for (const sid of [...user.cookies.values(), ...other.cookies.values()]) {
      expect(world.service.output()).not.toContain(sid)
    }
  })
})
