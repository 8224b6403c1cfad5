/**
 * Something that could be the tip now, and the moment it is judged in.
 *
 * Both are snapshotted into the decision, so everything a feature may depend on stands here as data:
 * the user's local clock is resolved before, and no feature reads a zone, a clock or a store.
 */
import { CandidateKind } from "./Tip.ts"
import { Schema } from "effect"

export const Candidate = Schema.Struct({
  /** `<source>:<id>`, stable over time: ties between equal scores are broken by it. */
  candidateId: Schema.String,
  kind: CandidateKind,
  source: Schema.String,
  title: Schema.String,
  body: Schema.String,
  deepLink: Schema.NullOr(Schema.String),
  projectName: Schema.NullOr(Schema.String),
  labels: Schema.Array(Schema.String),
  priority: Schema.NullOr(Schema.Int),
  /** Day on the user's calendar, `YYYY-MM-DD`. */
  dueDate: Schema.NullOr(Schema.String),
  dueAtMs: Schema.NullOr(Schema.Int),
  isRecurring: Schema.Boolean,
  durationMinutes: Schema.NullOr(Schema.Int),
  addedAtMs: Schema.NullOr(Schema.Int),
  /** How often its due date was moved to a later day without being completed. */
  timesPostponed: Schema.Int,
  /** Not eligible before this instant (snoozed, dismissed, done); null when awake. */
  sleepsUntilMs: Schema.NullOr(Schema.Int),
})
export type Candidate = typeof Candidate.Type

/** The moment of deciding as the user lives it. */
export const ContextSnapshot = Schema.Struct({
  decidedAtMs: Schema.Int,
  timeZone: Schema.String,
  /** `YYYY-MM-DD` in the user's zone. */
  localDate: Schema.String,
  /** Minutes since local midnight, 0..1439. */
  localMinuteOfDay: Schema.Int,
  /** 1 Monday .. 7 Sunday (ISO 8601). */
  localWeekday: Schema.Int,
  openTasks: Schema.Int,
  overdueTasks: Schema.Int,
  doneLast7Days: Schema.Int,
  dismissedLast7Days: Schema.Int,
})
export type ContextSnapshot = typeof ContextSnapshot.Type
