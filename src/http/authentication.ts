/** Who is asking: sessions by cookie, the demo user, the operator. */
import { timingSafeEqual } from "node:crypto"
import { Effect, Layer, Redacted } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { defaultTenant } from "../../schemas/ids.ts"
import { Accounts } from "../identity/Accounts.ts"
import { Sessions } from "../identity/Sessions.ts"
import type { SessionToken } from "../identity/Sessions.ts"
import { CurrentUser, Operator, sessionCookie, SignedIn } from "./Api.ts"
import { HttpSettings } from "./HttpSettings.ts"
import * as Problems from "./problems.ts"

export const demoAccount = {
  tenantId: defaultTenant,
  issuer: "demo",
  subject: "demo",
  displayName: "Demo",
} as const

export const layerSignedIn = Layer.effect(
  SignedIn,
  Effect.map(Sessions, (sessions) =>
    SignedIn.of({
      session: Effect.fnUntraced(function* (httpEffect, { credential }) {
        const owner = yield* ownerOf(sessions, credential)
        if (owner === undefined) return yield* new Problems.Unauthenticated()
        return yield* Effect.provideService(httpEffect, CurrentUser, owner)
      }),
    })),
)

const ownerOf = (sessions: Sessions["Service"], token: SessionToken) =>
  Redacted.value(token) === ""
    ? Effect.succeed(undefined)
    : Effect.mapError(sessions.find(token), () => new Problems.Unavailable())

/** The session of the request; empty without one. */
export const sessionToken = Effect.map(
  HttpServerRequest.HttpServerRequest,
  (request): SessionToken => Redacted.make(request.cookies[sessionCookie.key] ?? "", { label: "session" }),
)

export const currentOwner = Effect.gen(function* () {
  return yield* ownerOf(yield* Sessions, yield* sessionToken)
})

export const layerOperator = Layer.effect(
  Operator,
  Effect.map(HttpSettings, (settings) =>
    Operator.of(Effect.fnUntraced(function* (httpEffect) {
      if (!(yield* isOperator(settings))) return yield* new Problems.OperatorOnly()
      return yield* httpEffect
    }))),
)

/** Open in demo mode while no token is set; else by the token, compared in constant time. */
export const isOperator = (settings: HttpSettings["Service"]) =>
  Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
    if (settings.adminToken === undefined) return settings.demo && isLoopbackHost(request.headers["host"])
    const given = Buffer.from(request.headers["authorization"] ?? "")
    const wanted = Buffer.from(`Bearer ${Redacted.value(settings.adminToken)}`)
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  })

/**
 * The cookie is given once, at sign-in, and browsers keep none longer than 400 days (RFC 6265bis). A session ends on
 * the server, once nobody has used it for SESSION_IDLE_MS: a shorter cookie would sign out who comes every day.
 */
const cookieMaxAgeMs = 400 * 86_400_000

/** Starts a session for the demo user and puts its cookie on the response. */
export const signInDemo = Effect.gen(function* () {
  const settings = yield* HttpSettings
  const request = yield* HttpServerRequest.HttpServerRequest
  // A page elsewhere whose name was made to resolve to 127.0.0.1 sends its own name here.
  if (!settings.demo || !isLoopbackHost(request.headers["host"])) return yield* new Problems.DemoOnly()
  const accounts = yield* Accounts
  const sessions = yield* Sessions
  const owner = yield* accounts.open({ ...demoAccount, timeZone: hostTimeZone() })
  const token = yield* sessions.begin(owner)
  yield* HttpApiBuilder.securitySetCookie(sessionCookie, token, {
    path: "/",
    secure: settings.secureCookies,
    sameSite: "lax",
    maxAge: cookieMaxAgeMs,
  })
  return owner
})

export const endSession = Effect.gen(function* () {
  const settings = yield* HttpSettings
  yield* (yield* Sessions).end(yield* sessionToken)
  yield* HttpApiBuilder.securitySetCookie(sessionCookie, "", {
    path: "/",
    secure: settings.secureCookies,
    sameSite: "lax",
    maxAge: 0,
  })
})

export const hostTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

export const isLoopbackHost = (host: string | undefined): boolean =>
  /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/.test(host ?? "")
