/** One handler per route: take, ask the domain, answer. No decision is made here. */
import { Clock, DateTime, Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Accounts } from "../identity/Accounts.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { Feedback } from "../recommender/Feedback.ts"
import { Recommender } from "../recommender/Recommender.ts"
import { EventLog } from "../streams/EventLog.ts"
import { feedbackProblem, instantOf, pastTipBody, recommendationBody, tipProblem, unavailable } from "./answers.ts"
import { Api, CurrentUser } from "./Api.ts"
import { demoAccount, endSession, signInDemo } from "./authentication.ts"
import { connectorHandlers } from "./connectorHandlers.ts"
import { deadLetterHandlers } from "./deadLetterHandlers.ts"
import { healthReport } from "./health.ts"
import { lastEvents } from "./lastEvents.ts"
import { lateSyncs, liveActors, syncsByProvider } from "./syncs.ts"
import * as Problems from "./problems.ts"

const pageSizeDefault = 20
/** Of a hundred thousand, those in trouble come first. */
const actorsMax = 100

const tips = HttpApiBuilder.group(Api, "tips", (handlers) =>
  handlers.handleAll({
    recommend: Effect.fnUntraced(function* () {
      const { recommend } = yield* Recommender
      return recommendationBody(yield* Effect.mapError(recommend(yield* CurrentUser), unavailable))
    }),
    feedback: Effect.fnUntraced(function* ({ payload, headers }) {
      const { give } = yield* Feedback
      const { tipId, state, recorded } = yield* give(yield* CurrentUser, {
        tipId: payload.tipId,
        reaction: payload.reaction,
        snoozeUntilMs: payload.snoozeUntil === undefined ? null : DateTime.toEpochMillis(payload.snoozeUntil),
        idempotencyKey: headers["idempotency-key"] ?? null,
      }).pipe(Effect.mapError(feedbackProblem))
      return { tipId, state, recorded }
    }),
    list: Effect.fnUntraced(function* ({ query }) {
      const { history } = yield* Decisions
      const limit = query.limit ?? pageSizeDefault
      const nowMs = yield* Clock.currentTimeMillis
      const beforeMs = query.before === undefined ? nowMs + 1 : DateTime.toEpochMillis(query.before)
      const past = yield* Effect.mapError(history(yield* CurrentUser, beforeMs, limit), unavailable)
      return { tips: past.map(pastTipBody), next: past.length < limit ? null : instantOf(past.at(-1)!.servedAtMs) }
    }),
    byId: Effect.fnUntraced(function* ({ params }) {
      const { find } = yield* Decisions
      return pastTipBody(yield* Effect.mapError(find(yield* CurrentUser, params.id), tipProblem))
    }),
  }))

const identity = HttpApiBuilder.group(Api, "identity", (handlers) =>
  handlers.handleAll({
    me: Effect.fnUntraced(function* () {
      const { profile } = yield* Accounts
      const known = yield* Effect.mapError(profile(yield* CurrentUser), unavailable)
      // The session outlived its account.
      if (known === undefined) return yield* new Problems.Unauthenticated()
      return { userId: known.owner.userId, displayName: known.displayName, timeZone: known.timeZone }
    }),
    logout: Effect.fnUntraced(function* () {
      yield* Effect.mapError(endSession, unavailable)
    }),
    demo: Effect.fnUntraced(function* () {
      const { userId } = yield* Effect.catchTag(
        signInDemo,
        "StoreUnavailable",
        (error) => Effect.fail(unavailable(error)),
      )
      return { userId, displayName: demoAccount.displayName }
    }),
  }))

const admin = HttpApiBuilder.group(Api, "admin", (handlers) =>
  handlers.handleAll({
    log: Effect.fnUntraced(function* () {
      const log = yield* EventLog
      return yield* Effect.mapError(Effect.all({ streams: log.streams, consumers: log.consumers }), unavailable)
    }),
    events: Effect.fnUntraced(function* ({ query }) {
      return { events: yield* Effect.mapError(lastEvents(query.limit ?? pageSizeDefault), unavailable) }
    }),
    actors: Effect.fnUntraced(function* ({ query }) {
      return { actors: (yield* liveActors(query.limit ?? actorsMax)).shown }
    }),
    syncs: Effect.fnUntraced(function* () {
      return { providers: yield* Effect.mapError(syncsByProvider, unavailable), actors: (yield* liveActors(0)).counts }
    }),
    late: Effect.fnUntraced(function* ({ query }) {
      return { late: yield* Effect.mapError(lateSyncs(query.limit ?? pageSizeDefault), unavailable) }
    }),
  }))

const health = HttpApiBuilder.group(Api, "health", (handlers) =>
  handlers.handleAll({
    health: () => healthReport,
    ready: Effect.fnUntraced(function* () {
      const report = yield* healthReport
      if (!report.ready) return yield* new Problems.NotReady({ problems: report.problems })
      return report
    }),
  }))

export const layer = Layer.mergeAll(tips, connectorHandlers, identity, admin, deadLetterHandlers, health)
