import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { toEpochMs, toLocal } from "../../../schemas/localTime.ts"
import { absoluteWords, dayWords, dueWords, laterChoices, percentWords, relativeWords } from "./when.ts"

const zone = "Europe/Berlin"
const at = (date: string, time: string) => toEpochMs(date, time, zone)
const now = at("2026-06-10", "10:00")

describe("relative words", () => {
  it.each([
    [0, "just now"],
    [-44_000, "just now"],
    [30_000, "in a moment"],
    [-60_000, "1 minute ago"],
    [120_000, "in 2 minutes"],
    [-89 * 60_000, "89 minutes ago"],
    [-91 * 60_000, "2 hours ago"],
    [-35 * 3_600_000, "35 hours ago"],
    [-37 * 3_600_000, "2 days ago"],
    [14 * 86_400_000, "in 14 days"],
  ])("%i ms away is %s", (awayMs, words) => expect(relativeWords(now + awayMs, now)).toBe(words))
})

describe("days and due times", () => {
  it("are named as on the user's own calendar", () => {
    const words = ["2026-06-10", "2026-06-11", "2026-06-09", "2026-06-16", "2026-06-17", "2026-06-01", "2027-01-01"]
      .map((date) => dayWords(date, "2026-06-10"))
    expect(words).toEqual(["today", "tomorrow", "yesterday", "Tuesday", "17 June", "1 June", "1 January 2027"])
    expect(absoluteWords(now, now, zone)).toBe("Wednesday 10 June, 10:00")
    expect(absoluteWords(at("2025-12-31", "23:59"), now, zone)).toBe("Wednesday 31 December 2025, 23:59")
  })

  it("say what is late", () => {
    const due = (dueDate: string | null, dueAt: number | null = null) =>
      dueWords({ dueDate, dueAt: dueAt === null ? null : new Date(dueAt).toISOString() }, now, zone)
    expect(due(null)).toBeUndefined()
    expect(due("2026-06-10")).toEqual({ words: "Due today", late: false })
    expect(due("2026-06-09")).toEqual({ words: "Was due yesterday", late: true })
    expect(due("2026-06-05")).toEqual({ words: "Was due 5 days ago", late: true })
    expect(due("2026-01-02")).toEqual({ words: "Was due 2 January", late: true })
    expect(due("2026-06-10", at("2026-06-10", "17:30"))).toEqual({ words: "Due today at 17:30", late: false })
    expect(due("2026-06-10", at("2026-06-10", "09:00"))).toEqual({ words: "Was due today at 09:00", late: true })
    expect(due("2026-06-12", at("2026-06-12", "08:00"))).toEqual({ words: "Due Friday at 08:00", late: false })
    expect(due("never")).toBeUndefined()
  })

  it("take the day of an instant from the zone, not from the date written beside it", () => {
    const lateEvening = Date.parse("2026-06-10T22:30:00Z")
    expect(dueWords({ dueDate: "2026-06-10", dueAt: new Date(lateEvening).toISOString() }, now, zone)?.words)
      .toBe("Due tomorrow at 00:30")
  })
})

describe("later", () => {
  const choices = (date: string, time: string) => laterChoices(at(date, time), zone)
  const labels = (time: string) => choices("2026-06-10", time).map(({ label, at }) => `${label} ${at}`)

  it("means another moment at another hour", () => {
    expect(labels("10:00")).toEqual(["In an hour 11:00", "This evening 19:00", "Tomorrow morning 09:00"])
    expect(labels("17:59")).toEqual(["In an hour 18:59", "This evening 19:00", "Tomorrow morning 09:00"])
    expect(labels("18:30")).toEqual(["In an hour 19:30", "Tomorrow morning 09:00"])
    expect(labels("02:00")).toEqual(["In an hour 03:00", "In the morning 09:00"])
  })

  it("keeps nine o'clock over a change of the clock", () => {
    const [, , morning] = choices("2026-10-24", "12:00")
    expect(morning!.untilMs).toBe(at("2026-10-25", "09:00"))
    expect(choices("2026-03-28", "23:30").at(-1)!.untilMs).toBe(at("2026-03-29", "09:00"))
  })

  it("always lies ahead, in any zone", () => {
    const zones = fc.constantFrom("Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "UTC")
    const instants = fc.integer({ min: Date.parse("2020-01-01"), max: Date.parse("2040-01-01") })
    fc.assert(fc.property(instants, zones, (nowMs, anyZone) => {
      for (const { untilMs } of laterChoices(nowMs, anyZone)) {
        expect(untilMs).toBeGreaterThan(nowMs)
        expect(untilMs).toBeLessThan(nowMs + 36 * 3_600_000)
      }
      expect(toLocal(laterChoices(nowMs, anyZone).at(-1)!.untilMs, anyZone).minuteOfDay).toBe(540)
    }))
  })
})

describe("percent words", () => {
  it.each([[1, "100%"], [0.996, "more than 99%"], [0.9071, "91%"], [0.01, "1%"], [0.002, "less than 1%"]])(
    "%d is %s",
    (probability, words) => expect(percentWords(probability)).toBe(words),
  )
})
