/**
 * Learns from reactions. Runs as the one consumer of FEEDBACK in log order, inside the transaction that remembers the
 * events: after a crash the state in the store stands exactly at its position.
 */
import { Effect } from "effect"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { reactionOfKind } from "../../schemas/events.ts"
import { TenantId } from "../../schemas/ids.ts"
import { Decisions } from "./Decisions.ts"
import type { ChosenRow } from "./Decisions.ts"
import { featureSchema } from "./features.ts"
import { copyLearner, learn } from "./Learner.ts"
import type { LearnerEvent } from "./Learner.ts"
import { PolicyStates } from "./PolicyStates.ts"
import { servingOf, ServingStates } from "./ServingStates.ts"

/** Name of the durable: also its position in the log. */
export const learnerDurable = "recommender_learn"

export interface FeedbackEvent {
  readonly envelope: Envelope
  readonly sequence: number
}

export const learnFrom = Effect.fn("Learning.learnFrom")(function* (events: ReadonlyArray<FeedbackEvent>) {
  const decisions = yield* Decisions
  const rows = yield* decisions.chosenRows(events.flatMap(({ envelope }) => decisionIdOf(envelope) ?? []))
  const byTenant = Map.groupBy(events, ({ envelope }) => TenantId.make(envelope.tenantId))
  for (const [tenantId, own] of byTenant) yield* learnForTenant(tenantId, own, rows)
})

const learnForTenant = Effect.fnUntraced(function* (
  tenantId: TenantId,
  events: ReadonlyArray<FeedbackEvent>,
  rows: ReadonlyMap<string, ChosenRow>,
) {
  const serving = yield* ServingStates
  const states = yield* PolicyStates
  // The store may be ahead of memory: another replica learned before this one took the lane over.
  yield* serving.refresh(tenantId)
  const before = serving.current(tenantId)
  // A copy: if the transaction rolls back, what serves must not have learned.
  let learner = copyLearner(before.learner)
  for (const event of events) {
    const learnable = learnerEventOf(event, rows)
    if (learnable === undefined) yield* Effect.logWarning(`nothing to learn from FEEDBACK#${event.sequence}`)
    else learner = learn(learner, learnable)
  }
  if (learner.position === before.learner.position) return
  if (learner.undosRefused > before.learner.undosRefused) {
    yield* Effect.logError("an undo took back what was never learned: fold the log again from the start")
  }
  const learned = servingOf(learner)
  yield* states.save(
    tenantId,
    { position: learner.position, hash: learned.hash, model: learner.model.encode(), updates: learner.updates },
    Effect.sync(() => serving.publish(tenantId, learned)),
  )
})

/** Undefined for what this version cannot learn from: an unknown reaction, a decision that is gone, other features. */
export const learnerEventOf = (
  { envelope: { payload }, sequence: position }: FeedbackEvent,
  rows: ReadonlyMap<string, ChosenRow>,
): LearnerEvent | undefined => {
  if (payload.case !== "reactionRecorded" && payload.case !== "tipExpired") return undefined
  const { decisionId } = payload.value
  const row = rows.get(decisionId)
  if (row === undefined || row.featureSchema !== featureSchema) return undefined
  const base = { position, decisionId, features: row.features }
  if (payload.case === "tipExpired") return { ...base, reaction: "expired" }
  const reaction = reactionOfKind(payload.value.reaction)
  if (reaction === undefined) return undefined
  if (reaction !== "undo") return { ...base, reaction }
  const undone = reactionOfKind(payload.value.undone)
  return undone === undefined || undone === "undo" ? undefined : { ...base, reaction, undone }
}

const decisionIdOf = ({ payload }: Envelope): string | undefined =>
  payload.case === "reactionRecorded" || payload.case === "tipExpired" ? payload.value.decisionId : undefined
