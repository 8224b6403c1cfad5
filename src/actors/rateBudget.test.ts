import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { makeRates, refilled, spent, untilNextMs, wholeTokens } from "./rateBudget.ts"
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

describe("the rate both kinds spend of", () => {
  /** Both take all they may, whenever they look, for a minute. */
  const minute = (healthyDue: boolean, failingDue: boolean) => {
    const rates = makeRates(40, 16, 0)
    const begun = { healthy: 0, failing: 0 }
    for (let nowMs = 0; nowMs < 60_000; nowMs += 50) {
      const left = rates.left(nowMs)
      const [healthy, failing] = [healthyDue ? left.healthy : 0, failingDue ? left.failing : 0]
      rates.spend(healthy + failing, failing)
      begun.healthy += healthy
      begun.failing += failing
    }
    return begun
  }
  const about = (perSecond: number) => 60 * perSecond + 16

  it("edge case 23 - leaves three fourths to healthy users at the least, and the others always their fourth", () => {
    const { healthy, failing } = minute(true, true)
    expect(healthy).toBeGreaterThanOrEqual(60 * 30 - 1)
    expect(failing).toBeGreaterThanOrEqual(60 * 10 - 1)
    expect(healthy + failing).toBeLessThanOrEqual(about(40))
  })

  it("is all for healthy users while nobody fails, and never more than a fourth for those who fail", () => {
    expect(minute(true, false).healthy).toBeGreaterThanOrEqual(60 * 40 - 1)
    expect(minute(true, false).healthy).toBeLessThanOrEqual(about(40))
    expect(minute(false, true).failing).toBeLessThanOrEqual(60 * 10 + 4)
  })

  it("lets one of each kind begin at the lowest rate", () => {
    expect(makeRates(1, 1, 0).left(0)).toEqual({ healthy: 1, failing: 1 })
  })
})
