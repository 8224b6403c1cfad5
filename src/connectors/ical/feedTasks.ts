/**
 * What a feed says there is to do: its events of the coming days and its to-dos, as our tasks. Pure and total.
 *
 * An event is open until it has ended; then, and once it is cancelled, the snapshot does not hold it any more. Of an
 * event only title, time, address and categories are read: descriptions and attendees are other people's data.
 */
import { isTimeZone, toEpochMs, toLocal } from "../../../schemas/localTime.ts"
import type { Task } from "../../../schemas/Task.ts"
import type { TaskObservation } from "../Connector.ts"
import { type Appointment, appointmentsOf, taskIdOf } from "./appointments.ts"
import { type Component, readFeedText, uidOf, unfold } from "./feedText.ts"
import { isTimed, type Properties, textOf, whensOf } from "./properties.ts"
import { type Budget, dateOf, dayOf } from "./recurrence.ts"
import { ianaOf, makeZones, type Zones } from "./zones.ts"

export interface FeedReading {
  readonly _tag: "Read"
  readonly tasks: ReadonlyArray<TaskObservation>
  readonly quarantined: ReadonlyArray<string | null>
  /** IANA; null when the feed does not say. */
  readonly timeZone: string | null
  /** When the tasks change by the passing of time alone: an event ends, or another day comes into sight. */
  readonly staleAtMs: number
}

export type FeedOutcome =
  | FeedReading
  | { readonly _tag: "NoCalendar" | "CutOff" | "TooLarge" }
  /** Most of it makes no sense: the format changed. Taken at its word, all tasks would be gone. */
  | { readonly _tag: "Unreadable" }

/** Days ahead of today that events are proposed for. */
const horizonDays = 14
/** Of each kind, the earliest first: more than a person does in two weeks. */
const tasksMax = 500
/** Below this many, one or two broken components are a majority. */
const unreadableMin = 10
/** Some 200 ms at worst, for a feed made to be slow; an ordinary one uses a thousandth. */
const budgetDays = 1_000_000

const dayMs = 86_400_000

/** A large feed takes a second: it stops every few milliseconds, so that whoever runs it can let others have a turn. */
export function* readFeed(bytes: Uint8Array, nowMs: number): Generator<void, FeedOutcome> {
  const feed = yield* readFeedText(unfold(bytes))
  if (feed._tag !== "Feed") return feed
  const zoneName = ianaOf(textOf(feed.properties, "x-wr-timezone") ?? "")
  const timeZone = zoneName !== undefined && isTimeZone(zoneName) ? zoneName : null
  const home = timeZone ?? "UTC"
  const budget: Budget = { left: budgetDays }
  const today = dayOf(toLocal(nowMs, home).date)
  const window = { fromDay: today - 1, toDay: today + horizonDays + 2 }
  const zones = makeZones(feed.components, home, window, budget)
  const midnight = (day: number) => toEpochMs(dateOf(day), "00:00:00", home)
  const endOfSight = midnight(today + horizonDays + 1)

  const events = yield* appointmentsOf(feed.components, zones, window, budget)
  const coming = events.found.filter((one) =>
    isTitled(one.properties) && endOf(one) > nowMs && one.startMs < endOfSight
  )
    .sort((one, other) => one.startMs - other.startMs || (one.uid + one.key < other.uid + other.key ? -1 : 1)).slice(
      0,
      tasksMax,
    )
  const todos = todosOf(feed.components, zones, home, nowMs)
  const quarantined = [...events.quarantined, ...todos.quarantined]
  const components = feed.components.filter(({ kind }) => kind !== "vtimezone").length
  if (components >= unreadableMin && quarantined.length * 2 > components) return { _tag: "Unreadable" }
  return {
    _tag: "Read",
    tasks: [...coming.map((one) => observedEvent(one, timeZone, zones)), ...todos.observed],
    quarantined,
    timeZone,
    staleAtMs: Math.min(midnight(today + 1), ...coming.map(endOf)),
  }
}

/** Without an end it is over at once, and still it has to have been there. */
const endOf = ({ endMs, startMs }: Appointment): number => Math.max(endMs, startMs + 1)

/** There is nothing to propose in an event that says nothing, and calendars are full of those. */
const isTitled = (properties: Properties): boolean => (textOf(properties, "summary") ?? "").trim() !== ""

const observedEvent = (one: Appointment, timeZone: string | null, zones: Zones): TaskObservation => {
  const { endMs, properties, start, startMs } = one
  const minutes = Math.round((endMs - startMs) / 60_000)
  const date = !isTimed(start) || timeZone === null ? start.date : toLocal(startMs, timeZone).date
  return {
    state: "open",
    task: {
      ...wordsOf(properties, zones),
      taskId: taskIdOf(one.uid, one.key),
      priority: 1,
      due: { date, atMs: isTimed(start) ? startMs : null, isRecurring: false },
      durationMinutes: isTimed(start) && minutes > 0 ? minutes : null,
    },
  }
}

// --- To-dos ---

/** Old ones say nothing new; the caller has long been told. */
const completedDaysMax = 14

const todosOf = (components: ReadonlyArray<Component>, zones: Zones, home: string, nowMs: number) => {
  const observed = new Map<string, TaskObservation>()
  const quarantined: Array<string | null> = []
  for (const one of components) {
    if (one.kind !== "vtodo") continue
    const uid = uidOf(one)
    const [due] = whensOf(one.properties, "due")
    const hasBrokenDue = one.properties.has("due") && due === undefined
    // A changed occurrence of a recurring to-do would stand beside the to-do itself.
    if (one.properties.has("recurrence-id")) continue
    if (uid === undefined || one.isBroken || hasBrokenDue) {
      quarantined.push(uid === undefined ? null : taskIdOf(uid, ""))
      continue
    }
    const state = stateOf(one.properties, nowMs, zones)
    if (state === undefined) observed.delete(taskIdOf(uid, ""))
    else observed.set(taskIdOf(uid, ""), { state, task: todoTask(uid, one.properties, zones, home) })
  }
  const sorted = Array.from(observed.values()).sort((one, other) => dueKey(one) < dueKey(other) ? -1 : 1)
  return { observed: sorted.slice(0, tasksMax), quarantined }
}

/** Those without a day come last. */
const dueKey = ({ task }: TaskObservation): string => `${task.due?.date ?? "9999"}${task.due?.atMs ?? ""}${task.taskId}`

/** Undefined: of no interest any more. */
const stateOf = (properties: Properties, nowMs: number, zones: Zones): "open" | "completed" | undefined => {
  const status = textOf(properties, "status")?.trim().toUpperCase()
  if (status === "CANCELLED" || !isTitled(properties)) return undefined
  const isDone = status === "COMPLETED" || properties.has("completed") ||
    textOf(properties, "percent-complete")?.trim() === "100"
  if (!isDone) return "open"
  const [at] = whensOf(properties, "completed")
  const isRecent = at === undefined || !isTimed(at) || nowMs - zones.toMs(at) < completedDaysMax * dayMs
  return isRecent ? "completed" : undefined
}

const todoTask = (uid: string, properties: Properties, zones: Zones, home: string): Task => {
  const [due] = whensOf(properties, "due")
  const atMs = due !== undefined && isTimed(due) ? zones.toMs(due) : null
  return {
    ...wordsOf(properties, zones),
    taskId: taskIdOf(uid, ""),
    priority: priorityOf(textOf(properties, "priority")),
    due: due === undefined ? null : {
      date: atMs === null ? due.date : toLocal(atMs, home).date,
      atMs,
      isRecurring: properties.has("rrule"),
    },
    durationMinutes: null,
  }
}

/** RFC 5545 section 3.8.1.9: 1 to 4 are high, 5 is medium, 6 to 9 are low, 0 is none. Ours go the other way. */
const priorityOf = (text: string | undefined): number => {
  const priority = Number(text ?? 0)
  return priority >= 1 && priority <= 4 ? 4 : priority === 5 ? 3 : priority >= 6 && priority <= 9 ? 2 : 1
}

// --- Words ---

const titleMaxChars = 2_000
const labelsMax = 100
const labelMaxChars = 128
const linkMaxChars = 2_000

/** What a database or a proto string refuses (NUL, half a surrogate pair) is taken out; the rest is kept as written. */
const clean = (text: string, maxChars: number): string =>
  text.slice(0, maxChars).replaceAll("\u0000", "").toWellFormed().replace(/\ufffd$/, "")

const wordsOf = (
  properties: Properties,
  zones: Zones,
): Pick<Task, "title" | "description" | "projectName" | "parentId" | "labels" | "addedAtMs" | "deepLink"> => {
  const [created] = whensOf(properties, "created")
  const labels = (properties.get("categories") ?? []).flatMap(({ values }) => values)
  return {
    title: clean(textOf(properties, "summary") ?? "", titleMaxChars),
    description: "",
    projectName: null,
    parentId: null,
    labels: labels.filter((label) => typeof label === "string" && label !== "").slice(0, labelsMax)
      .map((label) => clean(String(label), labelMaxChars)),
    addedAtMs: created !== undefined && isTimed(created) ? zones.toMs(created) : null,
    deepLink: linkOf(textOf(properties, "url")?.trim() ?? ""),
  }
}

const linkOf = (text: string): string =>
  text.length <= linkMaxChars && /^https:\/\//i.test(text) && URL.canParse(text) ? new URL(text).href : ""
