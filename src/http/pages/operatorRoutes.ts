/**
 * The operator's page. A browser sends no bearer header, so the token can be given by a form; what the browser then
 * keeps for its session is not the token but its HMAC, good for this page alone.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import { Clock, Effect, Redacted } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { Actors } from "../../actors/Actors.ts"
import { DeadLetters } from "../../streams/DeadLetters.ts"
import { EventLog } from "../../streams/EventLog.ts"
import { isOperator } from "../authentication.ts"
import { healthReport } from "../health.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { lastEvents } from "../lastEvents.ts"
import { operatorDoor, operatorPage } from "./operatorPage.ts"
import { respond, seeOther } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { formFields, queryOf } from "./visitor.ts"

/** What fits a screen. */
const shownMax = 20

const cookieName = "operator"

const passOf = (token: string): string => createHmac("sha256", token).update("tipstream operator page").digest("hex")

const isSame = (one: string, other: string): boolean => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const holdsPass = Effect.gen(function* () {
  const { adminToken } = yield* HttpSettings
  const { cookies } = yield* HttpServerRequest.HttpServerRequest
  return adminToken !== undefined && isSame(cookies[cookieName] ?? "", passOf(Redacted.value(adminToken)))
})

const readLog = Effect.gen(function* () {
  const log = yield* EventLog
  const { list } = yield* DeadLetters
  return yield* Effect.all({
    streams: log.streams,
    consumers: log.consumers,
    deadLetters: list({}, { limit: shownMax }),
    events: lastEvents(shownMax),
  })
})

const show = Effect.gen(function* () {
  const settings = yield* HttpSettings
  const byToken = yield* holdsPass
  if (!byToken && !(yield* isOperator(settings))) {
    if (settings.adminToken === undefined) return respond(operatorDoor("none"), 403)
    return respond(operatorDoor((yield* queryOf("wrong")) === undefined ? "token" : "wrong token"), 401)
  }
  return respond(operatorPage({
    health: yield* healthReport,
    // The page is most needed when the store is not there.
    log: yield* Effect.catchTag(readLog, "StoreUnavailable", () => Effect.succeed(undefined)),
    actors: yield* (yield* Actors).snapshot,
    live: (yield* queryOf("live")) !== "off",
    byToken,
    nowMs: yield* Clock.currentTimeMillis,
  }))
})

const signIn = Effect.gen(function* () {
  const { adminToken, secureCookies } = yield* HttpSettings
  const given = passOf((yield* formFields)("token") ?? "")
  if (adminToken === undefined || !isSame(given, passOf(Redacted.value(adminToken)))) {
    return seeOther("/operator", { wrong: "1" })
  }
  return HttpServerResponse.setCookieUnsafe(seeOther("/operator"), cookieName, given, cookieScope(secureCookies))
})

const signOut = Effect.map(
  HttpSettings,
  ({ secureCookies }) =>
    HttpServerResponse.setCookieUnsafe(seeOther("/operator"), cookieName, "", {
      ...cookieScope(secureCookies),
      maxAge: 0,
    }),
)

const cookieScope = (secure: boolean) => ({ path: "/operator", httpOnly: true, sameSite: "strict", secure }) as const

export const routes = [
  pageRoute("GET", "/operator", show),
  pageRoute("POST", "/operator/sign-in", signIn),
  pageRoute("POST", "/operator/sign-out", signOut),
]
