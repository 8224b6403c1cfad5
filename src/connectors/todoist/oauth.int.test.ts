/** Letting tipstream in and out again, against a Todoist somebody else wrote: the simulator, over a real socket. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted, Tracer } from "effect"
import { createHash, randomBytes, randomUUID } from "node:crypto"
import { inspect } from "node:util"
import type { ConnectorShape } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import { connect, credentialOf, readAll } from "./fixtures/readAll.ts"
import { simulated } from "./fixtures/simulated.ts"
import { send, stub } from "./fixtures/stub.ts"

const redirectUri = "http://127.0.0.1:3000/connect/todoist/callback"

const start = Effect.fnUntraced(function* (options: Parameters<typeof simulated>[0] = {}) {
  const sim = yield* simulated(options)
  const client = { id: sim.client.id, secret: Redacted.make(sim.client.secret) }
  const connector = yield* sim.connect({ client })
  const { tokens } = { tokens: sim.call("GET", "/_sim/tokens") }
  const { personal } = yield* tokens
  const [{ userId } = { userId: "" }] = personal as ReadonlyArray<{ readonly userId: string }>

  /** What the user's browser does between `beginOAuth` and `finishOAuth`: consents, or not. */
  const consent = Effect.fnUntraced(function* (more: { readonly mayAct?: boolean; readonly deny?: boolean } = {}) {
    const codeVerifier = randomBytes(32).toString("base64url")
    const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url")
    const state = randomUUID()
    const url = yield* connector.beginOAuth({ redirectUri, state, codeChallenge, mayAct: more.mayAct ?? false })
    const { redirect } = yield* sim.call("POST", "/_sim/oauth/approve", {
      clientId: url.searchParams.get("client_id"),
      scope: url.searchParams.get("scope"),
      state: url.searchParams.get("state"),
      redirectUri: url.searchParams.get("redirect_uri"),
      codeChallenge: url.searchParams.get("code_challenge"),
      userId,
      deny: more.deny ?? false,
    })
    const back = new URL(String(redirect))
    expect(back.searchParams.get("state")).toBe(state)
    return {
      error: back.searchParams.get("error"),
      finish: {
        redirectUri,
        code: Redacted.make(back.searchParams.get("code") ?? ""),
        codeVerifier: Redacted.make(codeVerifier),
      },
    }
  })

  const connected = Effect.fnUntraced(function* (mayAct = false) {
    return yield* connector.finishOAuth((yield* consent({ mayAct })).finish)
  })

  const alive = Effect.map(
    tokens,
    ({ families }) =>
      (families as ReadonlyArray<{ readonly endedBy: string | null }>).map(({ endedBy }) => endedBy ?? "alive"),
  )

  return { sim, connector, consent, connected, alive, userId }
})

const secretOf = (token: Redacted.Redacted<string> | null) => token === null ? null : Redacted.value(token)

const reads = (connector: ConnectorShape, credential: Credential) =>
  Effect.map(readAll(connector, credential, null), ({ accountId }) => accountId)

describe("todoist oauth", () => {
  it.live("todoist oauth - the user is sent to Todoist with state, challenge and the least that is needed", () =>
    Effect.gen(function* () {
      const client = { id: "app 1", secret: Redacted.make("shh") }
      const connector = yield* connect({ baseUrl: "http://127.0.0.1:1", client })
      expect(connector.grants).toEqual(["oauth", "token"])
      const request = { redirectUri, state: "s+1", codeChallenge: "c".repeat(43), mayAct: false }
      const url = yield* connector.beginOAuth(request)
      expect(`${url.origin}${url.pathname}`).toBe("https://app.todoist.com/oauth/authorize")
      expect(Object.fromEntries(url.searchParams)).toEqual({
        client_id: "app 1",
        scope: "data:read",
        state: "s+1",
        redirect_uri: redirectUri,
        code_challenge: "c".repeat(43),
        code_challenge_method: "S256",
      })
      const acting = yield* connector.beginOAuth({ ...request, mayAct: true })
      expect(acting.searchParams.get("scope")).toBe("data:read_write")
      expect(`${url}`).not.toContain("shh")
    }))

  it.live("todoist oauth - without an app only a personal token connects", () =>
    Effect.gen(function* () {
      const connector = yield* connect({ baseUrl: "http://127.0.0.1:1" })
      expect(connector.grants).toEqual(["token"])
      const request = { redirectUri, state: "s", codeChallenge: "c", mayAct: false }
      expect(yield* Effect.flip(connector.beginOAuth(request))).toMatchObject({ _tag: "GrantUnsupported" })
      const finish = { redirectUri, code: Redacted.make("c"), codeVerifier: Redacted.make("v") }
      expect(yield* Effect.flip(connector.finishOAuth(finish))).toMatchObject({ _tag: "GrantUnsupported" })
      expect(yield* Effect.flip(connector.refresh(credentialOf("t")))).toMatchObject({ _tag: "GrantUnsupported" })
    }))

  it.live("todoist oauth - a code becomes a pair that reads the account of the user who consented", () =>
    Effect.gen(function* () {
      const { connector, connected, userId } = yield* start()
      const credential = yield* connected()
      expect(credential.scopes).toEqual(["data:read"])
      expect(credential.refreshToken).not.toBeNull()
      expect((credential.expiresAtMs ?? 0) - credential.issuedAtMs).toBeGreaterThan(3_590_000)
      expect((credential.expiresAtMs ?? 0) - credential.issuedAtMs).toBeLessThanOrEqual(3_600_000)
      expect(yield* reads(connector, credential)).toBe(userId)
      expect((yield* connected()).familyId).not.toBe(credential.familyId)
    }))

  it.live("edge case 26 - an older app gets one token without an end, which cannot be refreshed", () =>
    Effect.gen(function* () {
      for (const classicExpiresIn of ["absent", "ten-years"] as const) {
        const clients = [{ id: "tipstream-demo", refreshEnabled: false }]
        const { connector, connected, userId } = yield* start({ clients, switches: { classicExpiresIn } })
        const credential = yield* connected()
        expect(credential).toMatchObject({ refreshToken: null, expiresAtMs: null })
        expect(yield* reads(connector, credential)).toBe(userId)
        expect(yield* Effect.flip(connector.refresh(credential))).toMatchObject({ _tag: "GrantUnsupported" })
      }
    }))

  it.live("edge case 34 - a consent that was refused brings no code, and a code works once", () =>
    Effect.gen(function* () {
      const { connector, consent } = yield* start()
      expect((yield* consent({ deny: true })).error).toBe("access_denied")
      const { finish } = yield* consent()
      yield* connector.finishOAuth(finish)
      expect(yield* Effect.flip(connector.finishOAuth(finish))).toMatchObject({ _tag: "TokenRejected", status: 400 })
      const unknown = { ...finish, code: Redacted.make("never-issued") }
      expect(yield* Effect.flip(connector.finishOAuth(unknown))).toMatchObject({ _tag: "TokenRejected" })
    }))

  it.live("edge case 34 - a stolen code is worth nothing without the verifier", () =>
    Effect.gen(function* () {
      const { connector, consent } = yield* start()
      const { finish } = yield* consent()
      const thief = { ...finish, codeVerifier: Redacted.make(randomBytes(32).toString("base64url")) }
      expect(yield* Effect.flip(connector.finishOAuth(thief))).toMatchObject({ _tag: "TokenRejected" })
    }))

  it.live("todoist oauth - wrong application credentials are no fault of the user", () =>
    Effect.gen(function* () {
      const { sim, consent } = yield* start()
      const stranger = yield* sim.connect({ client: { id: sim.client.id, secret: Redacted.make("wrong") } })
      const { finish } = yield* consent()
      expect(yield* Effect.flip(stranger.finishOAuth(finish))).toMatchObject({
        _tag: "ProviderRefused",
        tag: "incorrect_application_credentials",
      })
    }))

  it.live("edge case 25 - a refresh gives another pair of the same family, and the spent one dies after a grace", () =>
    Effect.gen(function* () {
      const { sim, connector, connected, userId } = yield* start()
      const first = yield* connected()
      const second = yield* connector.refresh(first)
      expect(secretOf(second.refreshToken)).not.toBe(secretOf(first.refreshToken))
      expect(secretOf(second.accessToken)).not.toBe(secretOf(first.accessToken))
      expect(second).toMatchObject({ familyId: first.familyId, scopes: first.scopes })
      // Our own crash between refreshing and keeping the pair: the one before still works for a minute.
      const third = yield* connector.refresh(first)
      expect(yield* reads(connector, third)).toBe(userId)
      sim.clock.offsetMs = 120_000
      expect(yield* Effect.flip(connector.refresh(first))).toMatchObject({ _tag: "TokenRejected", status: 400 })
    }))

  it.live("edge case 25 - another holder that was faster leaves a dead refresh token", () =>
    Effect.gen(function* () {
      const { sim, connector, connected } = yield* start({ switches: { refreshGraceMs: 0 } })
      const credential = yield* connected()
      yield* sim.fault({ fault: "refresh-race" })
      expect(yield* Effect.flip(connector.refresh(credential))).toMatchObject({ _tag: "TokenRejected" })
    }))

  it.live("edge case 24 - a token that expired is rejected, as 401 and as 403, and a refreshed one is not", () =>
    Effect.gen(function* () {
      for (const deadToken of ["401", "403"] as const) {
        const { sim, connector, connected, userId } = yield* start({ switches: { deadToken } })
        const credential = yield* connected()
        yield* sim.call("POST", "/_sim/tokens/expire", { userId })
        expect(yield* Effect.flip(reads(connector, credential))).toMatchObject({
          _tag: "TokenRejected",
          status: Number(deadToken),
        })
        expect(yield* reads(connector, yield* connector.refresh(credential))).toBe(userId)
      }
    }))

  it.live("edge case 35 - with a grant to read only, an act is forbidden before any call", () =>
    Effect.gen(function* () {
      const { sim, connector, connected } = yield* start()
      const taskId = (yield* sim.tasks).find(({ checked }) => !checked)!.id
      const acts = [{ actId: randomUUID(), kind: "complete", taskId }] as const
      const reader = yield* connected(false)
      const outcomes = yield* connector.act({ credential: reader, acts })
      expect(outcomes).toEqual([{ actId: acts[0].actId, outcome: "forbidden", detail: "scope" }])
      expect(yield* sim.executed(taskId)).toBeUndefined()
      // The tool does not always say what was granted: then it refuses, and that is not a dead token.
      const unknowing = { ...reader, scopes: null }
      expect(yield* Effect.flip(connector.act({ credential: unknowing, acts }))).toMatchObject({ _tag: "ScopeMissing" })
      const writer = yield* connected(true)
      expect(yield* connector.act({ credential: writer, acts })).toMatchObject([{ outcome: "done" }])
    }))

  it.live("edge case 31 - revoking takes back both tokens, whether or not one takes the other along", () =>
    Effect.gen(function* () {
      for (const revokeSibling of ["both", "one"] as const) {
        const { connector, connected, alive } = yield* start({ switches: { revokeSibling } })
        const credential = yield* connected()
        expect(yield* alive).toEqual(["alive"])
        yield* connector.revoke(credential)
        expect(yield* alive).toEqual(["client"])
        expect(yield* Effect.flip(reads(connector, credential))).toMatchObject({ _tag: "TokenRejected" })
        // Again, as after a lost answer: dead tokens are what was wanted.
        yield* connector.revoke(credential)
      }
    }))

  it.live("edge case 31 - the one token of an older app, which names no scopes, is taken back as well", () =>
    Effect.gen(function* () {
      const { connector, consent, alive } = yield* start({ clients: [{ id: "tipstream-demo", refreshEnabled: false }] })
      const credential = yield* connector.finishOAuth({ ...(yield* consent({ mayAct: true })).finish, mayAct: true })
      expect(credential).toMatchObject({ refreshToken: null, scopes: ["data:read_write"] })
      yield* connector.revoke(credential)
      expect(yield* alive).toEqual(["client"])
    }))

  it.live("edge case 31 - the refresh token goes first, in a body with Basic, and 200, 400 and 401 are all fine", () =>
    Effect.gen(function* () {
      const client = { id: "app", secret: Redacted.make("s:e") }
      const credential = credentialOf("access-1", { refreshToken: Redacted.make("refresh-1") })
      for (const status of [200, 400, 401]) {
        const server = yield* stub(send(status, "null"), send(status, "null"))
        yield* (yield* connect({ ...server, client })).revoke(credential)
        expect(server.received.map(({ url, form }) => [url, form["token"], form["token_type_hint"]])).toEqual([
          ["/api/v1/revoke", "refresh-1", "refresh_token"],
          ["/api/v1/revoke", "access-1", "access_token"],
        ])
        const [first] = server.received
        expect(first?.headers.authorization).toBe(`Basic ${Buffer.from("app:s:e").toString("base64")}`)
      }
    }))

  it.live("edge case 31 - a network failure or a sick host is an error, to be tried again", () =>
    Effect.gen(function* () {
      const client = { id: "app", secret: Redacted.make("shh") }
      const closed = yield* Effect.scoped(stub())
      const connector = yield* connect({ ...closed, client })
      const granted = credentialOf("t", { scopes: ["data:read"] })
      expect(yield* Effect.flip(connector.revoke(granted))).toMatchObject({ reason: "connection" })
      const sick = yield* connect({ ...(yield* stub(send(503, ""))), client })
      expect(yield* Effect.flip(sick.revoke(granted))).toMatchObject({ reason: "server-error" })
    }))

  it.live("edge case 31 - a personal token is nobody's to take back: revoking it succeeds, and it lives on", () =>
    Effect.gen(function* () {
      const { sim, connector, userId } = yield* start()
      expect(yield* connector.revoke(sim.personal)).toBe("none")
      expect(yield* (yield* sim.connect()).revoke(sim.personal)).toBe("none")
      expect(yield* reads(connector, sim.personal)).toBe(userId)
    }))

  it.live("todoist oauth - a pasted token is taken without the white space around it, and nothing is asked", () =>
    Effect.gen(function* () {
      const connector = yield* connect({ baseUrl: "http://127.0.0.1:1" })
      const credential = yield* connector.fromToken(Redacted.make(" abc123\n"))
      expect(secretOf(credential.accessToken)).toBe("abc123")
      expect(credential).toMatchObject({ refreshToken: null, expiresAtMs: null, scopes: null })
      for (const bad of ["", " ", "a b", "tökén", "x".repeat(513)]) {
        expect(yield* Effect.flip(connector.fromToken(Redacted.make(bad)))).toMatchObject({
          _tag: "TokenRejected",
          status: null,
        })
      }
    }))

  it.live("todoist oauth - no secret is in an address, a span or an error", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        },
      })
      const client = { id: "app", secret: Redacted.make("canary-client-secret") }
      const credential = credentialOf("canary-access", { refreshToken: Redacted.make("canary-refresh") })
      const finish = {
        redirectUri,
        code: Redacted.make("canary-code"),
        codeVerifier: Redacted.make("canary-verifier"),
      }
      const urls: Array<string> = []
      const seen: Array<unknown> = []
      for (const status of [200, 400, 500]) {
        const answer = send(status, { error: "canary error", access_token: "canary token" })
        const server = yield* stub(answer, answer, answer, answer)
        const connector = yield* connect({ ...server, client })
        const calls = [
          connector.finishOAuth(finish),
          connector.refresh(credential),
          Effect.asVoid(connector.revoke(credential)),
        ]
        for (const call of calls) seen.push(yield* Effect.exit(call).pipe(Effect.withTracer(tracer)))
        urls.push(...server.received.map(({ url }) => url))
      }
      expect(urls.length).toBe(11)
      const recorded = spans.map(({ name, attributes, events, status }) => {
        const exit = status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit : undefined
        const cause = exit === undefined ? "" : Cause.pretty(exit.cause)
        return inspect({ name, attributes, events, cause, exit }, { depth: 12 })
      }).join("\n")
      expect(recorded).toContain("Connector.refresh")
      expect(`${urls.join()}${recorded}${inspect(seen, { depth: 12 })}`).not.toContain("canary")
    }))
})
