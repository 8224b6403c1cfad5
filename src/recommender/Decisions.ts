/**
 * What the recommender asks of the store. State and event commit together in every method that takes or makes an event.
 */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { DecisionId, Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Reaction, Tip } from "../../schemas/Tip.ts"
import type { Accepted, TipState, Verdict } from "./reactionState.ts"

/** All that is known of a user at the moment of deciding. */
export interface Situation {
  /** Sleeping ones included, with the instant they wake. Library advice is not among them. */
  readonly candidates: ReadonlyArray<Candidate>
  /** Sleeps of all candidates, library advice too, by candidate id. */
  readonly sleeps: ReadonlyMap<string, number>
  readonly timeZone: string
  readonly connected: boolean
  /** When the tool read longest ago was read; null while none was. One that was disconnected left nothing to be old. */
  readonly syncedAtMs: number | null
  /** Tools that may be read now, with when they were last: not one that waits after a failure. */
  readonly readable: ReadonlyArray<{ readonly provider: Provider; readonly syncedAtMs: number | null }>
  readonly doneLast7Days: number
  readonly dismissedLast7Days: number
}

/** The part of a decision that serving and learning need again; the whole record stands in its event. */
export interface Decision {
  readonly decisionId: DecisionId
  readonly owner: Owner
  readonly tip: Tip
  readonly context: ContextSnapshot
  readonly features: Float64Array
  readonly featureSchema: string
  readonly policy: string
  readonly policyVersion: string
  readonly statePosition: number
  readonly propensity: number
  readonly considered: number
  readonly servedAtMs: number
  readonly expiresAtMs: number
  readonly dataAgeMs: number | null
}

/** A decision as history shows it. */
export interface PastDecision {
  readonly decisionId: DecisionId
  readonly tip: Tip
  readonly state: TipState
  readonly policy: string
  readonly propensity: number
  readonly considered: number
  readonly servedAtMs: number
  readonly expiresAtMs: number
  readonly reactedAtMs: number | null
}

export interface ReactRequest {
  readonly owner: Owner
  readonly decisionId: DecisionId
  readonly reaction: Reaction
  readonly snoozeUntilMs: number | null
  readonly nowMs: number
  readonly eventId: string
  readonly correlationId: string
  /** The client's word for "this request"; null when it gave none. */
  readonly idempotencyKey: string | null
}

/** What was learned from last: the row the policy saw, by decision. */
export interface ChosenRow {
  readonly features: Float64Array
  readonly featureSchema: string
}

/** No such tip, or not this user's: the two look alike from outside. */
export class TipUnknown extends Schema.TaggedError<TipUnknown>()("TipUnknown", { tipId: Schema.String }) {
  override get message() {
    return `no tip ${this.tipId}`
  }
}

/** The key came before with another request: answering as then would be wrong, and acting would be too. */
export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>()("IdempotencyKeyReused", {}) {
  override get message() {
    return "this Idempotency-Key was used for another request"
  }
}

export class Decisions extends Context.Service<Decisions, {
  readonly situation: (owner: Owner, nowMs: number) => Effect.Effect<Situation, StoreUnavailable>
  readonly commit: (decision: Decision, served: Envelope) => Effect.Effect<void, StoreUnavailable>
  /**
   * Judges and records one reaction under a lock of its tip: what `judge` says, the sleep of the candidate, the act in
   * its tool and the event commit together, once per idempotency key.
   */
  readonly react: (
    request: ReactRequest,
    judge: (tip: PastDecision) => Verdict,
    eventOf: (tip: PastDecision, accepted: Accepted) => Envelope,
  ) => Effect.Effect<
    { readonly verdict: Verdict; readonly tip: PastDecision },
    TipUnknown | IdempotencyKeyReused | StoreUnavailable
  >
  /**
   * Ends up to `limit` open tips whose window has passed: expired, with their events; superseded, without one, where a
   * later tip was shown to the user before that. How many.
   */
  readonly expire: (
    nowMs: number,
    limit: number,
    eventOf: (owner: Owner, tip: PastDecision) => Envelope,
  ) => Effect.Effect<number, StoreUnavailable>
  readonly find: (owner: Owner, id: DecisionId) => Effect.Effect<PastDecision, TipUnknown | StoreUnavailable>
  /**
   * Newest first; those served before `beforeMs`. More than `limit` when several were served in the millisecond of the
   * last one, so that nothing is lost to whoever reads on from there.
   */
  readonly history: (
    owner: Owner,
    beforeMs: number,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<PastDecision>, StoreUnavailable>
  /** The latest tip, if it can still be answered and its task is still there; one passed over does not come back. */
  readonly openTip: (owner: Owner, nowMs: number) => Effect.Effect<PastDecision | undefined, StoreUnavailable>
  readonly chosenRows: (
    decisionIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, ChosenRow>, StoreUnavailable>
}>()("tipstream/recommender/Decisions") {}
