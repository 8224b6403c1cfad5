/**
 * Summaries of measurements. Pure; nothing is interpolated, so every figure shown is one that was measured.
 */

/**
 * The smallest value that at least `percent` of the values do not exceed (nearest rank); NaN of none.
 *
 * @param sorted ascending, as `ascending` gives it.
 * @param percent 0 to 100.
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) return Number.NaN
  const rank = Math.ceil((percent / 100) * sorted.length)
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1]!
}

/** A sorted copy. */
export function ascending(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort()
}

/** Of an even number of values the mean of the two in the middle; NaN of none. */
export function median(values: Iterable<number>): number {
  const sorted = ascending(values)
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

export interface Latency {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export function latencyOf(valuesMs: Iterable<number>): Latency {
  const sorted = ascending(valuesMs)
  return {
    count: sorted.length,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    maxMs: percentile(sorted, 100),
  }
}
