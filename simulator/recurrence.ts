/**
 * The subset of Todoist's recurring dates this server understands (English, case ignored):
 * `every day`, `daily`, `every other day`, `every N days`, `every weekday` (also `workday`),
 * `every mon`, `every monday, thursday`, `every week`, `weekly`, `every other week`, `every N weeks`,
 * `every month`, `monthly`, `every N months`, `every 1st`, `every 15th`, each optionally followed by a time
 * (`at 9`, `at 9am`, `at 18:30`, `18:30`). `every!` counts from the completion instead of the planned date.
 *
 * @see https://www.todoist.com/help/articles/introduction-to-recurring-dates-YUYVJJAV
 */
import { addDays, daysBetween, inMonth, monthsBetween, weekdayOf } from "./calendar.ts"

export type Recurrence = {
  readonly fromCompletion: boolean
  /** `HH:MM:SS`, or null for an all-day date. */
  readonly time: string | null
  readonly step:
    | { readonly unit: "day"; readonly count: number }
    | { readonly unit: "month"; readonly count: number; readonly dayOfMonth: number | null }
    /** ISO weekdays, ascending. */
    | { readonly unit: "weekdays"; readonly days: ReadonlyArray<number> }
}

const weekdayNames = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

/** ISO weekday of an English name or its abbreviation of three letters or more, else undefined. */
export const weekdayNamed = (name: string): number | undefined => {
  const at = name.length < 3 ? -1 : weekdayNames.findIndex((full) => full.startsWith(name))
  return at < 0 ? undefined : at + 1
}

const timePattern =
  /(?:\s+at\s+(\d{1,2})(?::(\d{2}))?\s*(am|pm)?|\s+(\d{1,2}):(\d{2})\s*(am|pm)?|\s+(\d{1,2})\s*(am|pm))$/

/** Cuts a time of day off the end. `time` is null when there is none, undefined when it is not a time. */
export const splitTime = (text: string): { readonly rest: string; readonly time: string | null | undefined } => {
  const match = timePattern.exec(text)
  if (match === null) return { rest: text, time: null }
  const half = match[3] ?? match[6] ?? match[8]
  const hour = Number(match[1] ?? match[4] ?? match[7])
  const minute = Number(match[2] ?? match[5] ?? 0)
  const valid = minute < 60 && (half === undefined ? hour < 24 : hour >= 1 && hour <= 12)
  const hour24 = half === undefined ? hour : (hour % 12) + (half === "pm" ? 12 : 0)
  return {
    rest: text.slice(0, match.index),
    time: valid ? `${String(hour24).padStart(2, "0")}:${String(minute).padStart(2, "0")}:00` : undefined,
  }
}

const adverbs = new Map([["daily", "every day"], ["weekly", "every week"], ["monthly", "every month"]])

/** Undefined when the text is not one of the forms above. */
export const parseRecurrence = (text: string): Recurrence | undefined => {
  const { rest, time } = splitTime(text.trim().toLowerCase().replace(/\s+/g, " "))
  if (time === undefined) return undefined
  const match = /^every(!?) (.+)$/.exec(adverbs.get(rest) ?? rest)
  const step = match?.[2] === undefined ? undefined : parseStep(match[2])
  return step && { fromCompletion: match?.[1] === "!", time, step }
}

const parseStep = (text: string): Recurrence["step"] | undefined => {
  if (text === "weekday" || text === "workday") return { unit: "weekdays", days: [1, 2, 3, 4, 5] }
  const counted = /^(?:(other|\d{1,3}) )?(day|week|month)s?$/.exec(text)
  if (counted !== null) {
    const count = counted[1] === undefined ? 1 : counted[1] === "other" ? 2 : Number(counted[1])
    if (count < 1) return undefined
    if (counted[2] === "month") return { unit: "month", count, dayOfMonth: null }
    return { unit: "day", count: counted[2] === "week" ? count * 7 : count }
  }
  const ordinal = /^(\d{1,2})(?:st|nd|rd|th)$/.exec(text)
  if (ordinal !== null) {
    const dayOfMonth = Number(ordinal[1])
    return dayOfMonth >= 1 && dayOfMonth <= 31 ? { unit: "month", count: 1, dayOfMonth } : undefined
  }
  const days = text.split(/\s*,\s*| and /).map(weekdayNamed)
  if (days.some((day) => day === undefined)) return undefined
  return { unit: "weekdays", days: [...new Set(days as Array<number>)].sort((a, b) => a - b) }
}

/** The first planned day on or after `from`, for a recurrence that has no date yet. */
export const firstDay = (rule: Recurrence, from: string): string => {
  if (rule.step.unit === "weekdays") return nextWeekday(rule.step.days, addDays(from, -1))
  if (rule.step.unit === "day" || rule.step.dayOfMonth === null) return from
  const thisMonth = inMonth(from, 0, rule.step.dayOfMonth)
  return thisMonth >= from ? thisMonth : inMonth(from, 1, rule.step.dayOfMonth)
}

/**
 * The first day of the plan that began on `planned` and is later than `after`. With `fromCompletion` the plan begins
 * anew on `after`. `after` must not be earlier than `planned`.
 */
export const nextDay = (rule: Recurrence, planned: string, after: string): string => {
  const start = rule.fromCompletion ? after : planned
  if (rule.step.unit === "weekdays") return nextWeekday(rule.step.days, after)
  if (rule.step.unit === "day") {
    const steps = Math.floor(daysBetween(start, after) / rule.step.count) + 1
    return addDays(start, steps * rule.step.count)
  }
  const dayOfMonth = rule.step.dayOfMonth ?? Number(start.slice(8))
  let months = Math.floor(monthsBetween(start, after) / rule.step.count) * rule.step.count
  while (inMonth(start, months, dayOfMonth) <= after) months += rule.step.count
  return inMonth(start, months, dayOfMonth)
}

const nextWeekday = (days: ReadonlyArray<number>, after: string): string => {
  for (let ahead = 1; ahead < 7; ahead++) {
    if (days.includes(weekdayOf(addDays(after, ahead)))) return addDays(after, ahead)
  }
  return addDays(after, 7)
}
