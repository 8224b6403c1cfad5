import { Deferred, Effect, Redacted } from "effect"
import { describe, expect, it } from "vitest"
import { DifferentAccount } from "../../actors/Actors.ts"
import { GrantUnsupported, ProviderRefused, ProviderUnavailable } from "../../connectors/Connector.ts"
import type { ConnectorShape, OAuthBegin, OAuthFinish } from "../../connectors/Connector.ts"
import type { Credential } from "../../connectors/Credential.ts"
import { challengeOf } from "../../connectors/oauthFlow.ts"
import { connectionOf, connectorOf, faultsOf } from "./pages.fixture.ts"
import { signedOut, site, whereTo } from "./site.fixture.ts"

type Given = Parameters<typeof site>[0]

const granted: Credential = {
  accessToken: Redacted.make("access"),
  refreshToken: Redacted.make("refresh"),
  expiresAtMs: null,
  scopes: ["data:read"],
  familyId: "f",
  issuedAtMs: 0,
}

/** A tool that lets anybody in, once per code. */
const toolOf = (given: Partial<ConnectorShape> = {}) => {
  const asked = { begun: [] as Array<OAuthBegin>, finished: [] as Array<OAuthFinish>, revoked: 0 }
  const connector = connectorOf({
    grants: ["oauth", "token"],
    actScope: "data:read_write",
    beginOAuth: (begin) => {
      asked.begun.push(begin)
      const { state, codeChallenge, redirectUri } = begin
      const query = new URLSearchParams({ state, code_challenge: codeChallenge, redirect_uri: redirectUri })
      return Effect.succeed(new URL(`https://tool.example/authorize?${query}`))
    },
    finishOAuth: (finish) => {
      asked.finished.push(finish)
      return Effect.succeed(granted)
    },
    revoke: () => Effect.sync(() => void asked.revoked++),
    ...given,
  })
  return { connector, asked }
}

const begun = async (tool: ReturnType<typeof toolOf>, given: Given = {}, form: Record<string, string> = {}) => {
  const { get, post, asked } = site({ connectors: [tool.connector], ...given })
  const page = await post("/connect/todoist/oauth", form)
  const callback = (query: Record<string, string>, headers: Record<string, string> = {}, provider = "todoist") =>
    get(`/oauth/${provider}/callback?${new URLSearchParams(query)}`, headers)
  return { page, callback, asked, state: tool.asked.begun[0]!.state }
}

describe("to a tool by OAuth", () => {
  it("leads over a page of ours, which the form's policy lets go", async () => {
    const tool = toolOf()
    const { page } = await begun(tool, {}, { mayAct: "1" })
    const text = await page.text()
    expect([page.status, faultsOf(text)]).toEqual([200, []])
    expect(text).toMatch(
      /<meta http-equiv="refresh" content="0;url=https:\/\/tool\.example\/authorize\?state=[\w-]{43}\.a&/,
    )
    expect(text).toContain('<a class="button primary" href="https://tool.example/authorize?')
    expect(tool.asked.begun).toEqual([{
      state: expect.stringMatching(/^[\w-]{43}\.a$/),
      codeChallenge: expect.stringMatching(/^[\w-]{43}$/),
      redirectUri: "http://127.0.0.1:8080/oauth/todoist/callback",
      mayAct: true,
    }])
  })

  it("comes back to the public address where there is one, and to no name that somebody made up", async () => {
    const tool = toolOf()
    await begun(tool, { publicHost: "tips.example" })
    expect(tool.asked.begun[0]?.redirectUri).toBe("https://tips.example/oauth/todoist/callback")
    const { post } = site({ connectors: [tool.connector] })
    expect(whereTo(await post("/connect/todoist/oauth", {}, { host: "evil.example" })))
      .toEqual([303, "/connect?trouble=unsupported&tool=todoist"])
    expect(tool.asked.begun).toHaveLength(1)
  })

  it("does not lead anywhere when the operator has not set it up", async () => {
    const unsupported = new GrantUnsupported({ provider: "todoist", detail: "no client id" })
    const { post } = site({ connectors: [toolOf({ beginOAuth: () => Effect.fail(unsupported) }).connector] })
    expect(whereTo(await post("/connect/todoist/oauth"))).toEqual([303, "/connect?trouble=unsupported&tool=todoist"])
  })
})

describe("back from a tool", () => {
  it("exchanges the code with the verifier whose challenge was sent ahead, and connects what is sealed", async () => {
    const tool = toolOf()
    const { callback, asked, state } = await begun(tool)
    const response = await callback({ state, code: "the-code" })
    expect(whereTo(response)).toEqual([303, "/connect?said=connected&tool=todoist"])
    expect([response.headers.get("cache-control"), response.headers.get("referrer-policy")])
      .toEqual(["no-store", "no-referrer"])
    const [{ code, codeVerifier, redirectUri }] = tool.asked.finished as [OAuthFinish]
    expect([Redacted.value(code), redirectUri]).toEqual(["the-code", tool.asked.begun[0]!.redirectUri])
    expect(challengeOf(Redacted.value(codeVerifier))).toBe(tool.asked.begun[0]!.codeChallenge)
    const sealed = new TextEncoder().encode("access")
    expect(asked.messages).toEqual([{ _tag: "Connect", provider: "todoist", sealed, replaces: false }])
  })

  it("edge case 34 - a user who says no is told so calmly, and the state is used up", async () => {
    const tool = toolOf()
    const { callback, asked, state } = await begun(tool)
    expect(whereTo(await callback({ state, error: "access_denied" })))
      .toEqual([303, "/connect?trouble=denied&tool=todoist"])
    expect(whereTo(await callback({ state, code: "c" }))).toEqual([303, "/connect?trouble=stale&tool=todoist"])
    expect([tool.asked.finished, asked.messages]).toEqual([[], []])
  })

  it("edge case 34 - a wrong, replayed or foreign state exchanges nothing", async () => {
    const tool = toolOf()
    const { callback, asked, state } = await begun(tool)
    const stale = [303, "/connect?trouble=stale&tool=todoist"]
    const wrong = `${state.startsWith("A") ? "B" : "A"}${state.slice(1)}`
    for (const given of [wrong, `${state}.r`, "", "x", `${state} `]) {
      expect(whereTo(await callback({ state: given, code: "c" }))).toEqual(stale)
      expect(whereTo(await callback({ state: given, error: "access_denied" }))).toEqual(stale)
    }
    expect(whereTo(await callback({ code: "c" }))).toEqual(stale)
    // Another browser of the same user, a browser of somebody else, and one without a session.
    expect(whereTo(await callback({ state, code: "c" }, { cookie: "sid=s2" }))).toEqual(stale)
    expect(whereTo(await callback({ state, code: "c" }, { cookie: "sid=other" }))).toEqual(stale)
    expect(whereTo(await callback({ state, code: "c" }, signedOut))).toEqual([303, "/"])
    expect([tool.asked.finished, asked.messages]).toEqual([[], []])
    expect((await callback({ state, code: "c" })).headers.get("location")).toContain("said=connected")
    expect(whereTo(await callback({ state, code: "c" }))).toEqual(stale)
    expect(tool.asked.finished).toHaveLength(1)
  })

  it("edge case 34 - a code that comes twice at once makes one connection", async () => {
    const tool = toolOf()
    const { callback, asked, state } = await begun(tool)
    const places = (await Promise.all([1, 2, 3].map(() => callback({ state, code: "c" })))).map((response) =>
      whereTo(response)[1]
    )
    expect(places.filter((place) => place === "/connect?said=connected&tool=todoist")).toHaveLength(1)
    expect([tool.asked.finished.length, asked.messages.length]).toEqual([1, 1])
  })

  it("does not take for one tool what was begun with another, nor a state without a code", async () => {
    const tool = toolOf()
    const calendar = connectorOf({ ...tool.connector, provider: "ical" })
    const first = await begun(tool, { connectors: [tool.connector, calendar] })
    expect(whereTo(await first.callback({ state: first.state, code: "c" }, {}, "ical")))
      .toEqual([303, "/connect?trouble=stale&tool=ical"])
    expect((await first.callback({ state: first.state, code: "c" }, {}, "trello")).status).toBe(404)
    const other = toolOf()
    for (const code of ["", "x".repeat(2_049)]) {
      const { callback } = await begun(other)
      expect((await callback({ state: other.asked.begun.at(-1)!.state, code })).headers.get("location"))
        .toContain("trouble=stale")
    }
    expect([tool.asked.finished, other.asked.finished]).toEqual([[], []])
  })

  it("finishes what it began when the browser goes away in the middle", async () => {
    const [asked, answered] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
    const tool = toolOf({
      finishOAuth: () =>
        Effect.as(Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(answered)), granted),
    })
    const aborted = new AbortController()
    const { send, asked: ports } = site({ connectors: [tool.connector] })
    await send("POST", "/connect/todoist/oauth", { form: {} })
    const { state } = tool.asked.begun[0]!
    const gone = send("GET", `/oauth/todoist/callback?state=${state}&code=c`, { signal: aborted.signal })
    await Effect.runPromise(Deferred.await(asked))
    aborted.abort()
    await gone.catch(() => undefined)
    await Effect.runPromise(Deferred.succeed(answered, undefined))
    await expect.poll(() => ports.messages.map(({ _tag }) => _tag)).toEqual(["Connect"])
  })

  it("says what to do about what the tool refuses", async () => {
    const errors = { invalid_scope: "scope", invalid_application_status: "application", "<b>": "unfinished" }
    for (const [error, code] of Object.entries(errors)) {
      const { callback, state } = await begun(toolOf())
      expect(whereTo(await callback({ state, error }))).toEqual([303, `/connect?trouble=${code}&tool=todoist`])
    }
    const refused = new ProviderRefused({ provider: "todoist", status: 400, tag: "bad_authorization_code" })
    const away = new ProviderUnavailable({ provider: "todoist", reason: "timeout", status: null, retryAfterMs: null })
    for (const [failure, code] of [[refused, "unfinished"], [away, "failed"]] as const) {
      const { callback, asked, state } = await begun(toolOf({ finishOAuth: () => Effect.fail(failure) }))
      expect(whereTo(await callback({ state, code: "c" }))).toEqual([303, `/connect?trouble=${code}&tool=todoist`])
      expect(asked.messages).toEqual([])
    }
  })
})

describe("another account", () => {
  const askError = new DifferentAccount({ provider: "todoist" })

  it("edge case 32 - is asked about, and what was granted for it is taken back", async () => {
    const tool = toolOf()
    const { callback, state } = await begun(tool, { askError })
    expect(whereTo(await callback({ state, code: "c" }))).toEqual([303, "/connect?trouble=other-account&tool=todoist"])
    expect(tool.asked.revoked).toBe(1)
    const { get } = site({ connectors: [tool.connector] })
    const page = await (await get("/connect?trouble=other-account&tool=todoist")).text()
    expect(page).toContain("Use the other account instead?")
    expect(page.match(/<input type="hidden" name="replace" value="1">/g)).toHaveLength(2)
  })

  it("edge case 32 - takes the place only of whoever agreed, by either way", async () => {
    const tool = toolOf()
    const { callback, asked, state } = await begun(tool, {}, { replace: "1" })
    expect(state).toMatch(/\.r$/)
    expect(whereTo(await callback({ state: state.replace(".r", ""), code: "c" }))[1]).toContain("stale")
    await callback({ state, code: "c" })
    const pasted = site()
    await pasted.post("/connect/todoist", { token: "t", replace: "1" })
    expect([...asked.messages, ...pasted.asked.messages]).toMatchObject([{ replaces: true }, { replaces: true }])
  })
})

describe("a grant that lets us read only", () => {
  it("edge case 35 - says what that means, and offers to ask for more", async () => {
    const offerIn = async (scopes: ReadonlyArray<string> | null, connector = toolOf().connector) => {
      const { get } = site({ connectors: [connector], connections: [connectionOf({ scopes })] })
      return (await (await get("/connect")).text()).includes("Let tipstream complete tasks")
    }
    expect(await offerIn(["data:read"])).toBe(true)
    expect(await offerIn(["data:read_write"])).toBe(false)
    expect(await offerIn(null)).toBe(false)
    expect(await offerIn(["data:read"], connectorOf({ actScope: "data:read_write" }))).toBe(false)
    const tool = toolOf()
    await begun(tool, {}, { mayAct: "1" })
    expect(tool.asked.begun).toMatchObject([{ mayAct: true }])
  })
})
