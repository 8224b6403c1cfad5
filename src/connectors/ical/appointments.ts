/**
 * The events of a feed within a window of days: rules followed, exceptions applied, each occurrence once. Pure.
 */
import { createHash } from "node:crypto"
import { type Component, uidOf } from "./feedText.ts"
import { isTimed, type Properties, textOf, type When, whensOf } from "./properties.ts"
import { type Budget, dateOf, dayOf, daysOf, readRule, type Rule } from "./recurrence.ts"
import type { Zones } from "./zones.ts"

export interface Appointment {
  readonly uid: string
  /** Tells the occurrences of one series apart; empty for what happens once. */
  readonly key: string
  readonly start: When
  /** Of a whole day: its first instant for the reader. */
  readonly startMs: number
  readonly endMs: number
  /** Where its words stand. */
  readonly properties: Properties
}

export interface Window {
  /** UTC days, with one to spare on either side. */
  readonly fromDay: number
  readonly toDay: number
}

export interface Appointments {
  readonly found: ReadonlyArray<Appointment>
  /** Their ids, where known. */
  readonly quarantined: ReadonlyArray<string | null>
}

/** What began before the window may still go on in it: a festival, a holiday. Longer than this is no appointment. */
const daysLongMax = 31
const dayMs = 86_400_000

/** A series in the window costs the budget this much for each occurrence, as against a day looked at. */
const occurrenceCost = 5
const seriesAtOnce = 100

/** Stable as long as the event is the same, wherever it is moved. */
export const taskIdOf = (uid: string, key: string): string =>
  createHash("sha256").update(`${uid}\n${key}`).digest("hex").slice(0, 32)

/** Stops now and then, as `readFeedText` does. */
export function* appointmentsOf(
  components: ReadonlyArray<Component>,
  zones: Zones,
  window: Window,
  budget: Budget,
): Generator<void, Appointments> {
  let handled = 0
  const found: Array<Appointment> = []
  const quarantined: Array<string | null> = []
  for (const [uid, events] of byUid(components)) {
    handled += 1
    if (handled % seriesAtOnce === 0) yield
    // Without a uid a component is nobody's, and two of them are not one event.
    const sets = uid === "" ? events.map((one) => [one]) : [events]
    for (const set of sets) {
      const sound = set.filter((one) => uid !== "" && isSound(one))
      quarantined.push(
        ...set.filter((one) => !sound.includes(one)).map((one) => uid === "" ? null : idOfBroken(uid, one)),
      )
      const series = seriesOf(uid, sound, zones, window, budget)
      if (series === undefined) quarantined.push(null)
      else found.push(...series)
    }
  }
  return { found, quarantined }
}

const byUid = (components: ReadonlyArray<Component>): ReadonlyMap<string, ReadonlyArray<Component>> => {
  const groups = new Map<string, Array<Component>>()
  for (const one of components) {
    if (one.kind !== "vevent") continue
    const uid = uidOf(one) ?? ""
    const group = groups.get(uid)
    if (group === undefined) groups.set(uid, [one])
    else group.push(one)
  }
  return groups
}

const isSound = ({ isBroken, properties }: Component): boolean =>
  !isBroken && ["dtstart", "dtend", "recurrence-id", "exdate", "rdate"].every((name) =>
    whensOf(properties, name).every((when) =>
      when !== undefined
    )
  ) && whensOf(properties, "dtstart").length > 0

const idOfBroken = (uid: string, { properties }: Component): string | null =>
  properties.has("rrule") || properties.has("rdate") || properties.has("recurrence-id") ? null : taskIdOf(uid, "")

const sequenceOf = (one: Component): number => Number(textOf(one.properties, "sequence") ?? 0)

const isCancelled = ({ properties }: Component): boolean =>
  textOf(properties, "status")?.trim().toUpperCase() === "CANCELLED"

/** Undefined when the rule is none we follow, or costs too much. */
const seriesOf = (
  uid: string,
  events: ReadonlyArray<Component>,
  zones: Zones,
  window: Window,
  budget: Budget,
): ReadonlyArray<Appointment> | undefined => {
  const keyOf = (when: When) => isTimed(when) ? `t${zones.toMs(when)}` : `d${when.date}`
  let master: Component | undefined
  const overrides = new Map<string, Component>()
  for (const one of events) {
    const id = whensOf(one.properties, "recurrence-id")[0]
    const before = id === undefined ? master : overrides.get(keyOf(id))
    // Some feeds repeat an event for each change; the highest sequence is the last, and a later one wins a tie.
    if (before !== undefined && sequenceOf(before) > sequenceOf(one)) continue
    if (id === undefined) master = one
    else overrides.set(keyOf(id), one)
  }
  const changed = Array.from(overrides).filter(([, one]) => !isCancelled(one)).flatMap(([key, one]) =>
    appointmentOf({ uid, key }, one, startOf(one), zones, window) ?? []
  )
  if (master === undefined || isCancelled(master)) return changed
  const start = startOf(master)
  if (!master.properties.has("rrule") && !master.properties.has("rdate")) {
    const only = appointmentOf({ uid, key: "" }, master, start, zones, window)
    return only === undefined ? changed : [only, ...changed]
  }
  const starts = startsOf(master, start, zones, window, budget)
  if (starts === undefined) return undefined
  budget.left -= starts.size * occurrenceCost
  const regular = Array.from(starts).filter(([key]) => !overrides.has(key)).flatMap(([key, when]) =>
    appointmentOf({ uid, key }, master, when, zones, window) ?? []
  )
  return [...regular, ...changed]
}

const startOf = ({ properties }: Component): When => whensOf(properties, "dtstart")[0]!

/** All starts of the series in the window, by their key, without those taken out. */
const startsOf = (
  { properties }: Component,
  start: When,
  zones: Zones,
  window: Window,
  budget: Budget,
): ReadonlyMap<string, When> | undefined => {
  // What began before the window goes on in it for as long as it is.
  const daysLong = Math.min(Math.ceil(lengthMs(properties, zones) / dayMs), daysLongMax)
  const [fromDay, toDay, startDay] = [window.fromDay - daysLong, window.toDay, dayOf(start.date)]
  const isNear = ({ date }: When) => dayOf(date) >= fromDay && dayOf(date) < toDay
  const starts = new Map<string, When>()
  const add = (when: When) => starts.set(isTimed(when) ? `t${zones.toMs(when)}` : `d${when.date}`, when)
  for (const { values } of properties.get("rrule") ?? []) {
    const rule = readRule(values[0], start.time)
    const days = rule === undefined ? undefined : daysOf(rule, startDay, fromDay, toDay, budget)
    if (rule === undefined || days === undefined) return undefined
    for (const day of days) {
      const when = { ...start, date: dateOf(day) }
      if (isWithin(rule, when, zones)) add(when)
    }
  }
  if (isNear(start)) add(start)
  for (const when of whensOf(properties, "rdate")) {
    if (when !== undefined && isNear(when)) add(start.time === null ? { ...when, time: null } : when)
  }
  const out = whensOf(properties, "exdate").filter((when) => when !== undefined).filter(isNear)
  const daysOut = new Set(out.filter((when) => !isTimed(when)).map(({ date }) => date))
  const keysOut = new Set(out.map((when) => isTimed(when) ? `t${zones.toMs(when)}` : ""))
  for (const [key, when] of starts) if (keysOut.has(key) || daysOut.has(when.date)) starts.delete(key)
  return starts
}

const isWithin = ({ until }: Rule, when: When, zones: Zones): boolean => {
  if (until === null) return true
  if (!isTimed(until) || !isTimed(when)) return when.date <= until.date
  // Some write it without the Z: then it is of the same wall clock.
  return until.zone === "UTC"
    ? zones.toMs(when) <= zones.toMs(until)
    : `${when.date}T${when.time}` <= `${until.date}T${until.time}`
}

const appointmentOf = (
  id: Pick<Appointment, "uid" | "key">,
  { properties }: Component,
  start: When,
  zones: Zones,
  window: Window,
): Appointment | undefined => {
  const day = dayOf(start.date)
  if (day < window.fromDay - daysLongMax || day >= window.toDay) return undefined
  const startMs = zones.toMs({ time: "00:00:00", zone: null, date: start.date, ...(isTimed(start) ? start : {}) })
  const endMs = startMs + Math.min(lengthMs(properties, zones), daysLongMax * dayMs)
  return { ...id, start, startMs, endMs, properties }
}

/** From the first start to its end, as long for each occurrence. A whole day without an end is one day. */
const lengthMs = (properties: Properties, zones: Zones): number => {
  const start = whensOf(properties, "dtstart")[0]!
  const end = whensOf(properties, "dtend")[0]
  if (end !== undefined) {
    const isSameClock = end.zone === start.zone || !isTimed(start) || !isTimed(end)
    return Math.max(0, isSameClock ? wallMs(end) - wallMs(start) : zones.toMs(end) - zones.toMs(start))
  }
  const duration = durationMs(textOf(properties, "duration"))
  return duration ?? (isTimed(start) ? 0 : dayMs)
}

const wallMs = ({ date, time }: When): number => Date.parse(`${date}T${time ?? "00:00:00"}Z`)

/** RFC 5545 section 3.3.6. One that runs backwards is none. */
const durationMs = (text: string | undefined): number | undefined => {
  const parts = /^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$/.exec(
    text ?? "",
  )
  if (parts === null) return undefined
  const [weeks, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0))
  return ((((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000
}
