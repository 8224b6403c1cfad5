/**
 * Decides what one user is shown now: context and candidates → features → policy → decision, committed with its event
 * before it is answered. What was served is therefore always on the log, and what is on the log can be recomputed:
 * context, all eligible candidates with their features, the whole probability vector, seed, policy and state version.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { Candidate } from "../../schemas/Candidate.ts"
import { currentCorrelationId } from "../../schemas/correlation.ts"
import { tipServed } from "../../schemas/events.ts"
import { DecisionId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { NoTipReason, Tip } from "../../schemas/Tip.ts"
import { newUuid } from "../../schemas/uuid.ts"
import { adviceCandidates } from "./advice.ts"
import { contextSnapshot } from "./contextSnapshot.ts"
import { decide, rowOf } from "./decide.ts"
import type { Choice } from "./decide.ts"
import { Decisions } from "./Decisions.ts"
import type { Decision, Situation } from "./Decisions.ts"
import { eligible } from "./eligibility.ts"
import { explain } from "./explain.ts"
import { featureCount, featureSchema } from "./features.ts"
import type { Policy } from "./Policy.ts"
import { ServingStates } from "./ServingStates.ts"
import type { Serving } from "./ServingStates.ts"

export interface Recommendation {
  readonly tip: Tip | null
  /** Given when there is no tip. */
  readonly reason: NoTipReason | null
  readonly servedAtMs: number
  /** Age of the oldest data it was decided on: of the tool read longest ago. Null while nothing was synced. */
  readonly dataAgeMs: number | null
  readonly policy: string
  /** Probability with which the policy chose it; null when there is no tip. */
  readonly propensity: number | null
}

/** Asks for newer data before deciding. Waits within its budget and never fails: old data is served, and says so. */
export class Freshness extends Context.Service<Freshness, {
  /** Gives those of the tools whose news can be decided on now. The others are read on beyond the budget. */
  readonly refresh: (owner: Owner, providers: ReadonlyArray<Provider>) => Effect.Effect<ReadonlySet<Provider>>
}>()("tipstream/recommender/Freshness") {}

export class Recommender extends Context.Service<Recommender, {
  /** Decides anew. With nothing eligible there is no decision, and the reason is given. */
  readonly recommend: (owner: Owner) => Effect.Effect<Recommendation, StoreUnavailable>
}>()("tipstream/recommender/Recommender") {}

export interface RecommenderOptions {
  readonly policy: Policy
  readonly tipWindowMs: number
  /** Data older than this is refreshed first. */
  readonly freshMs: number
}

export const layer = (options: RecommenderOptions) =>
  Layer.effect(
    Recommender,
    Effect.gen(function* () {
      const decisions = yield* Decisions
      const serving = yield* ServingStates
      const freshness = yield* Freshness

      const situationNow = Effect.fnUntraced(function* (owner: Owner) {
        const nowMs = yield* Clock.currentTimeMillis
        const situation = yield* decisions.situation(owner, nowMs)
        const stale = staleOf(situation, nowMs, options.freshMs)
        if (stale.length === 0) return situation
        const refreshed = yield* freshness.refresh(owner, stale.map(({ provider }) => provider))
        const now = yield* decisions.situation(owner, yield* Clock.currentTimeMillis)
        // Read by now, perhaps, but not among the candidates: what is decided on is as old as it was.
        const late = stale.flatMap(({ provider, syncedAtMs }) =>
          refreshed.has(provider) || syncedAtMs === null ? [] : [syncedAtMs]
        )
        return now.syncedAtMs === null ? now : { ...now, syncedAtMs: Math.min(now.syncedAtMs, ...late) }
      })

      const recommend = Effect.fn("Recommender.recommend")(function* (owner: Owner) {
        const situation = yield* situationNow(owner)
        const nowMs = yield* Clock.currentTimeMillis
        const dataAgeMs = situation.syncedAtMs === null ? null : Math.max(0, nowMs - situation.syncedAtMs)
        const { candidates } = eligible(awakeOrNot(situation), nowMs)
        const policy = options.policy.name
        if (candidates.length === 0) {
          return { tip: null, reason: noTipReason(situation), servedAtMs: nowMs, dataAgeMs, policy, propensity: null }
        }
        const decisionId = DecisionId.make(yield* newUuid)
        const state = serving.current(owner.tenantId)
        const context = contextSnapshot(situation, nowMs)
        const choice = decide({
          context,
          candidates,
          policy: options.policy,
          model: state.learner.model,
          seed: decisionId,
        })
        const chosen = candidates[choice.chosenIndex]!
        const expiresAtMs = nowMs + options.tipWindowMs
        const why = explain(context, chosen, choice.contributions, choice.explored)
        const decision: Decision = {
          decisionId,
          owner,
          tip: tipOf(decisionId, chosen, why, expiresAtMs),
          context,
          features: rowOf(choice.features, choice.chosenIndex, featureCount),
          featureSchema,
          policy,
          policyVersion: options.policy.version,
          statePosition: state.learner.position,
          propensity: choice.propensity,
          considered: candidates.length,
          servedAtMs: nowMs,
          expiresAtMs,
          dataAgeMs,
        }
        const correlationId = yield* currentCorrelationId
        yield* decisions.commit(decision, servedEvent(decision, candidates, choice, state, correlationId))
        return { tip: decision.tip, reason: null, servedAtMs: nowMs, dataAgeMs, policy, propensity: choice.propensity }
      })

      return Recommender.of({ recommend })
    }),
  )

const staleOf = ({ readable }: Situation, nowMs: number, freshMs: number): Situation["readable"] =>
  readable.filter(({ syncedAtMs }) => syncedAtMs === null || nowMs - syncedAtMs > freshMs)

/** All sources together, each with the instant it wakes. */
const awakeOrNot = ({ candidates, sleeps }: Situation): ReadonlyArray<Candidate> => [
  ...candidates,
  ...adviceCandidates().map((advice) => ({ ...advice, sleepsUntilMs: sleeps.get(advice.candidateId) ?? null })),
]

const noTipReason = ({ connected, candidates }: Situation): NoTipReason => {
  if (!connected) return "not-connected"
  return candidates.length === 0 ? "no-candidates" : "all-sleeping"
}

const tipOf = (id: DecisionId, chosen: Candidate, why: ReadonlyArray<string>, expiresAtMs: number): Tip => ({
  id,
  kind: chosen.kind,
  title: chosen.title,
  body: chosen.body,
  source: chosen.source,
  deepLink: chosen.deepLink,
  meta: {
    candidateId: chosen.candidateId,
    projectName: chosen.projectName,
    labels: chosen.labels,
    priority: chosen.priority,
    dueDate: chosen.dueDate,
    dueAt: chosen.dueAtMs === null ? null : new Date(chosen.dueAtMs).toISOString(),
    isRecurring: chosen.isRecurring,
    why,
    expiresAt: new Date(expiresAtMs).toISOString(),
  },
})

const servedEvent = (
  decision: Decision,
  candidates: ReadonlyArray<Candidate>,
  choice: Choice,
  state: Serving,
  correlationId: string,
) =>
  tipServed({ ...decision.owner, id: decision.decisionId, atMs: decision.servedAtMs, correlationId }, {
    decisionId: decision.decisionId,
    context: { ...decision.context, decidedAtMs: BigInt(decision.context.decidedAtMs) },
    candidates: candidates.map((candidate, index) => ({
      candidateId: candidate.candidateId,
      kind: candidate.kind,
      source: candidate.source,
      isRecurring: candidate.isRecurring,
      timesPostponed: candidate.timesPostponed,
      titleLength: candidate.title.length,
      priority: candidate.priority ?? undefined,
      dueDate: candidate.dueDate ?? undefined,
      dueAtMs: candidate.dueAtMs === null ? undefined : BigInt(candidate.dueAtMs),
      durationMinutes: candidate.durationMinutes ?? undefined,
      addedAtMs: candidate.addedAtMs === null ? undefined : BigInt(candidate.addedAtMs),
      features: listOf(choice.features, index),
      probability: choice.probabilities[index]!,
    })),
    chosenIndex: choice.chosenIndex,
    policy: decision.policy,
    policyVersion: decision.policyVersion,
    statePosition: BigInt(state.learner.position),
    stateHash: state.hash,
    featureSchema: decision.featureSchema,
    seed: decision.decisionId,
    expiresAtMs: BigInt(decision.expiresAtMs),
    ...(decision.dataAgeMs === null ? {} : { dataAgeMs: BigInt(decision.dataAgeMs) }),
  })

/** One candidate's row. `Array.from` would cost more than all the rest of the decision. */
const listOf = (features: Float64Array, index: number): Array<number> => {
  const row: Array<number> = []
  for (let at = index * featureCount; at < (index + 1) * featureCount; at++) row.push(features[at]!)
  return row
}
