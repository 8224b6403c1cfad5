/** How many may begin now, when so many may per second. Pure: the time comes in as data. */

export interface RateBudget {
  /** Not spent, at `atMs`. */
  readonly tokens: number
  readonly atMs: number
}

export interface RateLimit {
  readonly perSecond: number
  /** After a quiet time as many may begin at once. */
  readonly burst: number
}

/** Time that goes back earns nothing. */
export const refilled = ({ tokens, atMs }: RateBudget, { perSecond, burst }: RateLimit, nowMs: number): RateBudget => ({
  tokens: Math.min(burst, tokens + Math.max(0, nowMs - atMs) * perSecond / 1_000),
  atMs: nowMs,
})

export const wholeTokens = ({ tokens }: RateBudget): number => Math.floor(tokens + rounding)

export const spent = (budget: RateBudget, count: number): RateBudget => ({ ...budget, tokens: budget.tokens - count })

/** Whole milliseconds until another may begin. */
export const untilNextMs = ({ tokens }: RateBudget, { perSecond }: RateLimit): number =>
  Math.max(0, Math.ceil((1 - rounding - tokens) * 1_000 / perSecond))

/** Sums of fractions miss a whole number by less than this. */
const rounding = 1e-9
