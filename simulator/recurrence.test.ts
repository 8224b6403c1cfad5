import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { addDays, weekdayOf } from "./calendar.ts"
import { firstDay, nextDay, parseRecurrence } from "./recurrence.ts"

const rule = (text: string) => {
  const parsed = parseRecurrence(text)
  if (parsed === undefined) throw new Error(`not understood: ${text}`)
  return parsed
}

describe("recurrence", () => {
  // 2026-11-20 is a Friday.
  it.each([
    ["every day", "2026-11-20", "2026-11-20", "2026-11-21"],
    ["daily", "2026-11-10", "2026-11-20", "2026-11-21"],
    ["every other day", "2026-11-18", "2026-11-20", "2026-11-22"],
    ["every 3 days", "2026-11-18", "2026-11-20", "2026-11-21"],
    ["every weekday", "2026-11-20", "2026-11-20", "2026-11-23"],
    ["every workday at 9", "2026-11-18", "2026-11-18", "2026-11-19"],
    ["every fri", "2026-11-20", "2026-11-20", "2026-11-27"],
    ["every mon, thu", "2026-11-19", "2026-11-20", "2026-11-23"],
    ["every week", "2026-11-04", "2026-11-20", "2026-11-25"],
    ["every 2 weeks", "2026-11-04", "2026-11-20", "2026-12-02"],
    ["every month", "2026-01-31", "2026-01-31", "2026-02-28"],
    ["every 1st", "2026-11-01", "2026-11-20", "2026-12-01"],
    ["every 31st", "2026-02-28", "2026-02-28", "2026-03-31"],
    ["every 3 months", "2026-08-30", "2026-11-20", "2026-11-30"],
    ["every! 10 days", "2026-11-01", "2026-11-20", "2026-11-30"],
    ["every! month", "2026-10-05", "2026-11-20", "2026-12-20"],
  ])("%s planned %s and done %s is next due %s", (text, planned, done, expected) => {
    expect(nextDay(rule(text), planned, done)).toBe(expected)
  })

  it.each([
    ["every day at 7:00", "07:00:00"],
    ["every day at 7am", "07:00:00"],
    ["Every Friday  18:30", "18:30:00"],
    ["every day at 12am", "00:00:00"],
    ["every day at 12:15 pm", "12:15:00"],
  ])("%s has the time %s", (text, time) => {
    expect(rule(text).time).toBe(time)
  })

  it.each([
    "",
    "every",
    "every blue moon",
    "every 0 days",
    "every 32nd",
    "every day at 25:00",
    "constructor",
    "monday",
  ])(
    "%j is not a recurrence",
    (text) => {
      expect(parseRecurrence(text)).toBeUndefined()
    },
  )

  it("begins on the first planned day, today included", () => {
    expect(firstDay(rule("every friday"), "2026-11-20")).toBe("2026-11-20")
    expect(firstDay(rule("every weekday"), "2026-11-21")).toBe("2026-11-23")
    expect(firstDay(rule("every 15th"), "2026-11-20")).toBe("2026-12-15")
  })

  it("always moves on, never further than one step of the plan", () => {
    const texts = ["every day", "every 5 days", "every weekday", "every tue, sun", "every 2 weeks", "every 30th"]
    fc.assert(fc.property(
      fc.constantFrom(...texts),
      fc.integer({ min: -3000, max: 3000 }),
      fc.integer({ min: 0, max: 900 }),
      (text, offset, late) => {
        const planned = firstDay(rule(text), addDays("2026-11-20", offset))
        const done = addDays(planned, late)
        const next = nextDay(rule(text), planned, done)
        expect(next > done).toBe(true)
        expect(next <= addDays(done, 31)).toBe(true)
        expect(text === "every weekday" && weekdayOf(next) > 5).toBe(false)
      },
    ))
  })
})
