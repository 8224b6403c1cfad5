/**
 * What is served to a user, and what the user can answer.
 */
import { Schema } from "effect"
import { DecisionId } from "./ids.ts"

export const CandidateKind = Schema.Literals(["todo", "advice"])
export type CandidateKind = typeof CandidateKind.Type

/**
 * What a user can do with a tip. `undo` takes the last dismiss or snooze back.
 * `expired` is not among them: silence is recorded by the service, never sent by a client.
 */
export const Reaction = Schema.Literals(["done", "snooze", "dismiss", "acknowledge", "save", "undo"])
export type Reaction = typeof Reaction.Type

/** The one candidate served. Its id is the id of the decision that chose it. */
export const Tip = Schema.Struct({
  id: DecisionId,
  kind: CandidateKind,
  title: Schema.String,
  body: Schema.String,
  source: Schema.String,
  deepLink: Schema.NullOr(Schema.String),
  meta: Schema.Struct({
    candidateId: Schema.String,
    projectName: Schema.NullOr(Schema.String),
    labels: Schema.Array(Schema.String),
    priority: Schema.NullOr(Schema.Int),
    dueDate: Schema.NullOr(Schema.String),
    dueAt: Schema.NullOr(Schema.String),
    isRecurring: Schema.Boolean,
    /** Plain-language reasons, strongest first. */
    why: Schema.Array(Schema.String),
    expiresAt: Schema.String,
  }),
}).annotate({ identifier: "Tip" })
export type Tip = typeof Tip.Type

/** Why there is no tip, in the order they are looked for. */
export const NoTipReason = Schema.Literals(["not-connected", "no-candidates", "all-sleeping"])
export type NoTipReason = typeof NoTipReason.Type
