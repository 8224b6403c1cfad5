import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { reconnectPauseMs } from "./reconnectPause.ts"

describe("pause before reconnecting", () => {
  it("doubles from a tenth of a second to five", () => {
    expect([0, 1, 2, 5, 6, 7, 5_000].map((attempt) => reconnectPauseMs(attempt, 1)))
      .toEqual([100, 200, 400, 3_200, 5_000, 5_000, 5_000])
  })

  it("is never nothing, and half of it is chance", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        const full = reconnectPauseMs(attempt, 1)
        const pause = reconnectPauseMs(attempt, random)
        expect(pause).toBeGreaterThanOrEqual(full / 2)
        expect(pause).toBeLessThanOrEqual(full)
      }),
    )
  })
})
