import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ascending, latencyOf, median, percentile } from "./stats.ts"

describe("stats", () => {
  it("a percentile is a measured value: the smallest that covers so many", () => {
    const values = ascending([5, 1, 4, 2, 3])
    expect([0, 20, 21, 50, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 1, 2, 3, 5, 5])
    const hundred = ascending(Array.from({ length: 100 }, (_, index) => index + 1))
    expect([50, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 99, 100])
  })

  it("a percentile covers its share and no smaller value does", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 })
    fc.assert(fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
      const found = percentile(ascending(list), percent)
      const needed = (percent / 100) * list.length
      expect(list).toContain(found)
      expect(list.filter((value) => value <= found).length).toBeGreaterThanOrEqual(needed)
      expect(list.filter((value) => value < found).length).toBeLessThan(needed)
    }))
  })

  it("a median sorts by value, and of an even number is between the two in the middle", () => {
    expect(median([10, 9, 2])).toBe(9)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it("nothing measured is not a number, rather than zero", () => {
    expect(median([])).toBeNaN()
    expect(latencyOf([])).toEqual({ count: 0, p50Ms: NaN, p99Ms: NaN, maxMs: NaN })
  })

  it("sorting leaves the measurements as they were", () => {
    const values = [3, 1, 2]
    expect(latencyOf(values)).toEqual({ count: 3, p50Ms: 2, p99Ms: 3, maxMs: 3 })
    expect(values).toEqual([3, 1, 2])
  })
})
