import { Redacted, Result } from "effect"
import { describe, expect, it } from "vitest"
import { tokenReply } from "./tokenReply.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")

const reply = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Result.merge(tokenReply(
    { status, headers, text: typeof body === "string" ? body : JSON.stringify(body) },
    nowMs,
  ))

const pair = {
  access_token: "access-1",
  refresh_token: "refresh-1",
  token_type: "Bearer",
  expires_in: 3_600,
  scope: "data:read_write",
}

const expiry = (expiresIn: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const tokens = reply(200, { ...pair, expires_in: expiresIn }, headers)
  return "expiresAtMs" in tokens ? tokens.expiresAtMs : tokens
}

describe("token reply", () => {
  it("token reply - a pair is read with its life and its scopes", () => {
    const tokens = reply(200, pair)
    if (!("accessToken" in tokens)) throw tokens
    expect(Redacted.value(tokens.accessToken)).toBe("access-1")
    expect(tokens.refreshToken !== null && Redacted.value(tokens.refreshToken)).toBe("refresh-1")
    expect(tokens).toMatchObject({ expiresAtMs: nowMs + 3_600_000, scopes: ["data:read_write"] })
    expect(reply(200, { ...pair, scope: "data:read,task:add" })).toMatchObject({ scopes: ["data:read", "task:add"] })
    expect(reply(200, { ...pair, scope: "data:read task:add" })).toMatchObject({ scopes: ["data:read", "task:add"] })
  })

  it("edge case 26 - the token of an older app has no end, also when it says ten years", () => {
    const classic = { access_token: "a".repeat(40), token_type: "Bearer" }
    expect(reply(200, classic)).toMatchObject({ refreshToken: null, expiresAtMs: null, scopes: null })
    expect(expiry(315_360_000)).toBeNull()
    for (const nonsense of [0, -5, "soon", null, {}]) expect(expiry(nonsense)).toBeNull()
  })

  it("edge case 36 - life is counted from the server's own time, unless this process's clock is far from it", () => {
    expect(expiry(3_600, { date: "Fri, 20 Nov 2026 09:59:50 GMT" })).toBe(nowMs - 10_000 + 3_600_000)
    expect(expiry(3_600, { date: "Fri, 20 Nov 2026 10:09:00 GMT" })).toBe(nowMs + 540_000 + 3_600_000)
    // An hour behind, a token that lives an hour would be refreshed with every call.
    expect(expiry(3_600, { date: "Fri, 20 Nov 2026 09:00:00 GMT" })).toBe(nowMs + 3_600_000)
    expect(expiry(3_600, { date: "yesterday" })).toBe(nowMs + 3_600_000)
  })

  it("edge case 34 - a code or refresh token that is spent is a dead credential", () => {
    for (const error of ["bad_authorization_code", "invalid_grant"]) {
      expect(reply(400, { error })).toMatchObject({ _tag: "TokenRejected", status: 400 })
      expect(reply(200, { error })).toMatchObject({ _tag: "TokenRejected" })
    }
  })

  it("token reply - an app that Todoist does not know or stopped is the operator's matter, not the user's", () => {
    for (const error of ["incorrect_application_credentials", "invalid_client", "invalid_application_status"]) {
      expect(reply(400, { error })).toMatchObject({ _tag: "ProviderRefused", status: 400, tag: error })
    }
    expect(reply(401, "Unauthorized")).toMatchObject({ _tag: "ProviderRefused", tag: "invalid_client" })
    expect(reply(403, { error: "Forbidden", error_tag: "AUTH_INVALID_TOKEN" })).toMatchObject({
      _tag: "ProviderRefused",
      tag: "invalid_client",
    })
  })

  it("edge case 27 - no tokens and no refusal is no answer", () => {
    const html = { "content-type": "text/html" }
    expect(reply(502, "<html></html>", html)).toMatchObject({ _tag: "ProviderUnavailable", reason: "html" })
    expect(reply(200, "<html></html>", html)).toMatchObject({ _tag: "ProviderUnavailable", reason: "html" })
    expect(reply(503, { error: "unavailable" })).toMatchObject({ _tag: "ProviderUnavailable", reason: "server-error" })
    expect(reply(200, "{")).toMatchObject({ _tag: "ProviderUnavailable", reason: "malformed" })
    expect(reply(200, { token_type: "Bearer" })).toMatchObject({ _tag: "ProviderUnavailable", reason: "incomplete" })
    expect(reply(200, { ...pair, access_token: "a b" })).toMatchObject({ reason: "incomplete" })
    expect(reply(429, { error: "slow_down" }, { "retry-after": "7" })).toMatchObject({
      _tag: "RateLimited",
      retryAfterMs: 7_000,
    })
    expect(reply(410, "planned unavailability of this API version")).toMatchObject({ _tag: "ProviderGone" })
  })

  it("token reply - nothing of a body but a code reaches an error", () => {
    for (const status of [200, 302, 400, 401, 403, 404, 500]) {
      for (const body of ["secret-7", { error: "secret 7" }, { access_token: "secret 7" }]) {
        const problem = reply(status, body)
        expect(`${JSON.stringify(problem)} ${problem instanceof Error ? problem.message : ""}`).not.toContain("secret")
      }
    }
  })
})
