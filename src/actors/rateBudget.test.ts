import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { refilled, spent, untilNextMs, wholeTokens } from "./rateBudget.ts"
import type { RateBudget } from "./rateBudget.ts"

describe("rate budget", () => {
  it("earns with time up to its burst, and nothing while time stands still or goes back", () => {
    const limit = { perSecond: 10, burst: 3 }
    const empty: RateBudget = { tokens: 0, atMs: 1_000 }
    expect(wholeTokens(refilled(empty, limit, 1_099))).toBe(0)
    expect(wholeTokens(refilled(empty, limit, 1_100))).toBe(1)
    expect(wholeTokens(refilled(empty, limit, 9_000))).toBe(3)
    expect(refilled(empty, limit, 500)).toEqual({ tokens: 0, atMs: 500 })
  })

  it("says when the next may begin", () => {
    const limit = { perSecond: 3, burst: 3 }
    expect(untilNextMs({ tokens: 0, atMs: 0 }, limit)).toBe(334)
    expect(untilNextMs({ tokens: 1, atMs: 0 }, limit)).toBe(0)
  })

  it("whenever one looks, no second of any run sees more than the rate and one burst, and waiting always pays", () => {
    const runs = fc.record({
      perSecond: fc.integer({ min: 1, max: 500 }),
      burst: fc.integer({ min: 1, max: 64 }),
      waits: fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 80 }),
    })
    fc.assert(fc.property(runs, ({ perSecond, burst, waits }) => {
      const limit = { perSecond, burst }
      let budget: RateBudget = { tokens: burst, atMs: 0 }
      let nowMs = 0
      const begun: Array<readonly [atMs: number, count: number]> = []
      for (const waitMs of waits) {
        nowMs += waitMs
        budget = refilled(budget, limit, nowMs)
        const count = wholeTokens(budget)
        begun.push([nowMs, count])
        budget = spent(budget, count)
        expect(wholeTokens(refilled(budget, limit, nowMs + untilNextMs(budget, limit)))).toBeGreaterThanOrEqual(1)
      }
      for (const [fromMs] of begun) {
        const within = begun.filter(([atMs]) => atMs >= fromMs && atMs < fromMs + 1_000)
        expect(within.reduce((sum, [, count]) => sum + count, 0)).toBeLessThanOrEqual(perSecond + burst)
      }
    }))
  })
})
