/**
 * Takes reactions, and says goodbye to tips nobody answered.
 *
 * A reaction, what it does to the candidate, the act it asks for in the tool and its event commit together. The act is
 * carried out afterwards by the user's sync actor, as often as it takes, under an id derived from the decision.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { currentCorrelationId } from "../../schemas/correlation.ts"
import { reactionKinds, reactionRecorded, tipExpired } from "../../schemas/events.ts"
import type { DecisionId, Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Reaction } from "../../schemas/Tip.ts"
import { newUuid, tipstreamNamespace, uuidv5 } from "../../schemas/uuid.ts"
import { Decisions } from "./Decisions.ts"
import type { IdempotencyKeyReused, PastDecision, ReactRequest, TipUnknown } from "./Decisions.ts"
import { judge } from "./reactionState.ts"
import type { Accepted, TipState } from "./reactionState.ts"

export interface Given {
  readonly tipId: DecisionId
  readonly reaction: Reaction
  readonly snoozeUntilMs: number | null
  readonly idempotencyKey: string | null
}

export interface Taken {
  readonly tipId: DecisionId
  readonly state: TipState
  /** False when it had been said before. */
  readonly recorded: boolean
  readonly tip: PastDecision
}

/** The window of the tip has passed; its silence is already recorded. */
export class TipHasExpired extends Schema.TaggedError<TipHasExpired>()("TipHasExpired", { tipId: Schema.String }) {
  override get message() {
    return "the time to answer this tip has passed"
  }
}

/** The tip was answered otherwise before. */
export class TipSettled extends Schema.TaggedError<TipSettled>()("TipSettled", { state: Schema.String }) {
  override get message() {
    return `this tip was already answered: ${this.state}`
  }
}

/** Undo of a tip that was neither dismissed nor snoozed. */
export class NothingToUndo extends Schema.TaggedError<NothingToUndo>()("NothingToUndo", { state: Schema.String }) {
  override get message() {
    return `only a dismiss or a snooze can be undone; this tip is ${this.state}`
  }
}

/** The instant to snooze until has passed, or lies too far ahead. */
export class SnoozeNotAhead extends Schema.TaggedError<SnoozeNotAhead>()("SnoozeNotAhead", {}) {
  override get message() {
    return "snoozeUntil must lie ahead, at most 90 days"
  }
}

export type FeedbackError =
  | TipUnknown
  | TipHasExpired
  | TipSettled
  | NothingToUndo
  | SnoozeNotAhead
  | IdempotencyKeyReused
  | StoreUnavailable

/** Tells whoever carries acts out that there is one. Never fails and never waits: the act is in the store. */
export class ActsWaiting extends Context.Service<ActsWaiting, {
  readonly notify: (owner: Owner) => Effect.Effect<void>
}>()("tipstream/recommender/ActsWaiting") {}

export class Feedback extends Context.Service<Feedback, {
  readonly give: (owner: Owner, given: Given) => Effect.Effect<Taken, FeedbackError>
  /** Expires what is due, in bounded batches; how many. */
  readonly expireDue: Effect.Effect<number, StoreUnavailable>
}>()("tipstream/recommender/Feedback") {}

/** The id under which a tool is asked to complete the task of a tip: the same on every attempt. */
export const completeActId = (decisionId: string): string => uuidv5(tipstreamNamespace, `complete/${decisionId}`)

/** Tips expired in one transaction: bounds its locks, and its events. */
const expireBatch = 200

export const layer = Layer.effect(
  Feedback,
  Effect.gen(function* () {
    const decisions = yield* Decisions
    const acts = yield* ActsWaiting

    const give = Effect.fn("Feedback.give")(function* (owner: Owner, given: Given) {
      const request: ReactRequest = {
        owner,
        decisionId: given.tipId,
        reaction: given.reaction,
        snoozeUntilMs: given.snoozeUntilMs,
        idempotencyKey: given.idempotencyKey,
        nowMs: yield* Clock.currentTimeMillis,
        eventId: yield* newUuid,
        correlationId: yield* currentCorrelationId,
      }
      const { verdict, tip } = yield* decisions.react(
        request,
        (served) =>
          judge(
            { state: served.state, kind: served.tip.kind, expiresAtMs: served.expiresAtMs },
            request,
            request.nowMs,
          ),
        (served, accepted) => reactionEvent(request, served, accepted),
      )
      if (verdict._tag === "Refused") return yield* refusal(verdict.reason, tip)
      if (verdict._tag === "Repeated") return { tipId: given.tipId, state: tip.state, recorded: false, tip }
      if (verdict.completes) yield* acts.notify(owner)
      return { tipId: given.tipId, state: verdict.state, recorded: true, tip: { ...tip, state: verdict.state } }
    })

    const expireDue = Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const correlationId = yield* currentCorrelationId
      return yield* decisions.expire(
        nowMs,
        expireBatch,
        (owner, tip) =>
          tipExpired({
            ...owner,
            id: uuidv5(tipstreamNamespace, `expired/${tip.decisionId}`),
            atMs: nowMs,
            correlationId,
          }, {
            decisionId: tip.decisionId,
            candidateId: tip.tip.meta.candidateId,
            servedAtMs: BigInt(tip.servedAtMs),
            expiredAtMs: BigInt(tip.expiresAtMs),
          }),
      )
    }).pipe(Effect.withSpan("Feedback.expireDue"))

    return Feedback.of({ give, expireDue })
  }),
)

const refusal = (
  reason: "expired" | "settled" | "nothing-to-undo" | "snooze-not-ahead",
  { decisionId, state }: PastDecision,
): TipHasExpired | TipSettled | NothingToUndo | SnoozeNotAhead => {
  switch (reason) {
    case "expired":
      return new TipHasExpired({ tipId: decisionId })
    case "settled":
      return new TipSettled({ state })
    case "nothing-to-undo":
      return new NothingToUndo({ state })
    case "snooze-not-ahead":
      return new SnoozeNotAhead()
  }
}

const reactionEvent = (request: ReactRequest, served: PastDecision, accepted: Accepted) =>
  reactionRecorded(
    {
      ...request.owner,
      id: request.eventId,
      atMs: request.nowMs,
      correlationId: request.correlationId,
      causationId: request.decisionId,
    },
    {
      decisionId: request.decisionId,
      candidateId: served.tip.meta.candidateId,
      reaction: reactionKinds[request.reaction],
      servedAtMs: BigInt(served.servedAtMs),
      reactedAtMs: BigInt(request.nowMs),
      ...(request.reaction === "snooze" && accepted.sleepsUntilMs !== null
        ? { snoozeUntilMs: BigInt(accepted.sleepsUntilMs) }
        : {}),
      ...(accepted.undone === null ? {} : { undone: reactionKinds[accepted.undone] }),
    },
  )
