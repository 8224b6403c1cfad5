import fc from "fast-check"
import ICAL from "ical.js"
import { describe, expect, it } from "vitest"
import { parseProperty } from "./properties.ts"
import { type Budget, dateOf, dayOf, daysOf, readRule } from "./recurrence.ts"

const plenty = (): Budget => ({ left: 10_000_000 })

const ruleOf = (text: string) => readRule(parseProperty(`RRULE:${text}`)?.values[0], "10:00:00")

const datesOf = (text: string, start: string, from: string, to: string) => {
  const rule = ruleOf(text)
  return rule === undefined ? undefined : daysOf(rule, dayOf(start), dayOf(from), dayOf(to), plenty())?.map(dateOf)
}

/** ical.js' own iteration, for rules it comes to an end with. */
const byIcal = (text: string, start: string, from: string, to: string) => {
  const dates: Array<string> = []
  const iterator = ICAL.Recur.fromString(text).iterator(ICAL.Time.fromDateString(start))
  for (let next = iterator.next(); next !== null && dates.length < 20_000; next = iterator.next()) {
    const date = String(next)
    if (date >= to) break
    if (date >= from) dates.push(date)
  }
  return dates
}

describe("recurrence", () => {
  it.each([
    // RFC 5545 section 3.8.5.3, the examples without a time of day.
    ["FREQ=DAILY;COUNT=3", "1997-09-02", ["1997-09-02", "1997-09-03", "1997-09-04"]],
    ["FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=MO;BYDAY=TU,SU", "1997-08-05", [
      "1997-08-05",
      "1997-08-10",
      "1997-08-19",
      "1997-08-24",
    ]],
    ["FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=SU;BYDAY=TU,SU", "1997-08-05", [
      "1997-08-05",
      "1997-08-17",
      "1997-08-19",
      "1997-08-31",
    ]],
    ["FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05", ["1997-09-05", "1997-10-03", "1997-11-07"]],
    ["FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22", ["1997-09-22", "1997-10-20", "1997-11-17"]],
    ["FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "1997-09-28", ["1997-09-28", "1997-10-29", "1997-11-28"]],
    ["FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", ["1997-09-04", "1997-10-07", "1997-11-06"]],
    ["FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2", "1997-09-02", ["1998-02-13", "1998-03-13"]],
    ["FREQ=MONTHLY;COUNT=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29", ["1997-09-29", "1997-10-30"]],
    ["FREQ=YEARLY;COUNT=2;INTERVAL=3;BYYEARDAY=1,100,200", "1997-01-01", ["1997-01-01", "1997-04-10"]],
    ["FREQ=YEARLY;BYDAY=20MO;COUNT=2", "1997-05-19", ["1997-05-19", "1998-05-18"]],
    ["FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12", ["1997-05-12", "1998-05-11", "1999-05-17"]],
    ["FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=3", "1997-03-13", ["1997-03-13", "1997-03-20", "1997-03-27"]],
    ["FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=2", "1996-11-05", [
      "1996-11-05",
      "2000-11-07",
    ]],
    // Without a day of its own a rule takes the start's, and skips months that do not have it.
    ["FREQ=MONTHLY;COUNT=3", "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31"]],
    ["FREQ=YEARLY;COUNT=2", "2024-02-29", ["2024-02-29", "2028-02-29"]],
  ])("%s from %s", (text, start, dates) => {
    expect(datesOf(text, start, start, "2030-01-01")).toEqual(dates)
  })

  it("rules that never fall on any day come to an end", () => {
    const never = [
      "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
      "FREQ=MONTHLY;INTERVAL=48;BYDAY=5MO",
      "FREQ=WEEKLY;BYMONTH=13",
      "FREQ=YEARLY;BYDAY=1MO;BYMONTH=4;BYMONTHDAY=15",
    ]
    for (const text of never) expect(datesOf(text, "2026-02-01", "2026-11-01", "2026-12-01") ?? [], text).toEqual([])
  })

  it("rules that are none, or more often than daily, are not followed", () => {
    const refused = [
      "FREQ=SECONDLY",
      "FREQ=MINUTELY",
      "FREQ=HOURLY",
      "FREQ=NEVER",
      "COUNT=3",
      "",
      "FREQ=DAILY;INTERVAL=99999",
      "FREQ=DAILY;UNTIL=soon",
      "FREQ=DAILY;BYDAY=XX",
      "FREQ=DAILY;BYHOUR=9,10",
      "FREQ=DAILY;BYHOUR=11",
    ]
    for (const text of refused) expect(ruleOf(text), text).toBeUndefined()
    expect(ruleOf("FREQ=DAILY;BYHOUR=10;BYMINUTE=0")).toBeDefined()
  })

  it("a rule that has to be counted from long ago costs no more than the budget", () => {
    const rule = ruleOf("FREQ=YEARLY;COUNT=100000;BYDAY=MO,TU;BYSETPOS=1")!
    const budget = { left: 1_000 }
    expect(daysOf(rule, dayOf("1900-01-01"), dayOf("2026-11-01"), dayOf("2026-12-01"), budget)).toBeUndefined()
    expect(budget.left).toBeGreaterThan(-1_000)
    expect(daysOf(ruleOf("FREQ=DAILY")!, dayOf("1900-01-01"), dayOf("2026-11-01"), dayOf("2026-11-03"), { left: 3 }))
      .toHaveLength(2)
  })

  it("ordinary rules give the days that ical.js gives", () => {
    const weekday = fc.constantFrom("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    const days = fc.uniqueArray(weekday, { minLength: 1, maxLength: 3 }).map((some) => some.join(","))
    const interval = fc.integer({ min: 1, max: 3 })
    const rule = fc.oneof(
      interval.map((n) => `FREQ=DAILY;INTERVAL=${n}`),
      fc.tuple(interval, days).map(([n, some]) => `FREQ=WEEKLY;INTERVAL=${n};BYDAY=${some};WKST=MO`),
      fc.tuple(interval, fc.integer({ min: 1, max: 28 })).map(([n, day]) =>
        `FREQ=MONTHLY;INTERVAL=${n};BYMONTHDAY=${day}`
      ),
      fc.tuple(fc.constantFrom(1, 2, 3, 4, -1), weekday).map(([n, day]) => `FREQ=MONTHLY;BYDAY=${n}${day}`),
      fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(1, 2, 4, -1), weekday).map(([month, n, day]) =>
        `FREQ=YEARLY;BYMONTH=${month};BYDAY=${n}${day}`
      ),
    )
    const count = fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined })
    const start = fc.integer({ min: dayOf("2023-01-01"), max: dayOf("2026-01-01") }).map(dateOf)
    fc.assert(
      fc.property(rule, count, start, (base, times, from) => {
        const text = times === undefined ? base : `${base};COUNT=${times}`
        expect(datesOf(text, from, from, "2027-06-01"), `${text} from ${from}`)
          .toEqual(byIcal(text, from, from, "2027-06-01"))
      }),
      { numRuns: 150 },
    )
  })
})
