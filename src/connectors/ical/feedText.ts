/**
 * The text of a feed, taken apart. Pure and total.
 *
 * ical.js reads a whole calendar or nothing: one line it does not understand loses all events. So the components are
 * found here, and it reads them line by line; one that is broken is marked and the others stand. Lines nobody asks for
 * (attendees, alarms, descriptions, attachments: other people's data, mostly) are never parsed at all.
 *
 * @see RFC 5545 sections 3.1 (folding) and 3.4 to 3.6 (components)
 */
import { parseProperty, type Properties, type Property, textOf } from "./properties.ts"

export interface Component {
  readonly kind: "vevent" | "vtodo" | "vtimezone" | "observance"
  readonly properties: Properties
  /** Of a time zone: its observances. */
  readonly children: ReadonlyArray<Component>
  /** A line that decides was not understood, or its end is missing. */
  readonly isBroken: boolean
}

export type FeedText =
  | {
    readonly _tag: "Feed"
    readonly properties: Properties
    readonly components: ReadonlyArray<Component>
  }
  /** It begins as a calendar and does not end as one. */
  | { readonly _tag: "CutOff" }
  | { readonly _tag: "TooLarge" }
  | { readonly _tag: "NoCalendar" }

const kinds: Readonly<Record<string, Component["kind"] | undefined>> = {
  VEVENT: "vevent",
  VTODO: "vtodo",
  VTIMEZONE: "vtimezone",
  STANDARD: "observance",
  DAYLIGHT: "observance",
}

/** What decides whether, when or which: a component without sense in one of these is not read. */
const deciding = new Set(
  ("UID DTSTART DTEND DUE DURATION RRULE RDATE EXDATE RECURRENCE-ID STATUS COMPLETED TZID TZOFFSETFROM TZOFFSETTO")
    .split(" "),
)
const describing = new Set(
  "SUMMARY URL PRIORITY CATEGORIES CREATED SEQUENCE PERCENT-COMPLETE X-LIC-LOCATION X-WR-TIMEZONE".split(" "),
)

/** Ten a day for five years. A feed beyond is an archive, or made to keep us busy. */
const componentsMax = 20_000

/** Some milliseconds' work. */
const linesAtOnce = 500

/** A rule with a thousand exceptions has 17,000 characters; a line beyond this is no calendar's. */
const lineMaxChars = 65_536

/** Of the lines that are read of one component: a series with ten thousand exceptions. */
const componentMaxChars = 4 * lineMaxChars

const [lf, cr, space, tab] = [10, 13, 32, 9]

/**
 * Joins folded lines. On bytes, because a fold may stand inside a character: Google and others count octets.
 */
export const unfold = (bytes: Uint8Array): string => {
  const out = new Uint8Array(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const isCrLf = bytes[at] === cr && bytes[at + 1] === lf
    const next = bytes[at + (isCrLf ? 2 : 1)]
    if ((isCrLf || bytes[at] === lf || bytes[at] === cr) && (next === space || next === tab)) {
      at += isCrLf ? 2 : 1
      continue
    }
    out[length] = bytes[at]!
    length += 1
  }
  return new TextDecoder().decode(out.subarray(0, length))
}

interface Open {
  readonly kind: Component["kind"]
  readonly properties: Map<string, Array<Property>>
  readonly children: Array<Component>
  isBroken: boolean
  chars: number
}

const open = (kind: Component["kind"]): Open => ({
  kind,
  properties: new Map(),
  children: [],
  isBroken: false,
  chars: 0,
})

const nameOf = (line: string): string => {
  const colon = line.indexOf(":")
  const semicolon = line.indexOf(";")
  const end = semicolon !== -1 && (colon === -1 || semicolon < colon) ? semicolon : colon
  return end === -1 ? "" : line.slice(0, end).toUpperCase()
}

const take = (into: Open, name: string, line: string): void => {
  const decides = deciding.has(name)
  if (!decides && !describing.has(name)) return
  into.chars += line.length
  const isTooLong = line.length > lineMaxChars || into.chars > componentMaxChars
  const property = isTooLong ? undefined : parseProperty(line)
  if (property === undefined) {
    into.isBroken ||= decides
    return
  }
  const key = name.toLowerCase()
  const before = into.properties.get(key)
  if (before === undefined) into.properties.set(key, [property])
  else before.push(property)
}

/** Stops now and then, so that whoever runs it can let others have a turn. */
export function* readFeedText(text: string): Generator<void, FeedText> {
  const calendar = open("vevent")
  const reader = new Reader(calendar)
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    reader.line(line)
    if (calendar.children.length > componentsMax) return { _tag: "TooLarge" }
    if (index % linesAtOnce === linesAtOnce - 1) yield
  }
  if (!reader.hasBegun) return { _tag: "NoCalendar" }
  if (!reader.hasEnded) return { _tag: "CutOff" }
  return { _tag: "Feed", properties: calendar.properties, components: calendar.children }
}

/** Where in the nesting the next line stands. Several calendars after each other count as one (RFC 5545 3.4). */
class Reader {
  hasBegun = false
  hasEnded = false
  readonly #calendar: Open
  #component: Open | undefined
  #observance: Open | undefined
  /** Names of what is open and not read: alarms, and components nobody asks for. */
  #skipped: Array<string> = []

  constructor(calendar: Open) {
    this.#calendar = calendar
  }

  line(line: string): void {
    const name = nameOf(line)
    if (name === "BEGIN") this.#begin(line.slice(6).trim().toUpperCase())
    else if (name === "END") this.#end(line.slice(4).trim().toUpperCase())
    else if (this.hasBegun && !this.hasEnded && this.#skipped.length === 0) {
      take(this.#observance ?? this.#component ?? this.#calendar, name, line)
    }
  }

  #begin(name: string): void {
    if (name === "VCALENDAR") {
      this.#close(true)
      this.hasBegun = true
      this.hasEnded = false
      return
    }
    if (!this.hasBegun || this.hasEnded) return
    const kind = kinds[name]
    if (kind === "observance" && this.#component?.kind === "vtimezone") {
      this.#closeObservance(true)
      this.#observance = open(kind)
    } else if (kind !== undefined && kind !== "observance") {
      // One inside another has no sense: the end of the first is missing.
      this.#close(true)
      this.#component = open(kind)
    } else this.#skipped.push(name)
  }

  #end(name: string): void {
    if (!this.hasBegun || this.hasEnded) return
    if (name === "VCALENDAR") {
      this.#close(true)
      this.hasEnded = true
      return
    }
    const kind = kinds[name]
    const skippedAt = this.#skipped.lastIndexOf(name)
    if (skippedAt !== -1) this.#skipped.length = skippedAt
    else if (kind === "observance") this.#closeObservance(false)
    else if (kind !== undefined && kind === this.#component?.kind) this.#close(this.#skipped.length > 0)
  }

  #closeObservance(isBroken: boolean): void {
    if (this.#observance !== undefined) this.#component?.children.push(closed(this.#observance, isBroken))
    this.#observance = undefined
  }

  #close(isBroken: boolean): void {
    this.#closeObservance(true)
    if (this.#component !== undefined) this.#calendar.children.push(closed(this.#component, isBroken))
    this.#component = undefined
    this.#skipped = []
  }
}

const closed = ({ children, kind, properties, ...one }: Open, isBroken: boolean): Component => ({
  kind,
  properties,
  children,
  isBroken: one.isBroken || isBroken,
})

export const uidOf = ({ properties }: Component): string | undefined => {
  const uid = textOf(properties, "uid")?.trim()
  return uid === undefined || uid === "" ? undefined : uid
}
