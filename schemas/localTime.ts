/**
 * Instants to a user's wall clock and back, over `Intl` alone: the same answers on every runtime that has it.
 *
 * Epoch times are in milliseconds, days are `YYYY-MM-DD` of the proleptic Gregorian calendar, years 0001 to 9999.
 * Everything outside (an unknown zone, 30 February, 25:00) throws `RangeError`: callers with foreign input check first,
 * with `isTimeZone`, `isLocalDate` and `isLocalTime`.
 */

export interface LocalTime {
  readonly date: string
  /** Minutes since local midnight by the wall clock, 0..1439; seconds are cut off. */
  readonly minuteOfDay: number
  /** 1 Monday .. 7 Sunday (ISO 8601). */
  readonly weekday: number
}

const dayMs = 86_400_000

/** About 600 zone names exist, one user has one, and each formatter holds tens of kilobytes outside the heap. */
const formattersMax = 128
const formatters = new Map<string, Intl.DateTimeFormat>()

const formatterOf = (zone: string): Intl.DateTimeFormat => {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  // ECMA-402 also takes offsets ("+02:00"). They have no daylight saving, so a user's zone must never be one.
  if (/^[+-]/.test(zone)) throw new RangeError(`not a time zone name: ${zone}`)
  const made = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
    timeZone: zone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  const oldest = formatters.keys().next()
  if (formatters.size >= formattersMax && oldest.done !== true) formatters.delete(oldest.value)
  formatters.set(zone, made)
  return made
}

/** Whether `zone` is a name of the IANA database, as this runtime knows it. Offsets such as `+02:00` are not. */
export const isTimeZone = (zone: string): boolean => {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** `Date.UTC` reads the years 0 to 99 as 1900 to 1999; this does not. */
const utcMs = (year: number, month: number, day: number): number => new Date(0).setUTCFullYear(year, month - 1, day)

const pad = (value: number, width: number) => String(value).padStart(width, "0")

const parseDate = (date: string): number | undefined => {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date)
  if (parts === null) return undefined
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  const midnight = utcMs(year, month, day)
  const back = new Date(midnight)
  return year >= 1 && back.getUTCMonth() === month - 1 && back.getUTCDate() === day ? midnight : undefined
}

const parseTime = (time: string): number | undefined => {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(time)
  return parts === null ? undefined : ((Number(parts[1]) * 60 + Number(parts[2])) * 60 + Number(parts[3] ?? 0)) * 1000
}

/** Whether `date` is `YYYY-MM-DD` and a day that exists. */
export const isLocalDate = (date: string): boolean => parseDate(date) !== undefined

/** Whether `time` is `HH:MM` or `HH:MM:SS` on a 24-hour clock without leap seconds. */
export const isLocalTime = (time: string): boolean => parseTime(time) !== undefined

/** The wall clock at `epochMs`, written as if it were UTC. Sub-second parts are cut off. */
const wallMs = (epochMs: number, zone: string): number => {
  let [year, month, day, hour, minute, second, before] = [0, 0, 0, 0, 0, 0, false]
  for (const { type, value } of formatterOf(zone).formatToParts(epochMs)) {
    if (type === "year") year = Number(value)
    else if (type === "month") month = Number(value)
    else if (type === "day") day = Number(value)
    else if (type === "hour") hour = Number(value)
    else if (type === "minute") minute = Number(value)
    else if (type === "second") second = Number(value)
    else if (type === "era") before = value !== "AD"
  }
  if (before || year > 9999) throw new RangeError(`outside the years 0001 to 9999: ${epochMs}`)
  return utcMs(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000
}

const wholeSeconds = (epochMs: number): number => Math.floor(epochMs / 1000) * 1000

const offsetMs = (epochMs: number, zone: string): number => wallMs(epochMs, zone) - wholeSeconds(epochMs)

/** What the user's clock and calendar show at `epochMs`. */
export const toLocal = (epochMs: number, zone: string): LocalTime => {
  const wall = new Date(wallMs(epochMs, zone))
  return {
    date: `${pad(wall.getUTCFullYear(), 4)}-${pad(wall.getUTCMonth() + 1, 2)}-${pad(wall.getUTCDate(), 2)}`,
    minuteOfDay: wall.getUTCHours() * 60 + wall.getUTCMinutes(),
    weekday: wall.getUTCDay() === 0 ? 7 : wall.getUTCDay(),
  }
}

/**
 * The instant when the clocks of `zone` show `date` and `time`.
 *
 * A time the clocks skip (spring) is moved forward by the length of the gap, a time they show twice (autumn) means the
 * earlier one: RFC 5545 section 3.3.5, and `disambiguation: "compatible"` of Temporal.
 */
export const toEpochMs = (date: string, time: string, zone: string): number => {
  const midnight = parseDate(date)
  const sinceMidnight = parseTime(time)
  if (midnight === undefined || sinceMidnight === undefined) throw new RangeError(`no such time: ${date} ${time}`)
  const wall = midnight + sinceMidnight
  // No zone is further than 14 hours from UTC, so a day to either side holds the offset before and after any change.
  const offsetBefore = offsetMs(wall - dayMs, zone)
  const offsetAfter = offsetMs(wall + dayMs, zone)
  const candidates = [wall - offsetBefore, wall - offsetAfter].filter((at) => wallMs(at, zone) === wall)
  return candidates.length === 0 ? wall - offsetBefore : Math.min(...candidates)
}
