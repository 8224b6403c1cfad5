/** How many may begin now, when so many may per second. Pure: the time comes in as data. */
import { failingShareOf } from "./places.ts"
import type { ClaimLimits } from "./UserSyncStore.ts"

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

export interface Rates {
  readonly left: (nowMs: number) => ClaimLimits
  /** `failing` are among the `count` that begin. */
  readonly spend: (count: number, failing: number) => void
  /** Until another healthy user may begin. */
  readonly waitMs: () => number
}

/**
 * Both kinds spend of one rate. Of it, those who failed may have a fourth, whoever else is waiting, and may not have
 * more, whoever is not: at a fourth, most calls the tool sees are not of those who fail, and the others, who begin when
 * something is left, keep three fourths at the least.
 */
export const makeRates = (perSecond: number, concurrency: number, nowMs: number): Rates => {
  const all: RateLimit = { perSecond, burst: Math.min(perSecond, concurrency) }
  const ofFailing: RateLimit = {
    perSecond: perSecond / 4,
    burst: Math.min(failingShareOf(perSecond), failingShareOf(concurrency)),
  }
  let budget: RateBudget = { tokens: all.burst, atMs: nowMs }
  let failingBudget: RateBudget = { tokens: ofFailing.burst, atMs: nowMs }
  return {
    left: (atMs) => {
      budget = refilled(budget, all, atMs)
      failingBudget = refilled(failingBudget, ofFailing, atMs)
      return { healthy: Math.max(0, wholeTokens(budget)), failing: wholeTokens(failingBudget) }
    },
    spend: (count, failing) => {
      budget = spent(budget, count)
      failingBudget = spent(failingBudget, failing)
    },
    waitMs: () => untilNextMs(budget, all),
  }
}
