/**
 * Expected reward as a linear function of features: Bayesian ridge regression, kept up to date one reaction at a time.
 *
 * State is the lower Cholesky factor C of the precision matrix (C Cᵀ = λI + Σ x xᵀ) and the vector b = λθ₀ + Σ r x; the
 * coefficients are θ = (C Cᵀ)⁻¹ b. An update costs O(d²) and cannot leave the positive definite matrices (Agrawal and
 * Goyal 2013, arXiv:1209.3352; rank-1 update and downdate after Gill, Golub, Murray and Saunders 1974, method C).
 *
 * Deterministic: `+ - * /` and `sqrt` in a fixed order, all correctly rounded, so the same reactions in the same order
 * give the same bytes. Mutable: `update` and `downdate` change it in place. Take a `copy` to keep a state.
 */
import { digest16 } from "./digest.ts"
import { decodeModel, encodeModel } from "./modelBytes.ts"
import type { ModelParts } from "./modelBytes.ts"

export interface Prior {
  /** Names the columns the coefficients belong to: 16 hex digits (features.ts). */
  readonly schemaHash: string
  /** θ₀; its length is the number of columns. */
  readonly mean: Float64Array
  /** λ > 0: how many reactions the prior weighs. */
  readonly precision: number
}

export class LinearModel {
  readonly schemaHash: string
  readonly dimension: number
  readonly #parts: ModelParts
  readonly #mean: Float64Array
  readonly #work: Float64Array
  #meanStale = true
  #hash: string | undefined = undefined

  private constructor(parts: ModelParts) {
    this.#parts = parts
    this.schemaHash = parts.schemaHash
    this.dimension = parts.priorMean.length
    this.#mean = new Float64Array(this.dimension)
    this.#work = new Float64Array(this.dimension)
  }

  /** A model that has learned nothing: it predicts the prior mean (to the last bit or two). */
  static fromPrior({ schemaHash, mean, precision }: Prior): LinearModel {
    if (!(precision > 0)) throw new RangeError(`the prior's precision must be above 0, not ${precision}`)
    const d = mean.length
    const factor = new Float64Array(d * (d + 1) / 2)
    for (let k = 0, diagonal = 0; k < d; diagonal += d - k, k++) factor[diagonal] = Math.sqrt(precision)
    const weighted = mean.map((value) => value * precision)
    return new LinearModel({ schemaHash, priorPrecision: precision, priorMean: mean.slice(), weighted, factor })
  }

  /**
   * The model `encode` wrote. Throws `ModelUnreadable` when the bytes are not one, or belong to other columns than
   * `schemaHash`.
   */
  static decode(bytes: Uint8Array, schemaHash: string): LinearModel {
    return new LinearModel(decodeModel(bytes, schemaHash))
  }

  /** Versioned little-endian bytes (layout in modelBytes.ts). Equal states give equal bytes. */
  encode(): Uint8Array {
    return encodeModel(this.#parts)
  }

  /** Names this state: a digest of `encode()`, 16 hex digits. Computed once per state. */
  hash(): string {
    this.#hash ??= digest16(this.encode())
    return this.#hash
  }

  copy(): LinearModel {
    const { priorMean, weighted, factor, ...rest } = this.#parts
    return new LinearModel({ ...rest, priorMean, weighted: weighted.slice(), factor: factor.slice() })
  }

  /** θ. Belongs to the model and changes with it: read, do not keep. */
  coefficients(): Float64Array {
    if (this.#meanStale) {
      solve(this.#parts.factor, this.#parts.weighted, this.#mean)
      this.#meanStale = false
    }
    return this.#mean
  }

  /** Expected reward of the row that starts at `offset` of a row-major matrix. Not clipped to [0, 1]. */
  predict(rows: Float64Array, offset = 0): number {
    const theta = this.coefficients()
    let sum = 0
    for (let j = 0; j < theta.length; j++) sum += theta[j]! * rows[offset + j]!
    return sum
  }

  /**
   * Learns that `row` earned `reward`. Throws `RangeError`, changing nothing, when the row has another length or a
   * value is not finite.
   */
  update(row: Float64Array, reward: number): void {
    this.#check(row, reward)
    rankOneUpdate(this.#parts.factor, this.#loaded(row))
    this.#addWeighted(row, reward)
  }

  /**
   * Takes back an earlier `update(row, reward)`; equal to never having learned it, up to rounding.
   *
   * Answers false, and changes nothing, when the row cannot have been learned: the caller's way out is to fold the log
   * again. A row that was learned is always taken back, because what is left without it is still at least λI: of the
   * row's direction at least λ/(λ + |x|²) remains. A row that was not may pass unnoticed once others like it were
   * learned.
   */
  downdate(row: Float64Array, reward: number): boolean {
    this.#check(row, reward)
    const work = this.#loaded(row)
    forwardSolve(this.#parts.factor, work)
    const remains = 1 - sumOfSquares(work)
    const lambda = this.#parts.priorPrecision
    if (remains < (1 - rounding) * lambda / (lambda + sumOfSquares(row))) return false
    rankOneDowndate(this.#parts.factor, this.#loaded(row))
    this.#addWeighted(row, -reward)
    return true
  }

  #check(row: Float64Array, reward: number): void {
    if (row.length !== this.dimension) throw new RangeError(`row has ${row.length} values, model ${this.dimension}`)
    // One value that is not finite would spread to every coefficient and could never be taken back.
    if (!row.every(Number.isFinite) || !Number.isFinite(reward)) throw new RangeError("row or reward is not finite")
  }

  #loaded(row: Float64Array): Float64Array {
    this.#work.set(row)
    return this.#work
  }

  #addWeighted(row: Float64Array, reward: number): void {
    const { weighted } = this.#parts
    for (let j = 0; j < weighted.length; j++) weighted[j] = weighted[j]! + reward * row[j]!
    this.#meanStale = true
    this.#hash = undefined
  }
}

/**
 * Relative. The factor is off by about 1e-13 after 100,000 updates; this leaves ample room and still tells a foreign
 * row.
 */
const rounding = 1e-6

// The factor is packed by columns: column k holds rows k..d-1 one after another, so every inner loop below runs over
// neighbours.

/** C Cᵀ + x xᵀ. Uses `x` up. */
const rankOneUpdate = (factor: Float64Array, x: Float64Array): void => {
  const d = x.length
  for (let k = 0, diagonal = 0; k < d; diagonal += d - k, k++) {
    const pivot = factor[diagonal]!
    const xk = x[k]!
    const grown = Math.sqrt(pivot * pivot + xk * xk)
    const c = grown / pivot
    const s = xk / pivot
    factor[diagonal] = grown
    for (let i = k + 1, at = diagonal + 1; i < d; i++, at++) {
      const changed = (factor[at]! + s * x[i]!) / c
      factor[at] = changed
      x[i] = c * x[i]! - s * changed
    }
  }
}

/** C Cᵀ - x xᵀ, which must be positive definite. Uses `x` up. */
const rankOneDowndate = (factor: Float64Array, x: Float64Array): void => {
  const d = x.length
  for (let k = 0, diagonal = 0; k < d; diagonal += d - k, k++) {
    const pivot = factor[diagonal]!
    const xk = x[k]!
    // As a product: the difference of the squares would lose half the digits when they are close.
    const shrunk = Math.sqrt((pivot - xk) * (pivot + xk))
    const c = shrunk / pivot
    const s = xk / pivot
    factor[diagonal] = shrunk
    for (let i = k + 1, at = diagonal + 1; i < d; i++, at++) {
      const changed = (factor[at]! - s * x[i]!) / c
      factor[at] = changed
      x[i] = c * x[i]! - s * changed
    }
  }
}

/** Replaces x by C⁻¹ x. */
const forwardSolve = (factor: Float64Array, x: Float64Array): void => {
  const d = x.length
  for (let k = 0, diagonal = 0; k < d; diagonal += d - k, k++) {
    const value = x[k]! / factor[diagonal]!
    x[k] = value
    for (let i = k + 1, at = diagonal + 1; i < d; i++, at++) x[i] = x[i]! - factor[at]! * value
  }
}

/** Fills `out` with (C Cᵀ)⁻¹ b. */
const solve = (factor: Float64Array, b: Float64Array, out: Float64Array): void => {
  const d = b.length
  out.set(b)
  forwardSolve(factor, out)
  for (let k = d - 1, diagonal = factor.length - 1; k >= 0; k--, diagonal -= d - k) {
    let value = out[k]!
    for (let i = k + 1, at = diagonal + 1; i < d; i++, at++) value -= factor[at]! * out[i]!
    out[k] = value / factor[diagonal]!
  }
}

const sumOfSquares = (values: Float64Array): number => {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}
