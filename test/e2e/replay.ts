/** Computes a logged decision again from nothing but the log: the record itself, and the feedback before it. */
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import type { JudgedCandidate, TipServed } from "../../schemas/gen/tipstream/events/v1/decisions_pb.ts"
import { decide } from "../../src/recommender/decide.ts"
import type { Choice } from "../../src/recommender/decide.ts"
import type { ChosenRow } from "../../src/recommender/Decisions.ts"
import { initialLearner, learn } from "../../src/recommender/Learner.ts"
import type { LearnerState } from "../../src/recommender/Learner.ts"
import { learnerEventOf } from "../../src/recommender/Learning.ts"
import { policyNamed } from "../../src/recommender/policies.ts"
import type { LoggedEvent } from "../support/eventRows.ts"

export interface Recomputed {
  readonly choice: Choice
  /** Of the state that was folded up to the position the decision names. */
  readonly stateHash: string
}

export const recompute = (
  served: TipServed,
  decisions: ReadonlyArray<LoggedEvent>,
  feedback: ReadonlyArray<LoggedEvent>,
): Recomputed => {
  const state = stateAt(Number(served.statePosition), decisions, feedback)
  const policy = policyNamed(served.policy, epsilonOf(served.policyVersion))
  if (policy.version !== served.policyVersion) throw new Error(`no ${served.policy} of version ${served.policyVersion}`)
  const choice = decide({
    context: contextOf(served),
    candidates: served.candidates.map(candidateOf),
    policy,
    model: state.model,
    seed: served.seed,
  })
  return { choice, stateHash: state.model.hash() }
}

const epsilonOf = (version: string) => {
  const epsilon = /epsilon=([\d.]+)/.exec(version)?.[1]
  return epsilon === undefined ? {} : { epsilon: Number(epsilon) }
}

/** What a learner knows that has read the feedback up to this position, each event once. */
export const stateAt = (
  position: number,
  decisions: ReadonlyArray<LoggedEvent>,
  feedback: ReadonlyArray<LoggedEvent>,
): LearnerState => {
  const rows = chosenRows(decisions)
  return feedback.filter(({ sequence }) => sequence <= position).reduce((state, event) => {
    const learnable = learnerEventOf(event, rows)
    if (learnable === undefined) throw new Error(`nothing to learn from FEEDBACK#${event.sequence}`)
    return learn(state, learnable)
  }, initialLearner())
}

const chosenRows = (decisions: ReadonlyArray<LoggedEvent>): ReadonlyMap<string, ChosenRow> =>
  new Map(decisions.flatMap(({ envelope: { payload } }): Array<[string, ChosenRow]> => {
    if (payload.case !== "tipServed") return []
    const { decisionId, candidates, chosenIndex, featureSchema } = payload.value
    return [[decisionId, { features: Float64Array.from(candidates[chosenIndex]!.features), featureSchema }]]
  }))

const contextOf = ({ context }: TipServed): ContextSnapshot => {
  if (context === undefined) throw new Error("the decision was logged without its context")
  const { $typeName: _, decidedAtMs, ...rest } = context
  return { ...rest, decidedAtMs: Number(decidedAtMs) }
}

/** What the record leaves out no feature depends on; of the title, only its length counts. */
const candidateOf = (judged: JudgedCandidate): Candidate => ({
  candidateId: judged.candidateId,
  kind: judged.kind === "todo" ? "todo" : "advice",
  source: judged.source,
  title: "x".repeat(judged.titleLength),
  body: "",
  deepLink: null,
  projectName: null,
  labels: [],
  priority: judged.priority ?? null,
  dueDate: judged.dueDate ?? null,
  dueAtMs: judged.dueAtMs === undefined ? null : Number(judged.dueAtMs),
  isRecurring: judged.isRecurring,
  durationMinutes: judged.durationMinutes ?? null,
  addedAtMs: judged.addedAtMs === undefined ? null : Number(judged.addedAtMs),
  timesPostponed: judged.timesPostponed,
  sleepsUntilMs: null,
})
