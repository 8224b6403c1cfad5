/**
 * Learning as a fold: state after the log = `events.reduce(learn, initialLearner())`, in log order, with the same bytes
 * every time.
 *
 * Safe to deliver at least once: an event at or before the state's position changes nothing.
 * `learn` mutates the model inside the state it is given (one owner at a time); take a `copyLearner` to keep an earlier
 * state.
 */
import type { LinearModel } from "./LinearModel.ts"
import { initialModel } from "./prior.ts"
import type { Outcome } from "./reward.ts"
import { rewardOf } from "./reward.ts"

export interface LearnerState {
  readonly model: LinearModel
  /** Log position of the last event folded in; 0 before the first, so positions start at 1. */
  readonly position: number
  /** Outcomes learned and not taken back. */
  readonly updates: number
  /** Undos of something this state had never learned. Above 0 the log has a gap: fold it again from the start. */
  readonly undosRefused: number
}

interface LearnerEventBase {
  readonly position: number
  readonly decisionId: string
  /** The chosen candidate's row as it was logged with the decision. */
  readonly features: Float64Array
}

/**
 * Each event counts as one observation: it is the caller who lets a decision have one outcome at a time.
 */
export type LearnerEvent =
  | LearnerEventBase & { readonly reaction: Outcome }
  /** Takes back what `undone` had added for the same decision. */
  | LearnerEventBase & { readonly reaction: "undo"; readonly undone: Outcome }

export const initialLearner = (): LearnerState => ({
  model: initialModel(),
  position: 0,
  updates: 0,
  undosRefused: 0,
})

export const copyLearner = (state: LearnerState): LearnerState => ({ ...state, model: state.model.copy() })

/** Throws `RangeError`, with the state unchanged, when the row is not this model's or the position no whole number. */
export const learn = (state: LearnerState, event: LearnerEvent): LearnerState => {
  const { position } = event
  if (!Number.isSafeInteger(position)) throw new RangeError(`${position} is no log position`)
  if (position <= state.position) return state
  const { model } = state
  if (event.reaction !== "undo") {
    model.update(event.features, rewardOf(event.reaction))
    return { ...state, position, updates: state.updates + 1 }
  }
  return model.downdate(event.features, rewardOf(event.undone))
    ? { ...state, position, updates: state.updates - 1 }
    : { ...state, position, undosRefused: state.undosRefused + 1 }
}
