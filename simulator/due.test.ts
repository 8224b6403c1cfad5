import { describe, expect, it } from "vitest"
import { dayInZone, instantOf, wallClock, wireTime } from "./calendar.ts"
import { nextOccurrence, parseDue } from "./due.ts"
import type { Due } from "./wire.ts"

/** A Friday, 23:30 in Madrid: already Saturday in Tokyo. */
const moment = { nowMs: Date.parse("2026-11-20T22:30:00Z"), zone: "Europe/Madrid" }

const due = (fields: Partial<Due>): Due => ({
  date: "2026-11-20",
  timezone: null,
  string: "every day",
  lang: "en",
  is_recurring: true,
  ...fields,
})

describe("due", () => {
  it.each([
    [{ date: "2026-12-01" }, "2026-12-01", null],
    [{ date: "2026-12-01T12:00:00" }, "2026-12-01T12:00:00", null],
    [{ date: "2026-12-01T12:00" }, "2026-12-01T12:00:00", null],
    [{ date: "2026-12-06T13:00:00.000000Z", timezone: "Asia/Tokyo" }, "2026-12-06T13:00:00.000000Z", "Asia/Tokyo"],
    [{ date: "2026-12-06T13:00:00Z" }, "2026-12-06T13:00:00.000000Z", "Europe/Madrid"],
    [{ date: "2026-12-06T13:00:00", timezone: "Europe/Madrid" }, "2026-12-06T12:00:00.000000Z", "Europe/Madrid"],
    [{ string: "today" }, "2026-11-20", null],
    [{ string: "Tomorrow at 9am" }, "2026-11-21T09:00:00", null],
    [{ string: "friday" }, "2026-11-27", null],
    [{ string: "in 2 weeks" }, "2026-12-04", null],
    [{ string: "every day at 22:00" }, "2026-11-21T22:00:00", null],
    [{ string: "every week", date: "2026-11-30" }, "2026-11-30", null],
  ])("%j becomes %s in zone %s", (argument, date, timezone) => {
    expect(parseDue(argument, moment)).toMatchObject({ date, timezone })
  })

  it("clears the date on null and on `no date`", () => {
    expect(parseDue(null, moment)).toBeNull()
    expect(parseDue({ string: "no date" }, moment)).toBeNull()
  })

  it.each([
    {},
    "today",
    { date: "2026-02-30" },
    { date: "2026-13-01T10:00:00" },
    { date: "2026-12-01T25:00:00" },
    { date: 20261201 },
    { string: "when pigs fly" },
    { date: "2026-12-01", timezone: "Mars/Olympus" },
  ])("does not understand %j", (argument) => {
    expect(parseDue(argument, moment)).toBeUndefined()
  })

  it("keeps each of the three shapes when it moves on", () => {
    expect(nextOccurrence(due({}), moment)?.date).toBe("2026-11-21")
    expect(nextOccurrence(due({ date: "2026-11-20T09:00:00" }), moment)?.date).toBe("2026-11-21T09:00:00")
    const fixed = due({ date: "2026-11-20T12:00:00.000000Z", timezone: "America/Chicago" })
    expect(nextOccurrence(fixed, moment)).toEqual({ ...fixed, date: "2026-11-21T12:00:00.000000Z" })
  })

  it("keeps the wall clock of a fixed date across a clock change", () => {
    const before = due({ date: "2026-10-24T07:00:00.000000Z", timezone: "Europe/Madrid" })
    const next = nextOccurrence(before, { nowMs: Date.parse("2026-10-24T08:00:00Z"), zone: "UTC" })
    expect(next?.date).toBe("2026-10-25T08:00:00.000000Z")
  })

  it("skips missed occurrences, and offers the one still ahead today", () => {
    expect(nextOccurrence(due({ date: "2026-11-01" }), moment)?.date).toBe("2026-11-21")
    expect(nextOccurrence(due({ date: "2026-11-01T23:45:00" }), moment)?.date).toBe("2026-11-20T23:45:00")
  })

  it("does not advance what does not recur", () => {
    expect(nextOccurrence(due({ is_recurring: false }), moment)).toBeNull()
  })
})

describe("calendar", () => {
  it("reads the day in the zone asked for", () => {
    expect(dayInZone(moment.nowMs, "Europe/Madrid")).toBe("2026-11-20")
    expect(dayInZone(moment.nowMs, "Asia/Tokyo")).toBe("2026-11-21")
    expect(wallClock(Date.parse("2026-11-20T23:00:00Z"), "Europe/Madrid")).toBe("2026-11-21T00:00:00")
  })

  it("turns a wall clock into the instant that shows it", () => {
    for (const zone of ["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]) {
      expect(wallClock(instantOf("2026-07-01T08:15:00", zone), zone)).toBe("2026-07-01T08:15:00")
    }
  })

  it("writes instants with microseconds", () => {
    expect(wireTime(1)).toBe("1970-01-01T00:00:00.001000Z")
  })
})
