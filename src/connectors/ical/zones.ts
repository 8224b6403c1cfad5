/**
 * From what a feed calls a zone to instants. Pure and total.
 *
 * Names of the IANA database are taken at their word, also where the feed brings rules of its own for them: those are
 * often cut down to one year. Other names (Outlook's "W. Europe Standard Time", "Customized Time Zone") mean what the
 * feed's VTIMEZONE says. A name that is neither means the reader's own zone: hours off, but the right day for most.
 */
import { isTimeZone, toEpochMs } from "../../../schemas/localTime.ts"
import type { Component } from "./feedText.ts"
import { isTimed, textOf, type TimedWhen, whensOf } from "./properties.ts"
import { type Budget, dayOf, daysOf, readRule } from "./recurrence.ts"

export interface Zones {
  /** A time the clocks skip is moved forward, one they show twice means the earlier (RFC 5545 section 3.3.5). */
  readonly toMs: (when: TimedWhen) => number
}

type Resolved = (date: string, time: string) => number

/** A calendar of somebody who travels names a dozen. What is beyond is read as the reader's own. */
const zonesMax = 64
const observancesMax = 64

/** `home` is the IANA zone of times that name none. Rules of the feed's own hold around the window of days. */
export const makeZones = (
  components: ReadonlyArray<Component>,
  home: string,
  window: { readonly fromDay: number; readonly toDay: number },
  budget: Budget,
): Zones => {
  const described = new Map<string, Component>()
  for (const one of components) {
    const tzid = textOf(one.properties, "tzid")
    if (one.kind === "vtimezone" && tzid !== undefined) described.set(tzid, one)
  }
  const known = new Map<string | null, Resolved>([[null, inZone(home)]])
  const resolve = (name: string): Resolved => {
    const iana = ianaOf(name) ?? ianaOf(textsOf(described.get(name), "x-lic-location"))
    if (iana !== undefined) return inZone(iana)
    const rules = described.get(name)
    return (rules === undefined ? undefined : byRules(rules, window, budget)) ?? inZone(home)
  }
  return {
    toMs: ({ date, time, zone }) => {
      const before = known.get(zone)
      if (before !== undefined) return before(date, time)
      const resolved = zone === null || known.size > zonesMax ? inZone(home) : resolve(zone)
      if (known.size <= zonesMax) known.set(zone, resolved)
      return resolved(date, time)
    },
  }
}

/** `Intl` takes some 20 µs for each, and the events of a calendar share few days and times. */
const inZone = (zone: string): Resolved => {
  const known = new Map<string, number>()
  return (date, time) => {
    const wall = date + time
    const before = known.get(wall)
    if (before !== undefined) return before
    const at = toEpochMs(date, time, zone)
    known.set(wall, at)
    return at
  }
}

const textsOf = (component: Component | undefined, name: string): string =>
  component === undefined ? "" : textOf(component.properties, name) ?? ""

/** Some put a path in front: `/freeassociation.sourceforge.net/Europe/Berlin`. */
export const ianaOf = (name: string): string | undefined => {
  const trimmed = name.trim()
  if (!/^[A-Za-z/][A-Za-z0-9._+/-]{1,100}$/.test(trimmed)) return undefined
  const parts = trimmed.split("/").filter((part) => part !== "")
  const candidates = trimmed.startsWith("/") ? [parts.slice(-3), parts.slice(-2)] : [parts]
  return candidates.map((some) => some.join("/")).find((one) => one !== "" && isTimeZone(one))
}

interface Onset {
  /** Wall clock before the change, in milliseconds as if it were UTC. */
  readonly wallMs: number
  readonly fromMs: number
  readonly toMs: number
}

const byRules = (
  zone: Component,
  window: { readonly fromDay: number; readonly toDay: number },
  budget: Budget,
): Resolved | undefined => {
  const onsets = zone.children.slice(0, observancesMax).flatMap((one) => onsetsOf(one, window, budget))
    .sort((one, other) => one.wallMs - other.wallMs)
  const first = onsets[0]
  if (zone.isBroken || first === undefined) return undefined
  return (date, time) => {
    const wall = Date.parse(`${date}T${time}Z`)
    const at = onsets.findLast(({ wallMs }) => wallMs <= wall)
    if (at === undefined) return wall - first.fromMs
    const isSkipped = wall < at.wallMs + (at.toMs - at.fromMs)
    return wall - (isSkipped ? at.fromMs : at.toMs)
  }
}

/** One before the window is enough: rules of zones are yearly. */
const yearDays = 370

const onsetsOf = (
  observance: Component,
  window: { readonly fromDay: number; readonly toDay: number },
  budget: Budget,
): ReadonlyArray<Onset> => {
  const { properties } = observance
  const start = whensOf(properties, "dtstart")[0]
  const fromMs = offsetMs(properties.get("tzoffsetfrom")?.[0]?.values[0])
  const toMs = offsetMs(properties.get("tzoffsetto")?.[0]?.values[0])
  if (observance.isBroken || start === undefined || !isTimed(start) || fromMs === undefined || toMs === undefined) {
    return []
  }
  const timeMs = Date.parse(`1970-01-01T${start.time}Z`)
  const onset = (day: number, ofDayMs = timeMs): Onset => ({ wallMs: day * 86_400_000 + ofDayMs, fromMs, toMs })
  const extra = whensOf(properties, "rdate").flatMap((when) =>
    when === undefined || !isTimed(when) ? [] : [onset(dayOf(when.date), Date.parse(`1970-01-01T${when.time}Z`))]
  )
  const wire = properties.get("rrule")?.[0]?.values[0]
  const rule = wire === undefined ? undefined : readRule(wire, start.time)
  const firstDay = dayOf(start.date)
  if (rule === undefined) return [onset(firstDay), ...extra]
  const days = daysOf(rule, firstDay, window.fromDay - yearDays, window.toDay, budget) ?? []
  const untilMs = rule.until === null
    ? Infinity
    : Date.parse(`${rule.until.date}T${rule.until.time ?? "23:59:59"}Z`) + (rule.until.zone === "UTC" ? 0 : fromMs)
  return [...days.map((day) => onset(day)).filter(({ wallMs }) => wallMs - fromMs <= untilMs), ...extra]
}

const offsetMs = (value: unknown): number | undefined => {
  const [, sign, hours, minutes, seconds = "00"] = typeof value === "string"
    ? /^([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/.exec(value) ?? []
    : []
  if (hours === undefined || minutes === undefined || Number(hours) > 23) return undefined
  return (sign === "-" ? -1 : 1) * ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}
