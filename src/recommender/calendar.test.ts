import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { dayNumberOf } from "./calendar.ts"

describe("calendar", () => {
  it("agrees with Date on every day it can hold", () => {
    const day = fc.integer({ min: -719_528, max: 2_932_896 })
    fc.assert(fc.property(day, (number) => {
      expect(dayNumberOf(new Date(number * 86_400_000).toISOString().slice(0, 10))).toBe(number)
    }))
  })

  it.each([
    "",
    "tomorrow",
    "2026-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-06-31",
    "2026-6-1",
    "20260610",
    "2026-06-1x",
  ])(
    "%j is no day",
    (text) => expect(dayNumberOf(text)).toBeNaN(),
  )

  it("knows the leap years of the century rule", () => {
    expect(dayNumberOf("2000-02-29")).toBe(11_016)
    expect(dayNumberOf("2100-02-29")).toBeNaN()
  })
})
