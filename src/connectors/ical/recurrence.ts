/**
 * On which days a recurrence rule falls. Pure, and of bounded cost.
 *
 * ical.js iterates from the first occurrence on and searches until it finds the next, which for some rules is never
 * (`FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30`): one line of a foreign feed would stop the process. Here the question is
 * turned round: does this day belong to the rule? A window of days then costs as many answers, however long ago it
 * began. Only `COUNT` has to be counted from the start, within a budget. Sub-daily rules are refused: no appointments.
 *
 * @see RFC 5545 section 3.3.10
 */
import { untilOf, type When } from "./properties.ts"

export interface Rule {
  readonly freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY"
  readonly interval: number
  readonly count: number | null
  /** The last moment it may fall on. For the caller to hold to, because it needs a zone. */
  readonly until: When | null
  readonly byMonth: ReadonlySet<number> | null
  readonly byMonthDay: ReadonlySet<number> | null
  readonly byYearDay: ReadonlySet<number> | null
  readonly byWeekNo: ReadonlySet<number> | null
  /** Ordinal 0: every one. */
  readonly byDay: ReadonlyArray<{ readonly ordinal: number; readonly weekday: number }> | null
  readonly bySetPos: ReadonlySet<number> | null
  /** 0 Sunday .. 6 Saturday. */
  readonly weekStart: number
}

/** Days looked at, for one feed. Looking at one takes well under a microsecond. */
export interface Budget {
  left: number
}

const weekdays: Readonly<Record<string, number | undefined>> = { SU: 0, MO: 1, TU: 2, WE: 3, TH: 4, FR: 5, SA: 6 }
const intervalMax = 10_000

const listOf = (value: unknown): ReadonlyArray<unknown> | null =>
  value === undefined ? null : Array.isArray(value) ? value : [value]

const numbersOf = (value: unknown): ReadonlySet<number> | null => {
  const list = listOf(value)
  return list === null ? null : new Set(list.map(Number))
}

const byDayOf = (value: unknown): Rule["byDay"] | undefined => {
  const list = listOf(value)
  if (list === null) return null
  const days = list.flatMap((one) => {
    const [, ordinal, name = ""] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(String(one).toUpperCase()) ?? []
    const weekday = weekdays[name]
    return weekday === undefined ? [] : [{ ordinal: Number(ordinal ?? 0), weekday }]
  })
  return days.length === list.length ? days : undefined
}

/** `value` as ical.js has it. Undefined for a rule that is none, or one we do not follow. */
export const readRule = (value: unknown, startTime: string | null): Rule | undefined => {
  const wire = typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : {}
  const { freq } = wire
  if (freq !== "DAILY" && freq !== "WEEKLY" && freq !== "MONTHLY" && freq !== "YEARLY") return undefined
  const interval = Number(wire["interval"] ?? 1)
  const count = wire["count"] === undefined ? null : Number(wire["count"])
  const until = wire["until"] === undefined ? null : untilOf(wire["until"])
  const byDay = byDayOf(wire["byday"])
  const weekStart = Number(wire["wkst"] ?? 2) - 1
  const isSound = Number.isInteger(interval) && interval >= 1 && interval <= intervalMax &&
    (count === null || (Number.isInteger(count) && count >= 1)) && until !== undefined && byDay !== undefined &&
    weekStart >= 0 && weekStart <= 6 && keepsTime(wire, startTime)
  return !isSound ? undefined : {
    freq,
    interval,
    count,
    until,
    byMonth: numbersOf(wire["bymonth"]),
    byMonthDay: numbersOf(wire["bymonthday"]),
    byYearDay: numbersOf(wire["byyearday"]),
    byWeekNo: numbersOf(wire["byweekno"]),
    byDay,
    bySetPos: numbersOf(wire["bysetpos"]),
    weekStart,
  }
}

/** Several times of one day would make it sub-daily; saying again what the start says is harmless, and some do. */
const keepsTime = (wire: Readonly<Record<string, unknown>>, startTime: string | null): boolean =>
  (["byhour", "byminute", "bysecond"] as const).every((name, index) => {
    const list = listOf(wire[name])
    return list === null || (list.length === 1 && Number(list[0]) === Number(startTime?.split(":")[index] ?? 0))
  })

const dayMs = 86_400_000

/** Days since 1970-01-01. */
export const dayOf = (date: string): number => Math.floor(Date.parse(`${date}T00:00:00Z`) / dayMs)

export const dateOf = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10)

const modulo = (value: number, by: number): number => ((value % by) + by) % by

const weekdayOf = (day: number): number => modulo(day + 4, 7)

const firstOf = (year: number, month: number): number => Math.floor(Date.UTC(year, month, 1) / dayMs)

const periodOf = (rule: Rule, day: number): number => {
  if (rule.freq === "DAILY") return day
  if (rule.freq === "WEEKLY") return Math.floor((day + 4 - rule.weekStart) / 7)
  const at = new Date(day * dayMs)
  return rule.freq === "YEARLY" ? at.getUTCFullYear() : at.getUTCFullYear() * 12 + at.getUTCMonth()
}

/** First day of a period, and the first day after it. */
const boundsOf = (rule: Rule, period: number): readonly [number, number] => {
  if (rule.freq === "DAILY") return [period, period + 1]
  if (rule.freq === "WEEKLY") return [period * 7 - 4 + rule.weekStart, period * 7 + 3 + rule.weekStart]
  if (rule.freq === "YEARLY") return [firstOf(period, 0), firstOf(period + 1, 0)]
  return [
    firstOf(Math.floor(period / 12), modulo(period, 12)),
    firstOf(Math.floor(period / 12), modulo(period, 12) + 1),
  ]
}

/** The n-th from the front, or from the back, both as rules count them. */
const isAt = (positions: ReadonlySet<number>, index: number, length: number): boolean =>
  positions.has(index + 1) || positions.has(index - length)

/** The fourth day of a week says which year it belongs to; here that of the year's first. */
const firstWeekOf = (year: number, weekStart: number): number => {
  const jan1 = firstOf(year, 0)
  const fourth = jan1 - modulo(weekdayOf(jan1) - weekStart, 7) + 3
  return fourth >= jan1 ? fourth : fourth + 7
}

const weekIsIn = (weeks: ReadonlySet<number>, day: number, weekStart: number): boolean => {
  const fourth = day - modulo(weekdayOf(day) - weekStart, 7) + 3
  const year = new Date(fourth * dayMs).getUTCFullYear()
  const first = firstWeekOf(year, weekStart)
  return isAt(weeks, (fourth - first) / 7, (firstWeekOf(year + 1, weekStart) - first) / 7)
}

const weekdayIsIn = (rule: Rule, day: number, year: number, month: number): boolean => {
  const isOfMonth = rule.freq === "MONTHLY" || (rule.freq === "YEARLY" && rule.byMonth !== null)
  const isOfYear = rule.freq === "YEARLY" && rule.byMonth === null
  const [from, to] = isOfMonth
    ? [firstOf(year, month), firstOf(year, month + 1)]
    : [firstOf(year, 0), firstOf(year + 1, 0)]
  return rule.byDay!.some(({ ordinal, weekday }) => {
    if (weekdayOf(day) !== weekday) return false
    if (ordinal === 0 || !(isOfMonth || isOfYear)) return true
    return ordinal > 0
      ? Math.floor((day - from) / 7) + 1 === ordinal
      : -(Math.floor((to - 1 - day) / 7) + 1) === ordinal
  })
}

/** What a rule that names no day takes from its start. */
interface Start {
  readonly day: number
  readonly month: number
  readonly dayOfMonth: number
}

const isInSet = (rule: Rule, start: Start, day: number): boolean => {
  const at = new Date(day * dayMs)
  const [year, month, dayOfMonth] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()]
  if (rule.byMonth !== null && !rule.byMonth.has(month + 1)) return false
  const { byDay, byMonthDay, byWeekNo, byYearDay } = rule
  if (byDay === null && byMonthDay === null && byWeekNo === null && byYearDay === null) {
    if (rule.freq === "WEEKLY") return weekdayOf(day) === weekdayOf(start.day)
    if (rule.freq === "MONTHLY") return dayOfMonth === start.dayOfMonth
    if (rule.freq === "YEARLY") {
      return dayOfMonth === start.dayOfMonth && (rule.byMonth !== null || month === start.month)
    }
    return true
  }
  const monthEnd = firstOf(year, month + 1)
  const yearStart = firstOf(year, 0)
  return (byMonthDay === null || isAt(byMonthDay, dayOfMonth - 1, monthEnd - firstOf(year, month))) &&
    (byYearDay === null || isAt(byYearDay, day - yearStart, firstOf(year + 1, 0) - yearStart)) &&
    (byWeekNo === null || weekIsIn(byWeekNo, day, rule.weekStart)) &&
    (byDay === null || weekdayIsIn(rule, day, year, month))
}

const matches = (rule: Rule, start: Start, startPeriod: number, day: number, budget: Budget): boolean => {
  budget.left -= 1
  if (day < start.day) return false
  const period = periodOf(rule, day)
  if ((period - startPeriod) % rule.interval !== 0 || !isInSet(rule, start, day)) return false
  if (rule.bySetPos === null) return true
  const [from, to] = boundsOf(rule, period)
  budget.left -= to - from
  let [before, length] = [0, 0]
  for (let other = from; other < to; other += 1) {
    if (!isInSet(rule, start, other)) continue
    length += 1
    if (other < day) before += 1
  }
  return isAt(rule.bySetPos, before, length)
}

/**
 * The days from `fromDay` up to `toDay` that the rule, begun on `startDay`, falls on. Undefined when that costs more
 * than the budget has left.
 */
export const daysOf = (
  rule: Rule,
  startDay: number,
  fromDay: number,
  toDay: number,
  budget: Budget,
): ReadonlyArray<number> | undefined => {
  const at = new Date(startDay * dayMs)
  const start = { day: startDay, month: at.getUTCMonth(), dayOfMonth: at.getUTCDate() }
  const startPeriod = periodOf(rule, startDay)
  const days: Array<number> = []
  let counted = 0
  for (let day = rule.count === null ? Math.max(startDay, fromDay) : startDay; day < toDay; day += 1) {
    if (budget.left <= 0) return undefined
    if (!matches(rule, start, startPeriod, day, budget)) continue
    counted += 1
    if (rule.count !== null && counted > rule.count) break
    if (day >= fromDay) days.push(day)
  }
  return days
}
