import { createHash } from "node:crypto"
import { afterEach, describe, expect, it } from "vitest"
import { runSimulator, type Simulator, type SimulatorOptions } from "../runSimulator.ts"

const running: Array<Simulator> = []
const clock = { nowMs: Date.parse("2026-11-20T10:00:00Z") }

const callback = "http://127.0.0.1:9/callback"
const verifier = "a-verifier-that-is-long-enough-for-the-standard-43"
const challenge = createHash("sha256").update(verifier).digest("base64url")

const start = async (options: SimulatorOptions = {}) => {
  const simulator = await runSimulator({
    port: 0,
    timeZone: "UTC",
    clock: () => clock.nowMs,
    clients: [
      { id: "app", secret: "s3cret", redirectUris: [callback] },
      { id: "classic", secret: "s3cret", redirectUris: [callback], refreshEnabled: false },
      { id: "suspended", redirectUris: [callback], suspended: true },
      { id: "two", secret: "s3cret", redirectUris: [callback, `${callback}2`] },
    ],
    ...options,
  })
  running.push(simulator)
  const { url } = simulator
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) })
    return { status: response.status, body: await response.json() as Record<string, string> }
  }
  const approve = async (fields: object = {}) => {
    const { body } = await post("/_sim/oauth/approve", { clientId: "app", scope: "data:read", state: "st", ...fields })
    return new URL(body["redirect"]!).searchParams
  }
  const exchange = (fields: object) =>
    post("/oauth/access_token", { client_id: "app", client_secret: "s3cret", ...fields })
  const connect = async (fields: object = {}, exchanged: object = {}) => {
    const { body } = await exchange({ code: (await approve(fields)).get("code"), ...exchanged })
    return { access: body["access_token"]!, refresh: body["refresh_token"]! }
  }
  const refresh = (token: string) => exchange({ grant_type: "refresh_token", refresh_token: token })
  const sync = (token: string, fields: object = { sync_token: "*", resource_types: ["items", "user"] }) =>
    post("/api/v1/sync", fields, { authorization: `Bearer ${token}`, "content-type": "application/json" })
  const revoke = (token: string, secret = "s3cret") =>
    post("/api/v1/revoke", { token, token_type_hint: "access_token" }, {
      authorization: `Basic ${Buffer.from(`app:${secret}`).toString("base64")}`,
      "content-type": "application/json",
    })
  return { url, simulator, post, approve, exchange, connect, refresh, sync, revoke }
}

afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close()
  clock.nowMs = Date.parse("2026-11-20T10:00:00Z")
})

describe("simulator oauth", () => {
  it("a consent gives a code, the code a rotating pair, and the pair the account of the personal token", async () => {
    const { approve, exchange, sync, simulator } = await start()
    const answer = await approve({ codeChallenge: challenge })
    expect(answer.get("state")).toBe("st")
    const { status, body } = await exchange({ code: answer.get("code"), code_verifier: verifier })
    expect([status, body]).toEqual([200, {
      access_token: expect.stringMatching(/^[0-9a-f]{40}$/),
      refresh_token: expect.stringMatching(/^[0-9a-f]{40}$/),
      token_type: "Bearer",
      expires_in: 3_600,
      scope: "data:read",
    }])
    expect((await sync(body["access_token"]!)).body["user"]).toEqual((await sync(simulator.token)).body["user"])
  })

  it("a code works once, for ten minutes, with its own verifier and redirect URI; forms are read too", async () => {
    const { url, approve, exchange } = await start()
    const code = async (fields: object = {}) => (await approve(fields)).get("code")!
    const once = await code()
    expect((await exchange({ code: once })).status).toBe(200)
    expect(await exchange({ code: once })).toEqual({ status: 400, body: { error: "invalid_grant" } })
    expect((await exchange({ code: "never" })).body).toEqual({ error: "bad_authorization_code" })
    const proven = { codeChallenge: challenge }
    expect((await exchange({ code: await code(proven) })).body).toEqual({ error: "invalid_grant" })
    expect((await exchange({ code: await code(proven), code_verifier: "other" })).body["error"]).toBe("invalid_grant")
    const named = await code({ redirectUri: callback })
    expect((await exchange({ code: named, redirect_uri: `${callback}2` })).body["error"]).toBe("invalid_grant")
    expect(await exchange({ code: await code(), client_secret: "wrong" }))
      .toEqual({ status: 400, body: { error: "incorrect_application_credentials" } })
    const late = await code()
    clock.nowMs += 600_000
    expect((await exchange({ code: late })).body).toEqual({ error: "bad_authorization_code" })
    const form = new URLSearchParams({ client_id: "app", client_secret: "s3cret", code: await code() })
    expect((await fetch(`${url}/oauth/access_token`, { method: "POST", body: form })).status).toBe(200)
  })

  it("a classic app gets one token without an end, and expires_in only when switched so", async () => {
    const { approve, exchange, sync, post } = await start()
    const classic = async () => {
      const { body } = await exchange({
        client_id: "classic",
        code: (await approve({ clientId: "classic" })).get("code"),
      })
      return body
    }
    const body = await classic()
    expect(Object.keys(body)).toEqual(["access_token", "token_type"])
    clock.nowMs += 400 * 86_400_000
    expect((await sync(body["access_token"]!)).status).toBe(200)
    await post("/_sim/switches", { classicExpiresIn: "ten-years" })
    expect(await classic()).toMatchObject({ expires_in: 315_360_000 })
  })

  it("edge case 25 - the refresh token rotated last works 60 s more; replayed later it ends all", async () => {
    const { connect, refresh, sync } = await start()
    const first = await connect()
    const second = await refresh(first.refresh)
    expect(second.body["refresh_token"]).not.toBe(first.refresh)
    clock.nowMs += 60_000
    const again = await refresh(first.refresh)
    expect(again.status).toBe(200)
    expect((await sync(again.body["access_token"]!)).status).toBe(200)
    clock.nowMs += 1
    expect(await refresh(first.refresh)).toEqual({ status: 400, body: { error: "invalid_grant" } })
    expect((await sync(again.body["access_token"]!)).status).toBe(401)
    expect((await refresh(second.body["refresh_token"]!)).body).toEqual({ error: "invalid_grant" })
  })

  it("edge case 25 - the grace is only for the token rotated last: an older one ends all at once", async () => {
    const { connect, refresh } = await start()
    const first = await connect()
    const second = await refresh(first.refresh)
    const third = await refresh(second.body["refresh_token"]!)
    expect((await refresh(first.refresh)).status).toBe(400)
    expect((await refresh(third.body["refresh_token"]!)).status).toBe(400)
  })

  it("an access token ends after its hour, with 401 or 403 as switched, and refreshing helps", async () => {
    const { connect, refresh, sync, post } = await start()
    const pair = await connect()
    clock.nowMs += 3_600_000
    expect((await sync(pair.access)).body).toMatchObject({ error_tag: "UNAUTHORIZED", http_code: 401 })
    await post("/_sim/switches", { deadToken: "403" })
    expect((await sync(pair.access)).body).toMatchObject({
      error_tag: "AUTH_INVALID_TOKEN",
      error_code: 401,
      http_code: 403,
      error_extra: { access_type: "none" },
    })
    const { body } = await refresh(pair.refresh)
    expect((await sync(body["access_token"]!)).status).toBe(200)
  })

  it("edge case 31 - revoking is 200 and null, for unknown tokens too; it ends both unless switched", async () => {
    const { connect, refresh, sync, revoke, post, url } = await start()
    expect(await revoke("unknown")).toEqual({ status: 200, body: null })
    expect((await revoke("unknown", "wrong")).status).toBe(401)
    const both = await connect()
    expect(await revoke(both.access)).toEqual({ status: 200, body: null })
    expect([(await sync(both.access)).status, (await refresh(both.refresh)).status]).toEqual([401, 400])
    await post("/_sim/switches", { revokeSibling: "one" })
    const one = await connect()
    await revoke(one.access)
    expect([(await sync(one.access)).status, (await refresh(one.refresh)).status]).toEqual([401, 200])
    const old = await connect()
    const query = `client_id=app&client_secret=s3cret&access_token=${old.access}`
    expect((await fetch(`${url}/api/v1/access_tokens?${query}`, { method: "DELETE" })).status).toBe(204)
    expect((await sync(old.access)).status).toBe(401)
  })

  it("edge case 35 - data:read may not write, and deletions have scopes of their own", async () => {
    const { connect, sync } = await start()
    const write = (type: string) => ({ commands: [{ type, uuid: type, args: { content: "x", id: "x" } }] })
    const status = async (scope: string, type: string) =>
      (await sync((await connect({ scope })).access, write(type))).status
    const refused = await sync((await connect()).access, write("item_close"))
    expect([refused.status, refused.body]).toMatchObject([403, {
      error_tag: "AUTH_INSUFFICIENT_TOKEN_SCOPE",
      error_extra: { access_type: "access_token" },
    }])
    expect(await status("data:read_write", "item_close")).toBe(200)
    expect(await status("task:add", "item_add")).toBe(200)
    expect(await status("task:add", "item_close")).toBe(403)
    expect(await status("data:read_write", "item_delete")).toBe(403)
    expect(await status("data:read_write,data:delete", "item_delete")).toBe(200)
    expect((await sync((await connect({ scope: "task:add" })).access)).status).toBe(403)
  })

  it("errors go back to the app, except where nobody may be redirected", async () => {
    const { url, approve, post } = await start()
    expect((await approve({ clientId: "suspended" })).get("error")).toBe("invalid_application_status")
    expect(Object.fromEntries(await approve({ scope: "data:everything" }))).toEqual({
      error: "invalid_scope",
      state: "st",
    })
    expect(Object.fromEntries(await approve({ deny: true }))).toEqual({ error: "access_denied", state: "st" })
    const query = (fields: Record<string, string>) =>
      fetch(`${url}/oauth/authorize?${new URLSearchParams({ client_id: "app", scope: "data:read", ...fields })}`, {
        redirect: "manual",
      })
    const elsewhere = await query({ redirect_uri: "https://evil.example/cb" })
    expect([elsewhere.status, await elsewhere.json()]).toMatchObject([400, { error: "invalid_redirect_uri" }])
    const several = await query({ client_id: "two" })
    expect([several.status, await several.json()]).toMatchObject([400, { error: "invalid_request" }])
    expect((await post("/_sim/oauth/approve", { clientId: "nobody", scope: "data:read" })).status).toBe(400)
    const plain = await query({ code_challenge: "plain", code_challenge_method: "plain" })
    expect(plain.headers.get("location")).toContain("error=invalid_request")
  })

  it("edge case 34 - a person sees what is asked, and Allow and Cancel lead back with the state", async () => {
    const { url } = await start()
    const asked = { client_id: "app", scope: "data:read,data:read_write", state: "<st&>", redirect_uri: callback }
    const page = await fetch(`${url}/oauth/authorize?${new URLSearchParams(asked)}`)
    const text = await page.text()
    expect([page.status, page.headers.get("content-security-policy")]).toEqual([
      200,
      expect.stringContaining("default-src 'none'"),
    ])
    expect(text).toContain("data:read_write")
    expect(text).toContain('value="&lt;st&amp;&gt;"')
    const userId = /<option value="(\d+)" selected>/.exec(text)?.[1] ?? ""
    const decide = (decision: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/oauth/authorize`, {
        method: "POST",
        redirect: "manual",
        headers,
        body: new URLSearchParams({ ...asked, user_id: userId, decision }),
      })
    const allowed = await decide("allow")
    expect([allowed.status, allowed.headers.get("location")]).toEqual([302, expect.stringContaining("code=")])
    const cancelled = new URL((await decide("cancel")).headers.get("location")!)
    expect(Object.fromEntries(cancelled.searchParams)).toEqual({ error: "access_denied", state: "<st&>" })
    expect((await decide("allow", { origin: "https://evil.example" })).status).toBe(403)
  })

  it("neither tokens nor codes nor secrets are in the request log", async () => {
    const { url, connect, refresh, revoke, sync } = await start()
    const pair = await connect()
    await sync(pair.access)
    await refresh(pair.refresh)
    await revoke(pair.access)
    const log = await (await fetch(`${url}/_sim/requests`)).text()
    expect(log).toContain("/oauth/access_token")
    for (const secret of [pair.access, pair.refresh, "s3cret"]) expect(log).not.toContain(secret)
  })

  it("faults of the token endpoint: the rotated pair can be lost, and then the old token still helps", async () => {
    const { connect, refresh, post, url } = await start()
    const pair = await connect()
    await post("/_sim/faults", { fault: "refresh-race" })
    expect((await refresh(pair.refresh)).body).toEqual({ error: "invalid_grant" })
    expect((await refresh(pair.refresh)).status).toBe(200)
    await post("/_sim/faults", { fault: "503", on: "oauth" })
    expect((await refresh(pair.refresh)).status).toBe(503)
    const table = await (await fetch(`${url}/_sim/tokens`)).json() as {
      families: ReadonlyArray<{ refresh: Array<unknown> }>
    }
    expect(table.families[0]?.refresh).toHaveLength(3)
  })

  it("the user can remove the app, a token can expire in the middle, and only that grant is hit", async () => {
    const { connect, refresh, sync, post } = await start()
    const [pair, other] = [
      await connect(),
      await connect({ clientId: "two", redirectUri: callback }, { client_id: "two" }),
    ]
    await post("/_sim/faults", { fault: "token-expired", token: pair.access })
    expect([(await sync(other.access)).status, (await sync(pair.access)).status, (await sync(pair.access)).status])
      .toEqual([200, 401, 401])
    const { body } = await refresh(pair.refresh)
    expect((await sync(body["access_token"]!)).status).toBe(200)
    expect((await post("/_sim/tokens/revoke", { clientId: "app" })).body).toEqual({ revoked: 1 })
    expect([(await sync(body["access_token"]!)).status, (await sync(other.access)).status]).toEqual([401, 200])
  })
})
