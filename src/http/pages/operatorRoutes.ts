/**
 * The operator's page. A browser sends no bearer header, so the token can be given by a form; what the browser then
 * keeps for its session is not the token but its HMAC, good for this page alone.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import { Clock, Effect, Redacted } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { DeadLetters } from "../../streams/DeadLetters.ts"
import type { LetterFilter } from "../../streams/DeadLetters.ts"
import { EventLog } from "../../streams/EventLog.ts"
import { isOperator } from "../authentication.ts"
import { healthReport } from "../health.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { lastEvents } from "../lastEvents.ts"
import { lateSyncs, liveActors, syncsByProvider } from "../syncs.ts"
import { dropPage, operatorAddress } from "./deadLetterSection.ts"
import type { OperatorPlace, Settled } from "./deadLetterSection.ts"
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

const readLog = Effect.fnUntraced(function* (filter: LetterFilter) {
  const log = yield* EventLog
  const { list, count } = yield* DeadLetters
  return yield* Effect.all({
    streams: log.streams,
    consumers: log.consumers,
    deadLetters: list(filter, { limit: shownMax }),
    deadLettersOpen: count(filter),
    // Of a log that is away, streams and consumers are known from before, and the dead letters are in the database.
    events: Effect.orElseSucceed(lastEvents(shownMax), () => []),
  })
})

const readSyncs = Effect.all({ providers: syncsByProvider, late: lateSyncs(shownMax) })

/** Whoever may not see the page is shown how to open it. */
const forOperator = Effect.fnUntraced(function* <E, R>(
  answer: (visit: { readonly byToken: boolean }) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
) {
  const settings = yield* HttpSettings
  const byToken = yield* holdsPass
  if (byToken || (yield* isOperator(settings))) return yield* answer({ byToken })
  if (settings.adminToken === undefined) return respond(operatorDoor("none"), 403)
  return respond(operatorDoor((yield* queryOf("wrong")) === undefined ? "token" : "wrong token"), 401)
})

const show = forOperator(Effect.fnUntraced(function* ({ byToken }) {
  const place = placeOf(yield* Effect.all({ durable: queryOf("durable"), live: queryOf("live") }))
  const { durable } = place
  return respond(operatorPage({
    health: yield* healthReport,
    // The page is most needed when the store is not there.
    log: yield* Effect.catchTag(
      readLog(durable === undefined ? {} : { durable }),
      "StoreUnavailable",
      () => Effect.succeed(undefined),
    ),
    syncs: yield* Effect.catchTag(readSyncs, "StoreUnavailable", () => Effect.succeed(undefined)),
    actors: yield* liveActors(shownMax),
    ...place,
    settled: settledOf(yield* Effect.all([queryOf("redriven"), queryOf("refused"), queryOf("dropped")])),
    byToken,
    nowMs: yield* Clock.currentTimeMillis,
  }))
}))

const placeOf = (
  given: { readonly durable: string | undefined; readonly live: string | undefined },
): OperatorPlace => ({
  durable: given.durable === "" ? undefined : given.durable?.slice(0, durableMaxChars),
  live: given.live !== "off",
})

/** As the API takes it. */
const durableMaxChars = 100

const settledOf = ([redriven, refused, dropped]: ReadonlyArray<string | undefined>): Settled => {
  const count = (text: string | undefined) => /^\d{1,6}$/.test(text ?? "") ? Number(text) : 0
  return { redriven: count(redriven), refused: count(refused), dropped: count(dropped) }
}

/** What the page itself sends; empty for anything else. */
const idsOf = (text: string | undefined): ReadonlyArray<number> =>
  /^\d{1,15}(,\d{1,15})*$/.test(text ?? "") ? text!.split(",").slice(0, shownMax).map(Number) : []

const chosen = Effect.map(
  formFields,
  (field) => ({ ids: idsOf(field("ids")), place: placeOf({ durable: field("durable"), live: field("live") }) }),
)

const redrive = forOperator(Effect.fnUntraced(function* () {
  const { ids, place } = yield* chosen
  const letters = yield* DeadLetters
  const { redriven, refused } = yield* letters.redrive({ ids }, { limit: shownMax, dryRun: false })
  return back(place, { redriven: redriven.length, refused: refused.length })
}))

const askDrop = forOperator(Effect.fnUntraced(function* () {
  const place = placeOf(yield* Effect.all({ durable: queryOf("durable"), live: queryOf("live") }))
  const ids = idsOf(yield* queryOf("ids"))
  return ids.length === 0 ? back(place, {}) : respond(dropPage(place, ids))
}))

const drop = forOperator(Effect.fnUntraced(function* () {
  const { ids, place } = yield* chosen
  const letters = yield* DeadLetters
  const dropped = yield* letters.drop({ ids }, { limit: shownMax, dryRun: false })
  return back(place, { dropped: dropped.length })
}))

const back = (place: OperatorPlace, settled: Settled) =>
  seeOther(
    `${
      operatorAddress(
        place,
        Object.fromEntries(
          Object.entries(settled).flatMap(([name, count]) => count > 0 ? [[name, String(count)]] : []),
        ),
      )
    }#dead-letters`,
  )

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
  pageRoute("POST", "/operator/redrive", redrive),
  pageRoute("GET", "/operator/drop", askDrop),
  pageRoute("POST", "/operator/drop", drop),
  pageRoute("POST", "/operator/sign-in", signIn),
  pageRoute("POST", "/operator/sign-out", signOut),
]
