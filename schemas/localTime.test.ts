import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isLocalDate, isLocalTime, isTimeZone, toEpochMs, toLocal } from "./localTime.ts"

const iso = (epochMs: number) => new Date(epochMs).toISOString()
const at = (text: string) => new Date(text).getTime()

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Asia/Kolkata",
  "Asia/Tehran",
  "Africa/Casablanca",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Apia",
  "Pacific/Kiritimati",
]

describe("local time", () => {
  it("local time - names of the IANA database are zones, offsets and other words are not", () => {
    for (const zone of zones) expect(isTimeZone(zone)).toBe(true)
    for (const not of ["", "+02:00", "-0330", "GMT +3:00", "Mars/Olympus", "__proto__", "Europe/Berlin\n"]) {
      expect(isTimeZone(not), not).toBe(false)
    }
  })

  it("local time - an instant is shown as the clocks of its zone show it", () => {
    const instant = at("2026-11-20T22:50:30Z")
    expect(toLocal(instant, "UTC")).toEqual({ date: "2026-11-20", minuteOfDay: 22 * 60 + 50, weekday: 5 })
    expect(toLocal(instant, "Europe/Berlin")).toEqual({ date: "2026-11-20", minuteOfDay: 23 * 60 + 50, weekday: 5 })
    expect(toLocal(instant, "Asia/Kolkata")).toEqual({ date: "2026-11-21", minuteOfDay: 4 * 60 + 20, weekday: 6 })
    // New Zealand's summer: 13 h 45 min ahead.
    expect(toLocal(instant, "Pacific/Chatham")).toEqual({ date: "2026-11-21", minuteOfDay: 12 * 60 + 35, weekday: 6 })
  })

  it("local time - midnight is minute 0 of a day, and Sunday is weekday 7", () => {
    expect(toLocal(at("2026-11-21T23:00:00Z"), "Europe/Berlin")).toEqual({
      date: "2026-11-22",
      minuteOfDay: 0,
      weekday: 7,
    })
  })

  it("local time - in Berlin the hour that spring skips is moved forward", () => {
    expect(iso(toEpochMs("2026-03-29", "01:59", "Europe/Berlin"))).toBe("2026-03-29T00:59:00.000Z")
    expect(iso(toEpochMs("2026-03-29", "02:30", "Europe/Berlin"))).toBe("2026-03-29T01:30:00.000Z")
    expect(toLocal(at("2026-03-29T01:30:00Z"), "Europe/Berlin").minuteOfDay).toBe(3 * 60 + 30)
    expect(iso(toEpochMs("2026-03-29", "03:00", "Europe/Berlin"))).toBe("2026-03-29T01:00:00.000Z")
  })

  it("local time - in Berlin the hour that autumn repeats means the first of the two", () => {
    expect(iso(toEpochMs("2026-10-25", "02:30", "Europe/Berlin"))).toBe("2026-10-25T00:30:00.000Z")
    expect(iso(toEpochMs("2026-10-25", "03:00", "Europe/Berlin"))).toBe("2026-10-25T02:00:00.000Z")
    expect(toLocal(at("2026-10-25T01:30:00Z"), "Europe/Berlin").minuteOfDay).toBe(2 * 60 + 30)
  })

  it("local time - west of Greenwich, the hours after a change count as after it", () => {
    expect(iso(toEpochMs("2026-03-08", "03:30", "America/New_York"))).toBe("2026-03-08T07:30:00.000Z")
    expect(iso(toEpochMs("2026-11-01", "01:30", "America/New_York"))).toBe("2026-11-01T05:30:00.000Z")
    expect(iso(toEpochMs("2026-11-01", "02:00", "America/New_York"))).toBe("2026-11-01T07:00:00.000Z")
  })

  it("local time - zones off the full hour, with and without daylight saving", () => {
    expect(iso(toEpochMs("2026-07-01", "08:30", "Asia/Kolkata"))).toBe("2026-07-01T03:00:00.000Z")
    expect(iso(toEpochMs("2026-01-15", "07:45", "Pacific/Chatham"))).toBe("2026-01-14T18:00:00.000Z")
    expect(iso(toEpochMs("2026-07-15", "07:45:30", "Pacific/Chatham"))).toBe("2026-07-14T19:00:30.000Z")
    // Half an hour is skipped: 02:00 becomes 02:30.
    expect(iso(toEpochMs("2026-10-04", "02:15", "Australia/Lord_Howe"))).toBe("2026-10-03T15:45:00.000Z")
  })

  it("local time - a whole day a zone skipped is moved to the day after", () => {
    expect(toLocal(toEpochMs("2011-12-30", "12:00", "Pacific/Apia"), "Pacific/Apia").date).toBe("2011-12-31")
  })

  it("local time - what is no day, no time or no zone throws RangeError", () => {
    const bad: ReadonlyArray<readonly [string, string, string]> = [
      ["2026-02-29", "10:00", "UTC"],
      ["2026-13-01", "10:00", "UTC"],
      ["0000-01-01", "10:00", "UTC"],
      ["26-01-01", "10:00", "UTC"],
      ["2026-01-01", "24:00", "UTC"],
      ["2026-01-01", "10:60", "UTC"],
      ["2026-01-01", "10:00:60", "UTC"],
      ["2026-01-01", "10:00", "Mars/Olympus"],
    ]
    for (const [date, time, zone] of bad) expect(() => toEpochMs(date, time, zone)).toThrow(RangeError)
    expect(() => toLocal(Number.NaN, "UTC")).toThrow(RangeError)
    expect(() => toLocal(8.64e15, "UTC")).toThrow(RangeError)
    expect(isLocalDate("2028-02-29")).toBe(true)
    expect(isLocalDate("2027-02-29")).toBe(false)
    expect(isLocalTime("23:59:59")).toBe(true)
    expect(isLocalTime("9:00")).toBe(false)
  })

  it("local time - years before 100 are not read as 19xx", () => {
    expect(toLocal(toEpochMs("0050-06-01", "10:00", "UTC"), "UTC")).toMatchObject({ date: "0050-06-01" })
  })

  it("local time - there and back is the same minute, or the first of a repeated one", () => {
    const minute = fc.integer({ min: at("1975-01-01T00:00:00Z") / 60_000, max: at("2100-01-01T00:00:00Z") / 60_000 })
    fc.assert(
      fc.property(minute, fc.constantFrom(...zones), (minutes, zone) => {
        const instant = minutes * 60_000
        const local = toLocal(instant, zone)
        const time = `${String(Math.floor(local.minuteOfDay / 60)).padStart(2, "0")}:${
          String(local.minuteOfDay % 60).padStart(2, "0")
        }`
        const back = toEpochMs(local.date, time, zone)
        expect(toLocal(back, zone)).toEqual(local)
        expect(back).toBeLessThanOrEqual(instant)
        // Nothing but a clock set back moves it, and no clock was set back by more than a day.
        expect(instant - back).toBeLessThanOrEqual(86_400_000)
      }),
      { numRuns: 500 },
    )
  })

  it("local time - more zones than the cache holds still answer right", () => {
    for (const zone of Intl.supportedValuesOf("timeZone").slice(0, 200)) expect(isTimeZone(zone)).toBe(true)
    expect(toLocal(0, "Asia/Kolkata").minuteOfDay).toBe(330)
  })
})
