import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { syncFull } from "./fixtures/fixture.ts"
import type { RawReply } from "./refusal.ts"
import { processSyncResponse } from "./syncResponse.ts"

const jsonType = { "content-type": "application/json" }
const html = "<html><body><h1>502 Bad Gateway</h1></body></html>"

const answer = (status: number, body: unknown, headers: RawReply["headers"] = jsonType): RawReply => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
})

const error = (code: number, tag: string, text: string, extra: object = {}) => ({
  error: text,
  error_code: code,
  error_tag: tag,
  http_code: 400,
  error_extra: { event_id: "7c5a", ...extra },
})

/** What the connector says of it, without the parts every error has. */
const says = (raw: RawReply, sentToken = "token-1"): Record<string, unknown> => {
  const processed = processSyncResponse(raw, sentToken)
  if (processed._tag !== "Failed") return { _tag: processed._tag }
  const { provider: _, ...rest } = JSON.parse(JSON.stringify(processed.error)) as Record<string, unknown>
  return rest
}

const unavailable = (reason: string, status: number, retryAfterMs: number | null = null) => ({
  _tag: "ProviderUnavailable",
  reason,
  status,
  retryAfterMs,
})

const invalidToken = error(401, "AUTH_INVALID_TOKEN", "Invalid token", { access_type: "none" })
const scope = error(403, "AUTH_INSUFFICIENT_TOKEN_SCOPE", "Insufficient Token scope", { access_type: "access_token" })
const limits = (extra: object) =>
  error(35, "LIMITS_REACHED", "Too many requests. Limits reached. Try again later", extra)
const notFound = error(478, "NOT_FOUND", "Task not found", { retry_after: 3 })

const rows: ReadonlyArray<readonly [string, RawReply, Record<string, unknown>]> = [
  ["401 as JSON (edge case 24)", answer(401, error(401, "UNAUTHORIZED", "Unauthorized")), {
    _tag: "TokenRejected",
    status: 401,
  }],
  ["401 as text", answer(401, "Unauthorized", {}), { _tag: "TokenRejected", status: 401 }],
  ["403 of a dead token (edge case 24)", answer(403, invalidToken), { _tag: "TokenRejected", status: 403 }],
  ["403 of a dead token, code only", answer(403, { error_code: 401 }), { _tag: "TokenRejected", status: 403 }],
  ["403 of a missing scope (edge case 24)", answer(403, scope), { _tag: "ScopeMissing" }],
  ["403 of another kind", answer(403, error(32, "FORBIDDEN", "Forbidden")), {
    _tag: "ProviderRefused",
    status: 403,
    tag: "FORBIDDEN",
  }],
  ["403 of an edge", answer(403, html, { "content-type": "text/html" }), unavailable("html", 403)],
  ["429 with a header (edge case 23)", answer(429, limits({ retry_after: 66 }), { ...jsonType, "retry-after": "17" }), {
    _tag: "RateLimited",
    retryAfterMs: 17_000,
  }],
  ["429 with the body only (edge case 23)", answer(429, limits({ retry_after: 66 })), {
    _tag: "RateLimited",
    retryAfterMs: 66_000,
  }],
  ["429 with neither (edge case 23)", answer(429, "slow down", {}), { _tag: "RateLimited", retryAfterMs: null }],
  [
    "429 with a date",
    answer(429, "", { "retry-after": "Fri, 20 Nov 2026 10:01:30 GMT", date: "Fri, 20 Nov 2026 10:00:00 GMT" }),
    { _tag: "RateLimited", retryAfterMs: 90_000 },
  ],
  ["429 with a date and no clock", answer(429, "", { "retry-after": "Fri, 20 Nov 2026 10:01:30 GMT" }), {
    _tag: "RateLimited",
    retryAfterMs: null,
  }],
  ["429 for zero seconds", answer(429, "", { "retry-after": "0" }), { _tag: "RateLimited", retryAfterMs: 1_000 }],
  ["429 for a year", answer(429, "", { "retry-after": "31536000" }), { _tag: "RateLimited", retryAfterMs: 3_600_000 }],
  ["429 for nonsense", answer(429, limits({ retry_after: "soon" }), { "retry-after": "-5" }), {
    _tag: "RateLimited",
    retryAfterMs: null,
  }],
  ["404 of the endpoint", answer(404, notFound), { _tag: "ProviderRefused", status: 404, tag: "NOT_FOUND" }],
  ["404 of another server", answer(404, html, { "content-type": "text/html" }), {
    _tag: "ProviderRefused",
    status: 404,
    tag: null,
  }],
  ["410 of the API (edge case 28)", answer(410, "planned unavailability of this API version", {}), {
    _tag: "ProviderGone",
  }],
  ["410 of anything else (edge case 28)", answer(410, ""), { _tag: "ProviderGone" }],
  ["400 of an argument", answer(400, error(20, "INVALID_ARGUMENT_VALUE", "bad", { argument: "commands" })), {
    _tag: "ProviderRefused",
    status: 400,
    tag: "INVALID_ARGUMENT_VALUE",
  }],
  ["413", answer(413, { error_code: 41 }), { _tag: "ProviderRefused", status: 413, tag: "code 41" }],
  ["302", answer(302, "", { location: "https://elsewhere.example" }), {
    _tag: "ProviderRefused",
    status: 302,
    tag: "redirect",
  }],
  ["408", answer(408, ""), unavailable("timeout", 408)],
  ["500 as JSON", answer(500, error(0, "INTERNAL", "Oops", { retry_after: 9 })), unavailable("server-error", 500)],
  ["502 as HTML", answer(502, html, { "content-type": "text/html; charset=utf-8" }), unavailable("html", 502)],
  ["503 with a header", answer(503, "", { "retry-after": "30" }), unavailable("server-error", 503, 30_000)],
  ["503 with the body", answer(503, limits({ retry_after: 9 })), unavailable("server-error", 503, 9_000)],
  ["200 as HTML", answer(200, html, { "content-type": "text/html" }), unavailable("html", 200)],
  ["200 as HTML in disguise", answer(200, `\n${html}`), unavailable("html", 200)],
  ["200 cut off", answer(200, JSON.stringify(syncFull).slice(0, -40)), unavailable("malformed", 200)],
  ["200 with nothing", answer(200, ""), unavailable("malformed", 200)],
  ["200 of another shape", answer(200, []), unavailable("incomplete", 200)],
  ["200 without a sync token", answer(200, { ...syncFull, sync_token: undefined }), unavailable("incomplete", 200)],
  ["200 with an empty sync token", answer(200, { ...syncFull, sync_token: "" }), unavailable("incomplete", 200)],
  [
    "200 that does not say if it is full",
    answer(200, { ...syncFull, full_sync: undefined }),
    unavailable(
      "incomplete",
      200,
    ),
  ],
  ["full without items (edge case 8)", answer(200, { ...syncFull, items: undefined }), unavailable("incomplete", 200)],
  [
    "full without projects (edge case 8)",
    answer(200, { ...syncFull, projects: undefined }),
    unavailable("incomplete", 200),
  ],
  ["items that are no array", answer(200, { ...syncFull, items: {} }), unavailable("incomplete", 200)],
]

describe("sync response", () => {
  it.each(rows)("sync response - %s", (_, raw, expected) => {
    expect(says(raw)).toEqual(expected)
  })

  it("edge case 6 - a refusal that speaks of the sync token, by tag, text or argument, makes it invalid", () => {
    const refusals = [
      answer(400, error(34, "SYNC_TOKEN_INVALID", "Invalid")),
      answer(400, error(20, "INVALID_ARGUMENT_VALUE", "Sync token is expired")),
      answer(400, error(20, "INVALID_ARGUMENT_VALUE", "bad", { argument: "sync_token" })),
      answer(403, error(20, "FORBIDDEN", "sync_token belongs to another user")),
      answer(410, "sync token too old", {}),
    ]
    for (const refusal of refusals) {
      expect(says(refusal)).toEqual({ _tag: "SyncTokenInvalid" })
      expect(says(refusal, "*")).toMatchObject({ _tag: "ProviderRefused", status: refusal.status })
    }
  })

  it("sync response - an incremental answer to a full read is no answer", () => {
    const incremental = answer(200, { ...syncFull, full_sync: false })
    expect(says(incremental)).toEqual({ _tag: "Reply" })
    expect(says(incremental, "*")).toEqual(unavailable("incomplete", 200))
  })

  it("edge case 8 - an incremental reply may leave its arrays out", () => {
    expect(processSyncResponse(answer(200, { sync_token: "t2", full_sync: false }), "t1")).toEqual({
      _tag: "Reply",
      syncToken: "t2",
      isFull: false,
      snapshotAgeMs: 0,
      items: [],
      projects: [],
      user: null,
    })
  })

  it("edge case 2 - the golden full reply is read, with its age by the server's own clock", () => {
    const processed = processSyncResponse(answer(200, syncFull, { date: "Fri, 20 Nov 2026 10:10:00 GMT" }), "*")
    expect(processed).toMatchObject({
      _tag: "Reply",
      syncToken: syncFull.sync_token,
      isFull: true,
      snapshotAgeMs: 600_000,
      user: { id: "40112233", timeZone: "Europe/Berlin" },
      projects: [
        { id: "6Jf8VQXxpwv56VQ7", name: "Inbox", isArchived: false, isDeleted: false },
        { name: "Garden 🌱" },
        { isArchived: true },
      ],
    })
    expect(processSyncResponse(answer(200, syncFull), "*")).toMatchObject({ snapshotAgeMs: 0 })
  })

  it("sync response - a project, a user or a zone that makes no sense does not fail the rest", () => {
    const strange = { ...syncFull, projects: [{ id: 7 }, null], user: { id: 7 } }
    expect(processSyncResponse(answer(200, strange), "*")).toMatchObject({
      _tag: "Reply",
      projects: [undefined, undefined],
      user: null,
    })
    const elsewhere = { ...syncFull, user: { id: "7", tz_info: { timezone: "GMT +3:00" } } }
    expect(processSyncResponse(answer(200, elsewhere), "*")).toMatchObject({ user: { id: "7", timeZone: null } })
  })

  it("sync response - nothing of a body but a code reaches an error", () => {
    const secret = "Buy a ring for Ada"
    for (const status of [302, 400, 401, 403, 404, 410, 413, 429, 500, 503]) {
      for (
        const body of [secret, { error: secret, error_tag: secret, error_code: secret, error_extra: { x: secret } }]
      ) {
        const processed = processSyncResponse(answer(status, body), "token-1")
        if (processed._tag !== "Failed") throw new Error(processed._tag)
        expect(`${processed.error.message}${processed.error.stack}${JSON.stringify(processed.error)}`)
          .not.toContain(secret)
      }
    }
  })

  it("sync response - no status, headers or text make it throw", () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(syncFull)))
    const headers = fc.dictionary(fc.constantFrom("retry-after", "date", "content-type"), fc.string())
    fc.assert(fc.property(fc.integer({ min: 200, max: 599 }), headers, text, (status, headers, text) => {
      const { _tag } = processSyncResponse({ status, headers, text }, "token-1")
      expect(["Reply", "SyncTokenInvalid", "Failed"]).toContain(_tag)
    }))
  })
})
