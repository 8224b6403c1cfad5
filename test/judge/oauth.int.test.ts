/** The official SDK connects an account: consent, code, rotating pair, revocation. Every reply is judged. */
import {
  type AuthTokenResponse,
  getAuthorizationUrl,
  getAuthToken,
  refreshAuthToken,
  revokeToken,
  TodoistApi,
} from "@doist/todoist-sdk"
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { judged, refusal } from "./judged.ts"
import { codeOf, consent, type OAuthApp, registerApp } from "./oauthApp.ts"

const current = judged()

const options = () => ({ baseUrl: current.proxy.url })
const apiWith = ({ accessToken }: { readonly accessToken: string }) => new TodoistApi(accessToken, options())

const exchange = (app: OAuthApp, code: string, more: Readonly<Record<string, string>> = {}) => {
  const { clientId, clientSecret } = app
  // What more is given goes along, as the SDK hands on whatever it is called with.
  return getAuthToken({ clientId, clientSecret, code, ...more }, options())
}

const refresh = (
  { clientId, clientSecret }: OAuthApp,
  { refreshToken = "none" }: Pick<AuthTokenResponse, "refreshToken">,
) => refreshAuthToken({ clientId, clientSecret, refreshToken }, options())

const revoke = ({ clientId, clientSecret }: OAuthApp, token: string) =>
  revokeToken({ clientId, clientSecret, token }, options())

const connected = async (scope?: string, refreshEnabled = true) => {
  const app = await registerApp(current.simulator, { refreshEnabled })
  const asked = scope === undefined ? { token: current.token } : { token: current.token, scope }
  return { app, pair: await exchange(app, await codeOf(current.simulator, app, asked)) }
}

const control = (method: "GET" | "POST", path: string, body?: object) =>
  current.simulator.control<Record<string, unknown>>(method, path, body)

const badGrant = { httpStatusCode: 400, responseData: { error: "invalid_grant" } }
const dead = { httpStatusCode: 401, responseData: { error_tag: "UNAUTHORIZED" } }

describe("consent", () => {
  it("the SDK's authorization URL is a page for a person, and what they allow comes with the state", async () => {
    const app = await registerApp(current.simulator)
    const state = "a state & more"
    const { clientId } = app
    const url = getAuthorizationUrl({
      clientId,
      permissions: ["data:read_write"],
      state: encodeURIComponent(state),
      baseUrl: current.simulator.url,
    })
    const page = await fetch(url, { redirect: "manual" })
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/html/)])
    expect(await page.text()).toMatch(/<form/)
    const back = await consent(current.simulator, app, { token: current.token, state })
    expect(back.href.startsWith(app.redirectUri)).toBe(true)
    expect(back.searchParams.get("state")).toBe(state)
    expect(await exchange(app, back.searchParams.get("code")!)).toMatchObject({ tokenType: "Bearer" })
  })

  it("refused, of a suspended app or of an unknown scope comes back as an error with the state", async () => {
    const [app, suspended] = [
      await registerApp(current.simulator),
      await registerApp(current.simulator, { suspended: true }),
    ]
    const { token } = current
    const answers = [
      await consent(current.simulator, app, { token, state: "s", deny: true }),
      await consent(current.simulator, suspended, { token, state: "s" }),
      await consent(current.simulator, app, { token, state: "s", scope: "data:everything" }),
    ]
    expect(answers.map(({ searchParams }) => [searchParams.get("error"), searchParams.get("state")])).toEqual([
      ["access_denied", "s"],
      ["invalid_application_status", "s"],
      ["invalid_scope", "s"],
    ])
    expect(answers.every(({ searchParams }) => !searchParams.has("code"))).toBe(true)
    await current.api.getUser()
  })

  it("for a redirect URI the app does not have, or without one of its several, redirects nobody", async () => {
    const redirectUris = ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]
    const { clientId } = await registerApp(current.simulator, { redirectUris })
    const ask = (more: string) =>
      fetch(`${current.simulator.url}/oauth/authorize?client_id=${clientId}&scope=data:read&state=s${more}`, {
        redirect: "manual",
      })
    for (const more of ["", "&redirect_uri=https://elsewhere.example/"]) {
      const answer = await ask(more)
      expect([answer.status, answer.headers.get("location")]).toEqual([400, null])
      expect(await answer.json()).toMatchObject({ error: expect.any(String) })
    }
    expect((await ask(`&redirect_uri=${encodeURIComponent(redirectUris[1]!)}`)).status).toBe(200)
    await current.api.getUser()
  })
})

describe("code exchange", () => {
  it("gives a pair whose access token is the user's", async () => {
    const { pair } = await connected()
    expect(pair).toMatchObject({
      accessToken: expect.stringMatching(/^[0-9a-f]{40}$/),
      refreshToken: expect.any(String),
      tokenType: "Bearer",
      expiresIn: 3600,
    })
    expect(await apiWith(pair).getUser()).toEqual(await current.api.getUser())
    const { items } = await apiWith(pair).sync({ syncToken: "*", resourceTypes: ["items"] })
    expect(items?.length).toBeGreaterThan(0)
  })

  it("of a classic app gives one token that lives on", async () => {
    const { pair } = await connected(undefined, false)
    expect(pair).toEqual({ accessToken: expect.any(String), tokenType: "Bearer" })
    expect(await apiWith(pair).getTasks()).toBeDefined()
  })

  it("says the scopes that were granted, separated by spaces", async () => {
    const { pair } = await connected("data:read,data:delete")
    expect(pair.scope?.split(" ").sort()).toEqual(["data:delete", "data:read"])
  })

  it("of an unknown code, a used one, another app's, or with a wrong secret is 400", async () => {
    const app = await registerApp(current.simulator)
    const other = await registerApp(current.simulator)
    const code = await codeOf(current.simulator, app, { token: current.token })
    const bad = { httpStatusCode: 400, responseData: { error: "bad_authorization_code" } }
    expect(await refusal(exchange(app, "none"))).toMatchObject(bad)
    expect(await refusal(exchange(other, code))).toMatchObject(bad)
    expect(await refusal(exchange({ ...app, clientSecret: "wrong" }, code))).toMatchObject({
      httpStatusCode: 400,
      responseData: { error: "incorrect_application_credentials" },
    })
    expect(await exchange(app, code)).toBeDefined()
    expect(await refusal(exchange(app, code))).toMatchObject(badGrant)
  })

  it("with PKCE needs the verifier the challenge was made of", async () => {
    const app = await registerApp(current.simulator)
    const codeVerifier = "a".repeat(64)
    const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url")
    const code = () => codeOf(current.simulator, app, { token: current.token, codeChallenge })
    expect(await refusal(exchange(app, await code()))).toMatchObject(badGrant)
    expect(await refusal(exchange(app, await code(), { codeVerifier: "b".repeat(64) }))).toMatchObject(badGrant)
    expect(await exchange(app, await code(), { codeVerifier })).toBeDefined()
  })

  it("with another redirect URI than the consent's is 400", async () => {
    const app = await registerApp(current.simulator)
    const { redirectUri } = app
    const code = () => codeOf(current.simulator, app, { token: current.token, redirectUri })
    expect(await refusal(exchange(app, await code(), { redirectUri: "http://127.0.0.1:1/other" }))).toMatchObject(
      badGrant,
    )
    expect(await exchange(app, await code(), { redirectUri })).toBeDefined()
  })
})

describe("refresh", () => {
  it("rotates: each reply has a new pair, and the new access token works", async () => {
    const { app, pair } = await connected()
    const second = await refresh(app, pair)
    const third = await refresh(app, second)
    const all = [pair, second, third]
    expect(new Set(all.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken])).size).toBe(6)
    expect((await apiWith(third).getUser()).id).toBe((await current.api.getUser()).id)
  })

  it("brings an account back whose access token is over", async () => {
    const { app, pair } = await connected()
    await control("POST", "/_sim/tokens/expire", { token: current.token })
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
    expect(await apiWith(await refresh(app, pair)).getTasks()).toBeDefined()
  })

  it("with the token rotated last works once more within the grace time, as after a lost reply", async () => {
    const { app, pair } = await connected()
    await refresh(app, pair)
    const again = await refresh(app, pair)
    expect(await apiWith(await refresh(app, again)).getTasks()).toBeDefined()
  })

  it("with an older token ends the whole family", async () => {
    const { app, pair } = await connected()
    const last = await refresh(app, await refresh(app, pair))
    expect(await refusal(refresh(app, pair))).toMatchObject(badGrant)
    expect(await refusal(refresh(app, last))).toMatchObject(badGrant)
    expect(await refusal(apiWith(last).getTasks())).toMatchObject(dead)
  })

  it("with a token nobody issued, or by another app, is 400", async () => {
    const { app, pair } = await connected()
    const other = await registerApp(current.simulator)
    expect(await refusal(refresh(app, { refreshToken: "none" }))).toMatchObject(badGrant)
    expect(await refusal(refresh(other, pair))).toMatchObject(badGrant)
    expect(await refresh(app, pair)).toBeDefined()
  })
})

describe("revocation", () => {
  it("ends the access token and its refresh token, and may be repeated", async () => {
    const { app, pair } = await connected()
    expect(await apiWith(pair).getTasks()).toBeDefined()
    expect(await revoke(app, pair.accessToken)).toBe(true)
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
    expect(await refusal(refresh(app, pair))).toMatchObject(badGrant)
    expect(await revoke(app, pair.accessToken)).toBe(true)
    expect(await revoke(app, "a token nobody issued")).toBe(true)
  })

  it("of the refresh token first, then of the access token, ends both", async () => {
    const { app, pair } = await connected()
    expect(await revoke(app, pair.refreshToken!)).toBe(true)
    expect(await revoke(app, pair.accessToken)).toBe(true)
    expect(await refusal(refresh(app, pair))).toMatchObject(badGrant)
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
  })

  it("of one token alone leaves the other where the switch says so", async () => {
    await control("POST", "/_sim/switches", { revokeSibling: "one" })
    try {
      const { app, pair } = await connected()
      expect(await revoke(app, pair.accessToken)).toBe(true)
      expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
      expect(await apiWith(await refresh(app, pair)).getTasks()).toBeDefined()
    } finally {
      await control("POST", "/_sim/switches", { revokeSibling: "both" })
    }
  })

  it("with wrong credentials is 401 and ends nothing; another app's ends nothing either", async () => {
    const { app, pair } = await connected()
    const other = await registerApp(current.simulator)
    expect(await refusal(revoke({ ...app, clientSecret: "wrong" }, pair.accessToken))).toMatchObject({
      httpStatusCode: 401,
    })
    expect(await revoke(other, pair.accessToken)).toBe(true)
    expect(await apiWith(pair).getTasks()).toBeDefined()
  })

  it("in the older form, with everything in the query, is 204 and ends the token as well", async () => {
    const { app, pair } = await connected()
    const query = new URLSearchParams({
      client_id: app.clientId,
      client_secret: app.clientSecret,
      access_token: pair.accessToken,
    })
    // Past the recorder: the SDK no longer has a call for it.
    const answer = await fetch(`${current.simulator.url}/api/v1/access_tokens?${query}`, { method: "DELETE" })
    expect([answer.status, await answer.text()]).toEqual([204, ""])
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
  })

  it("by the user in their settings ends the app's tokens, and no other app's", async () => {
    const { app, pair } = await connected()
    const { pair: others } = await connected()
    await control("POST", "/_sim/tokens/revoke", { token: current.token, clientId: app.clientId })
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(dead)
    expect(await refusal(refresh(app, pair))).toMatchObject(badGrant)
    expect(await apiWith(others).getTasks()).toBeDefined()
  })
})

describe("scopes", () => {
  const scope = { httpStatusCode: 403, responseData: { error_tag: "AUTH_INSUFFICIENT_TOKEN_SCOPE" } }

  it("data:read reads and may not write; the token stays alive", async () => {
    const { pair } = await connected("data:read")
    const api = apiWith(pair)
    const { results } = await api.getTasks()
    expect(await refusal(api.closeTask(results[0]!.id))).toMatchObject(scope)
    expect(await refusal(api.addTask({ content: "a" }))).toMatchObject(scope)
    expect((await api.getTasks()).results).toEqual(results)
  })

  it("task:add adds and may not read", async () => {
    const { pair } = await connected("task:add")
    expect(await apiWith(pair).addTask({ content: "a" })).toMatchObject({ content: "a" })
    expect(await refusal(apiWith(pair).getTasks())).toMatchObject(scope)
  })

  it("data:read_write reads and writes, and deletes only with data:delete", async () => {
    const [write, all] = [await connected("data:read_write"), await connected("data:read_write,data:delete")]
    const { id } = await apiWith(write.pair).addTask({ content: "a" })
    expect(await apiWith(write.pair).closeTask(id)).toBe(true)
    expect(await refusal(apiWith(write.pair).deleteTask(id))).toMatchObject(scope)
    expect(await apiWith(all.pair).deleteTask(id)).toBe(true)
  })
})
