/** Instants and days in words, as a person reads a clock and a calendar. Pure: now and zone come in as data. */
import { dayNumberOf } from "../../recommender/calendar.ts"
import { toEpochMs, toLocal } from "../../../schemas/localTime.ts"

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
const months = "January February March April May June July August September October November December".split(" ")

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`

/** `3 minutes`, by the largest unit that says enough. */
export const lengthWords = (ms: number): string => {
  if (ms < 1.5 * minuteMs) return "1 minute"
  if (ms < 1.5 * hourMs) return counted(Math.round(ms / minuteMs), "minute")
  if (ms < 36 * hourMs) return counted(Math.round(ms / hourMs), "hour")
  return counted(Math.round(ms / dayMs), "day")
}

/** `3 minutes ago`, `in 2 hours`, `just now`. */
export const relativeWords = (atMs: number, nowMs: number): string => {
  const awayMs = atMs - nowMs
  if (Math.abs(awayMs) < 45_000) return awayMs > 1_000 ? "in a moment" : "just now"
  return awayMs > 0 ? `in ${lengthWords(awayMs)}` : `${lengthWords(-awayMs)} ago`
}

const twoDigits = (value: number): string => String(value).padStart(2, "0")

export const clockWords = (atMs: number, zone: string): string => {
  const { minuteOfDay } = toLocal(atMs, zone)
  return `${twoDigits(Math.floor(minuteOfDay / 60))}:${twoDigits(minuteOfDay % 60)}`
}

/** `Friday 12 June, 14:02`, with the year when it is another one. */
export const absoluteWords = (atMs: number, nowMs: number, zone: string): string => {
  const { date } = toLocal(atMs, zone)
  return `${weekdayOf(date)} ${calendarWords(date, toLocal(nowMs, zone).date)}, ${clockWords(atMs, zone)}`
}

const weekdayOf = (date: string): string => weekdays[(((dayNumberOf(date) + 3) % 7) + 7) % 7]!

/** `12 June`, `12 June 2027`. */
const calendarWords = (date: string, today: string): string => {
  const year = date.slice(0, 4) === today.slice(0, 4) ? "" : ` ${Number(date.slice(0, 4))}`
  return `${Number(date.slice(8))} ${months[Number(date.slice(5, 7)) - 1]}${year}`
}

/** `today`, `Friday` within the coming week, `12 June`, `12 June 2027`. */
export const dayWords = (date: string, today: string): string => {
  const away = dayNumberOf(date) - dayNumberOf(today)
  if (away === 0) return "today"
  if (away === 1) return "tomorrow"
  if (away === -1) return "yesterday"
  if (away > 1 && away < 7) return weekdayOf(date)
  return calendarWords(date, today)
}

export interface DueWords {
  readonly words: string
  readonly late: boolean
}

/** When a task is due, by the user's calendar; undefined without a date, or with one that cannot be read. */
export const dueWords = (
  due: { readonly dueDate: string | null; readonly dueAt: string | null },
  nowMs: number,
  zone: string,
): DueWords | undefined => {
  const atMs = due.dueAt === null ? NaN : Date.parse(due.dueAt)
  const timed = Number.isFinite(atMs)
  const date = timed ? toLocal(atMs, zone).date : due.dueDate
  const today = toLocal(nowMs, zone).date
  if (date === null || Number.isNaN(dayNumberOf(date))) return undefined
  const away = dayNumberOf(date) - dayNumberOf(today)
  const late = timed ? atMs < nowMs : away < 0
  const day = away < -1 && away > -31 ? `${-away} days ago` : dayWords(date, today)
  const time = timed && away >= -1 ? ` at ${clockWords(atMs, zone)}` : ""
  return { words: `${late ? "Was due" : "Due"} ${day}${time}`, late }
}

export interface Later {
  readonly label: string
  readonly at: string
  readonly untilMs: number
}

/** An evening that begins within the hour is no later than "in an hour". */
const eveningTime = "19:00"
const eveningAheadMs = hourMs
const morningTime = "09:00"
/** Whoever is still awake at three means the same morning by "tomorrow". */
const nightEndsMinute = 4 * 60

/** What "later" can mean now, on the user's clock; each lies ahead. */
export const laterChoices = (nowMs: number, zone: string): ReadonlyArray<Later> => {
  const { date, minuteOfDay } = toLocal(nowMs, zone)
  const eveningMs = toEpochMs(date, eveningTime, zone)
  const night = minuteOfDay < nightEndsMinute
  // From local noon, because a day of the clock change has no fixed length.
  const nextDate = night ? date : toLocal(toEpochMs(date, "12:00", zone) + dayMs, zone).date
  const morningMs = toEpochMs(nextDate, morningTime, zone)
  return [
    { label: "In an hour", at: clockWords(nowMs + hourMs, zone), untilMs: nowMs + hourMs },
    ...(eveningMs - nowMs > eveningAheadMs && !night
      ? [{ label: "This evening", at: eveningTime, untilMs: eveningMs }]
      : []),
    { label: night ? "In the morning" : "Tomorrow morning", at: morningTime, untilMs: morningMs },
  ]
}

/** `91%`; what rounds to certain or to never is not called so. */
export const percentWords = (probability: number): string => {
  if (probability >= 1) return "100%"
  if (probability > 0.99) return "more than 99%"
  return probability < 0.01 ? "less than 1%" : `${Math.round(probability * 100)}%`
}
