/**
 * One line of a feed as ical.js reads it, and the two values everything here is made of: text and moments. Pure and
 * total: what makes no sense is `undefined`, never an exception.
 */
import ICAL from "ical.js"
import { isLocalDate, isLocalTime } from "../../../schemas/localTime.ts"

export interface Property {
  readonly params: Readonly<Record<string, unknown>>
  readonly values: ReadonlyArray<unknown>
}

/** By name in lower case, in the order of the feed. */
export type Properties = ReadonlyMap<string, ReadonlyArray<Property>>

/** A day, or a day with a time, as the feed writes it: no zone applied yet. */
export interface When {
  readonly date: string
  /** `HH:MM:SS`; null for a whole day. */
  readonly time: string | null
  /** What the feed calls the zone; null for the reader's own, whatever it is. */
  readonly zone: string | null
}

export type TimedWhen = When & { readonly time: string }

export const isTimed = (when: When): when is TimedWhen => when.time !== null

export const parseProperty = (line: string): Property | undefined => {
  try {
    const parsed: unknown = ICAL.parse.property(line)
    if (!Array.isArray(parsed) || parsed.length < 4) return undefined
    const [, params, , ...values] = parsed as ReadonlyArray<unknown>
    return { params: { ...(params as object) }, values }
  } catch {
    return undefined
  }
}

export const textOf = (properties: Properties, name: string): string | undefined => {
  const value = properties.get(name)?.[0]?.values[0]
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined
}

/** The bounds leave room for any zone's offset at both ends of the calendar `localTime` knows. */
const isUsableDate = (date: string): boolean => isLocalDate(date) && date > "1000" && date < "9000"

const shape = /^(\d{4}-\d{2}-\d{2})(?:T(?:(\d{2}:\d{2}:\d{2})(Z)?|::))?$/

/** A leap second is the second before it: no clock of ours shows 60. */
const withoutLeapSecond = (time: string): string => time.replace(/:60$/, ":59")

const toWhen = (value: unknown, tzid: unknown): When | undefined => {
  // ical.js reads a day that is not declared as one (`DTSTART:20261121`) as a time without digits.
  const [, date, time, isUtc] = typeof value === "string" ? shape.exec(value) ?? [] : []
  if (date === undefined || !isUsableDate(date)) return undefined
  if (time === undefined) return { date, time: null, zone: null }
  const usable = withoutLeapSecond(time)
  if (!isLocalTime(usable)) return undefined
  return { date, time: usable, zone: isUtc !== undefined ? "UTC" : typeof tzid === "string" ? tzid : null }
}

/** Every moment of every property of that name; of a period its start. `undefined` stands for one that is none. */
export const whensOf = (properties: Properties, name: string): ReadonlyArray<When | undefined> =>
  (properties.get(name) ?? []).flatMap(({ params, values }) =>
    // An empty list is written by some as a property without a value.
    values.filter((value) => value !== "--T::").map((value) =>
      toWhen(Array.isArray(value) ? value[0] : value, params["tzid"])
    )
  )

/** Of an `UNTIL`, which has no zone but UTC. */
export const untilOf = (value: unknown): When | undefined => toWhen(value, null)
