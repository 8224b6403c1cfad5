/**
 * Due dates: from what a command says to what the wire carries, and on to the next occurrence.
 * All three wire shapes are kept as they are: all-day, floating (the user's zone), fixed (its own zone).
 */
import { addDays, dayInZone, instantOf, isDay, isTimeZone, wallClock, weekdayOf, wireTime } from "./calendar.ts"
import { firstDay, nextDay, parseRecurrence, splitTime, weekdayNamed } from "./recurrence.ts"
import type { Due } from "./wire.ts"

export type Moment = { readonly nowMs: number; readonly zone: string }

const floatingPattern = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,6})?)?$/
const fixedPattern = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z$/

/** The day and time of day (null: all-day) in the zone the due is meant in. */
export const localParts = (due: Due, zone: string): { readonly day: string; readonly time: string | null } => {
  if (due.date.length === 10) return { day: due.date, time: null }
  const wall = due.date.endsWith("Z") ? wallClock(Date.parse(due.date), due.timezone ?? zone) : due.date
  return { day: wall.slice(0, 10), time: wall.slice(11, 19) }
}

/** The same shape as `like`, on another day and time. */
const dueOn = (like: Due, day: string, time: string | null, zone: string): Due => {
  if (time === null) return { ...like, date: day }
  if (!like.date.endsWith("Z")) return { ...like, date: `${day}T${time}` }
  return { ...like, date: wireTime(instantOf(`${day}T${time}`, like.timezone ?? zone)) }
}

/**
 * The occurrence after this one: later than the current one and later than now, so that an overdue habit does not have
 * to be ticked once per missed day. Null when the date does not recur.
 */
export const nextOccurrence = (due: Due, { nowMs, zone }: Moment): Due | null => {
  const rule = due.is_recurring ? parseRecurrence(due.string) : undefined
  if (rule === undefined) return null
  const own = due.timezone ?? zone
  const { day, time } = localParts(due, zone)
  const today = dayInZone(nowMs, own)
  if (rule.fromCompletion) return dueOn(due, nextDay(rule, today, today), time, zone)
  const todayIsPast = time === null || wallClock(nowMs, own).slice(11) >= time
  const floor = todayIsPast ? today : addDays(today, -1)
  return dueOn(due, nextDay(rule, day, floor > day ? floor : day), time, zone)
}

/** What the `due` argument of a command asks for: null clears the date, undefined is not understood. */
export const parseDue = (argument: unknown, moment: Moment): Due | null | undefined => {
  if (argument === null) return null
  if (typeof argument !== "object") return undefined
  const given = argument as Record<string, unknown>
  const text = typeof given["string"] === "string" ? given["string"].trim() : undefined
  const lang = typeof given["lang"] === "string" ? given["lang"] : "en"
  if (text !== undefined && /^no (due )?date$/i.test(text)) return null
  const timezone = given["timezone"] ?? null
  if (timezone !== null && (typeof timezone !== "string" || !isTimeZone(timezone))) return undefined
  const spoken = text === undefined || text === "" ? undefined : fromText(text, lang, moment)
  if (given["date"] === undefined || given["date"] === null) return spoken
  const dated = typeof given["date"] === "string" ? fromDate(given["date"], timezone, lang, moment.zone) : undefined
  if (dated === undefined) return undefined
  return spoken?.is_recurring === true ? { ...dated, string: spoken.string, is_recurring: true } : dated
}

const fromDate = (date: string, timezone: string | null, lang: string, zone: string): Due | undefined => {
  const base = { lang, is_recurring: false, string: date.slice(0, 16).replace("T", " ") }
  if (isDay(date)) return { ...base, date, timezone: null }
  if (!isDay(date.slice(0, 10))) return undefined
  if (fixedPattern.test(date)) return { ...base, date: wireTime(Date.parse(date)), timezone: timezone ?? zone }
  const floating = floatingPattern.exec(date)
  if (floating === null) return undefined
  const wall = `${floating[1]}T${floating[2]}:${floating[3]}:${floating[4] ?? "00"}`
  if (timezone === null) return { ...base, date: wall, timezone: null }
  return { ...base, date: wireTime(instantOf(wall, timezone)), timezone }
}

const fromText = (text: string, lang: string, { nowMs, zone }: Moment): Due | undefined => {
  const today = dayInZone(nowMs, zone)
  const rule = parseRecurrence(text)
  if (rule !== undefined) {
    const day = firstDay(rule, today)
    const missed = rule.time !== null && day === today && wallClock(nowMs, zone).slice(11) >= rule.time
    const date = missed ? nextDay(rule, day, day) : day
    return { date: withTime(date, rule.time), timezone: null, string: text, lang, is_recurring: true }
  }
  const { rest, time } = splitTime(text.toLowerCase().replace(/\s+/g, " "))
  const day = time === undefined ? undefined : dayNamed(rest, today)
  if (day === undefined || time === undefined) return undefined
  return { date: withTime(day, time), timezone: null, string: text, lang, is_recurring: false }
}

const withTime = (day: string, time: string | null): string => (time === null ? day : `${day}T${time}`)

const dayNamed = (text: string, today: string): string | undefined => {
  if (text === "today") return today
  if (text === "tomorrow") return addDays(today, 1)
  if (text === "next week") return addDays(today, 8 - weekdayOf(today))
  if (isDay(text)) return text
  const ahead = /^in (\d{1,4}) (day|week)s?$/.exec(text)
  if (ahead !== null) return addDays(today, Number(ahead[1]) * (ahead[2] === "week" ? 7 : 1))
  const weekday = weekdayNamed(text.replace(/^next /, ""))
  return weekday === undefined ? undefined : addDays(today, ((weekday - weekdayOf(today) + 6) % 7) + 1)
}
