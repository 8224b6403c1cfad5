/** The tip and what is answered to it. Every decision is the recommender's; here it is asked and shown. */
import { Clock, Effect, Option, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { UserSyncStore } from "../../actors/UserSyncStore.ts"
import { Decisions } from "../../recommender/Decisions.ts"
import { Feedback } from "../../recommender/Feedback.ts"
import { Recommender } from "../../recommender/Recommender.ts"
import type { DecisionId, Owner } from "../../../schemas/ids.ts"
import { Reaction } from "../../../schemas/Tip.ts"
import { newUuid } from "../../../schemas/uuid.ts"
import { IdempotencyKey } from "../Api.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { answeredBar, findOwn } from "./answeredBar.ts"
import { errorPage } from "./errorPage.ts"
import { respond, seeOther } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { tipPage } from "./tipPage.ts"
import type { TipView } from "./tipPage.ts"
import { decisionIdOf, formFields, forVisitor, instantOf, queryOf } from "./visitor.ts"
import type { Visitor } from "./visitor.ts"

const isKey = Schema.is(IdempotencyKey)

/** Nobody looks at the answer, or perhaps never will (`Sec-Purpose`; `Purpose` and `X-Moz` of older browsers). */
const isUnseen = ({ method, headers }: HttpServerRequest.HttpServerRequest): boolean =>
  method === "HEAD" ||
  ["sec-purpose", "purpose", "x-moz"].some((name) => (headers[name] ?? "").toLowerCase().includes("prefetch"))

/** The tip asked for while it can still be answered, else the open one, else a new one if somebody will see it. */
const choose = Effect.fnUntraced(function* (owner: Owner, asked: DecisionId | undefined) {
  const decisions = yield* Decisions
  const nowMs = yield* Clock.currentTimeMillis
  const wanted = yield* findOwn(owner, asked)
  if (wanted?.state === "open" && wanted.expiresAtMs > nowMs) return { shown: wanted, reason: null }
  const open = yield* decisions.openTip(owner, nowMs)
  if (open !== undefined) return { shown: open, reason: null }
  if (isUnseen(yield* HttpServerRequest.HttpServerRequest)) return undefined
  const { tip, reason } = yield* (yield* Recommender).recommend(owner)
  return { shown: (yield* findOwn(owner, tip?.id)) ?? null, reason }
})

/** A browser throws away what was fetched ahead and did not succeed, and asks again when the person comes. */
const unseen = Effect.map(
  HttpServerRequest.HttpServerRequest,
  ({ method }) =>
    HttpServerResponse.empty({ status: method === "HEAD" ? 200 : 503, headers: { "cache-control": "no-store" } }),
)

const showTip = Effect.fnUntraced(function* (visitor: Visitor) {
  const { owner } = visitor
  const settings = yield* HttpSettings
  const key = yield* newUuid
  const bar = yield* answeredBar(owner, key)
  const chosen = yield* choose(owner, decisionIdOf(yield* queryOf("tip")))
  if (chosen === undefined) return yield* unseen
  const view: TipView = {
    ...chosen,
    visitor,
    bar,
    key,
    connections: yield* (yield* UserSyncStore).connections(owner),
    nowMs: yield* Clock.currentTimeMillis,
    simulatorUrl: settings.simulator?.url,
    operatorLink: settings.demo,
  }
  return respond(tipPage(view))
})

const react = Effect.fnUntraced(function* ({ owner }: Visitor) {
  const { id, reaction: named } = yield* HttpRouter.params
  const tipId = decisionIdOf(id)
  const reaction = Option.getOrUndefined(Schema.decodeUnknownOption(Reaction)(named))
  if (tipId === undefined || reaction === undefined) return errorPage(404, "There is nothing here")
  const field = yield* formFields
  const until = reaction === "snooze" ? instantOf(field("until")) ?? null : null
  const back = field("back") === "/history" ? "/history" : "/tip"
  // One key a page: what was pressed makes it one a request, so that a second thought is no reused key.
  const pressed = [field("key") ?? "", reaction, until ?? ""].join(":")
  const { give } = yield* Feedback
  return yield* give(owner, {
    tipId,
    reaction,
    snoozeUntilMs: until,
    idempotencyKey: field("key") !== undefined && isKey(pressed) ? pressed : null,
  }).pipe(
    Effect.map(() =>
      seeOther(back, { answered: tipId, ...(reaction === "undo" && back === "/tip" ? { tip: tipId } : {}) })
    ),
    Effect.catchTag(
      ["TipUnknown", "TipHasExpired", "TipSettled", "NothingToUndo", "SnoozeNotAhead", "IdempotencyKeyReused"],
      ({ _tag }) => Effect.succeed(seeOther(back, { refused: _tag })),
    ),
  )
})

export const routes = [
  pageRoute("GET", "/tip", forVisitor(showTip)),
  pageRoute("POST", "/tip/:id/:reaction", forVisitor(react)),
]
