/**
 * The pick: from what is eligible to the one that is served, as one synchronous function on typed arrays.
 *
 * The whole probability vector exists before anything is drawn, and the draw is made from that very vector by the
 * generator of the seed. So the logged propensity is exact, and anyone with (context, candidates, policy, model, seed)
 * computes the same decision again.
 */
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { featureMatrix } from "./features.ts"
import { generatorOf } from "./generator.ts"
import type { LinearModel } from "./LinearModel.ts"
import type { Policy } from "./Policy.ts"

export interface DecideInput {
  readonly context: ContextSnapshot
  /** Eligible ones, sorted by candidate id, at least one (see eligibility.ts). */
  readonly candidates: ReadonlyArray<Candidate>
  readonly policy: Policy
  readonly model: LinearModel
  /** The decision's id. */
  readonly seed: string
}

export interface Choice {
  /** Row-major, one row per candidate. */
  readonly features: Float64Array
  readonly probabilities: Float64Array
  readonly chosenIndex: number
  /** The chosen one's probability. */
  readonly propensity: number
  /**
   * True when the model expected more of another candidate: the tip was served to learn, not because it looked best.
   */
  readonly explored: boolean
  /** The chosen one's expected reward, taken apart by column. */
  readonly contributions: Float64Array
}

/**
 * Throws `RangeError` when the caller broke the terms above (no candidate, not sorted, an id twice), and `Error` when
 * the policy gave something that is no distribution: such a decision could not be logged truthfully, so it must not be
 * served.
 */
export const decide = ({ context, candidates, policy, model, seed }: DecideInput): Choice => {
  const ids = candidates.map((candidate) => candidate.candidateId)
  requireSortedIds(ids)
  const features = featureMatrix(context, candidates)
  const probabilities = new Float64Array(ids.length)
  policy.probabilities(model, features, ids, probabilities, seed)
  requireDistribution(probabilities, policy)

  const chosenIndex = draw(probabilities, generatorOf(seed).nextUniform())
  return {
    features,
    probabilities,
    chosenIndex,
    propensity: probabilities[chosenIndex]!,
    explored: anotherLooksBetter(model, features, chosenIndex, ids.length),
    contributions: contributionsOf(model, features, chosenIndex),
  }
}

/** The chosen row alone, as the learner wants it. */
export const rowOf = (features: Float64Array, index: number, dimension: number): Float64Array =>
  features.slice(index * dimension, (index + 1) * dimension)

/** Inverts the distribution function at `uniform` in [0, 1). Never picks what has probability 0. */
const draw = (probabilities: Float64Array, uniform: number): number => {
  let cumulative = 0
  let last = 0
  for (let i = 0; i < probabilities.length; i++) {
    const probability = probabilities[i]!
    if (probability === 0) continue
    cumulative += probability
    last = i
    if (uniform < cumulative) return i
  }
  // The sum may end a rounding error below 1.
  return last
}

const contributionsOf = (model: LinearModel, features: Float64Array, index: number): Float64Array => {
  const at = index * model.dimension
  return model.coefficients().map((coefficient, j) => coefficient * features[at + j]!)
}

const anotherLooksBetter = (model: LinearModel, features: Float64Array, index: number, count: number): boolean => {
  const predicted = model.predict(features, index * model.dimension)
  for (let i = 0; i < count; i++) if (model.predict(features, i * model.dimension) > predicted) return true
  return false
}

const requireSortedIds = (ids: ReadonlyArray<string>): void => {
  if (ids.length === 0) throw new RangeError("there is nothing to decide: no candidate is eligible")
  for (let i = 1; i < ids.length; i++) {
    if (!(ids[i - 1]! < ids[i]!)) throw new RangeError("candidates must be sorted by id, each id once")
  }
}

const requireDistribution = (probabilities: Float64Array, { name, version }: Policy): void => {
  let sum = 0
  let lowest = Infinity
  for (const probability of probabilities) {
    sum += probability
    if (!(probability >= lowest)) lowest = probability
  }
  // Written so that NaN, too, is refused.
  if (!(Math.abs(sum - 1) <= 1e-9 && lowest >= 0)) {
    throw new Error(`policy ${name} ${version} gave no distribution: sum ${sum}, lowest ${lowest}`)
  }
}
