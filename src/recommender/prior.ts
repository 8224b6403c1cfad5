/**
 * What the model believes before it has seen a single reaction, so that the first tip a newcomer gets is already a
 * sensible one: overdue and important first, then due today, then soon; advice when nothing presses.
 *
 * Values are expected rewards on the scale of rewards.ts, chosen by hand, and meant to be outvoted by data.
 */
import { featureColumns, featureSchemaHash } from "./features.ts"
import type { FeatureColumn } from "./features.ts"
import { LinearModel } from "./LinearModel.ts"

/**
 * The prior weighs as much as this many reactions on each coefficient: one dismissal moves a tip clearly but does not
 * turn the list over.
 */
const priorPrecision = 5

const priorMean: Partial<Record<FeatureColumn, number>> = {
  bias: 0.2,
  advice: -0.02,
  overdue: 0.15,
  "overdue-days": 0.1,
  "due-today": 0.2,
  "due-soon": 0.1,
  // A bare list entry loses against advice, a prioritised one does not.
  "no-due-date": -0.05,
  "due-time-near": 0.15,
  priority: 0.2,
  quick: 0.04,
  "night-todo": -0.05,
}

/** A new model over `features-v1` that has learned nothing yet. */
export const initialModel = (): LinearModel =>
  LinearModel.fromPrior({
    schemaHash: featureSchemaHash,
    mean: Float64Array.from(featureColumns, (column) => priorMean[column] ?? 0),
    precision: priorPrecision,
  })
