/**
 * Days and wall clocks as strings, and the way between them and instants in an IANA zone.
 * Written on `Intl` because Node 24 has no `Temporal` without a flag.
 */
export const dayMs = 86_400_000

const dayPattern = /^\d{4}-\d{2}-\d{2}$/

/** A real calendar day written `YYYY-MM-DD`. */
export const isDay = (text: string): boolean =>
  dayPattern.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text

const toEpochDay = (day: string): number => Math.round(Date.parse(`${day}T00:00:00Z`) / dayMs)

const fromEpochDay = (epochDay: number): string => new Date(epochDay * dayMs).toISOString().slice(0, 10)

export const addDays = (day: string, days: number): string => fromEpochDay(toEpochDay(day) + days)

/** Whole days from `a` to `b`; negative when `b` is earlier. */
export const daysBetween = (a: string, b: string): number => toEpochDay(b) - toEpochDay(a)

/** ISO weekday: Monday 1 to Sunday 7. */
export const weekdayOf = (day: string): number => ((((toEpochDay(day) + 3) % 7) + 7) % 7) + 1

/** The `dayOfMonth` of the month `months` after that of `day`, clamped to the month's last day. */
export const inMonth = (day: string, months: number, dayOfMonth: number): string => {
  const [year, month] = [Number(day.slice(0, 4)), Number(day.slice(5, 7))]
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate()
  return new Date(Date.UTC(year, month - 1 + months, Math.min(dayOfMonth, last))).toISOString().slice(0, 10)
}

export const monthsBetween = (a: string, b: string): number =>
  (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 + Number(b.slice(5, 7)) - Number(a.slice(5, 7))

// One formatter per zone ever asked for; `isTimeZone` admits only the few hundred that exist.
const formatters = new Map<string, Intl.DateTimeFormat>()

const formatterOf = (zone: string): Intl.DateTimeFormat => {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  })
  formatters.set(zone, made)
  return made
}

export const isTimeZone = (zone: string): boolean => {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** What a clock on the wall in `zone` shows at that instant: `YYYY-MM-DDTHH:MM:SS`. */
export const wallClock = (atMs: number, zone: string): string => {
  const part: Record<string, string> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(atMs)) part[type] = value
  const day = `${part["year"]?.padStart(4, "0")}-${part["month"]}-${part["day"]}`
  return `${day}T${part["hour"]}:${part["minute"]}:${part["second"]}`
}

/** The calendar day in `zone` at that instant. */
export const dayInZone = (atMs: number, zone: string): string => wallClock(atMs, zone).slice(0, 10)

/** Minutes east of UTC in `zone` at that instant. */
export const offsetMinutes = (atMs: number, zone: string): number =>
  Math.round((Date.parse(`${wallClock(atMs, zone)}Z`) - Math.floor(atMs / 1000) * 1000) / 60_000)

/**
 * The instant at which the wall in `zone` shows that time. A time skipped by a clock change gives the instant as far
 * after the change; a repeated one gives the first or second of the two, always the same.
 */
export const instantOf = (wall: string, zone: string): number => {
  const asUtc = Date.parse(`${wall}Z`)
  const guess = asUtc - offsetMinutes(asUtc, zone) * 60_000
  return asUtc - offsetMinutes(guess, zone) * 60_000
}

/** Todoist's timestamp: UTC with microseconds. */
export const wireTime = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, -1)}000Z`
