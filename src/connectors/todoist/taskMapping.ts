/**
 * Todoist's item to our task. Pure, and total: what cannot be understood is `undefined`, never an exception.
 *
 * Keys that decide whether and when a task is to be done must be there and make sense, or the item is not read at all:
 * guessing that a task is open is worse than not showing it. Keys that only describe it may be missing.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Sync/Tasks (object), /#tag/Due-dates (the three shapes of a due date)
 */
import { Option, Schema } from "effect"
import { isLocalDate, isLocalTime, isTimeZone, toEpochMs, toLocal } from "../../../schemas/localTime.ts"
import type { Task, TaskDue } from "../../../schemas/Task.ts"
import type { TaskObservation } from "../Connector.ts"
import type { Cursor } from "./cursor.ts"

/** The most a tip or a prompt could use of them. Todoist itself allows 500 (2,000 have been seen) and 16,384. */
const titleMaxChars = 2_000
const descriptionMaxChars = 4_000
/** An account may hold 500 labels; an item with more than this is no one's. */
const labelsMax = 100
const labelMaxChars = 128
/** Ten years: keeps minutes within 32 bits. */
const durationDaysMax = 3_650

/** Opaque to us, but it goes into addresses and rows, so white space and control characters make it unreadable. */
const Id = Schema.String.check(Schema.isPattern(/^[!-~]{1,128}$/))

const dueShape = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?(Z)?)?$/

/** The bounds leave room for any zone's offset at both ends of the calendar `localTime` knows. */
const isDueDate = (text: string): boolean => {
  const [, date, time] = dueShape.exec(text) ?? []
  return date !== undefined && isLocalDate(date) && date > "1900" && date < "9000" &&
    (time === undefined || isLocalTime(time))
}

const Duration = Schema.Union([
  Schema.Struct({
    unit: Schema.Literal("minute"),
    amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: durationDaysMax * 1_440 })),
  }),
  Schema.Struct({
    unit: Schema.Literal("day"),
    amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: durationDaysMax })),
  }),
])

const Item = Schema.Struct({
  id: Id,
  project_id: Schema.NullOr(Id),
  content: Schema.String,
  priority: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  checked: Schema.Boolean,
  is_deleted: Schema.Boolean,
  due: Schema.NullOr(Schema.Struct({
    date: Schema.String.check(Schema.makeFilter(isDueDate)),
    timezone: Schema.optionalKey(Schema.NullOr(Schema.String)),
    is_recurring: Schema.Boolean,
  })),
  parent_id: Schema.optionalKey(Schema.NullOr(Id)),
  responsible_uid: Schema.optionalKey(Schema.NullOr(Schema.String)),
  description: Schema.optionalKey(Schema.NullOr(Schema.String)),
  labels: Schema.optionalKey(Schema.Array(Schema.String)),
  duration: Schema.optionalKey(Schema.NullOr(Duration)),
  added_at: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
export type Item = typeof Item.Type

/** Enough of an item that ended: one that stayed because the rest makes no sense would be proposed for ever. */
const Ended = Schema.Union([
  Schema.Struct({ id: Id, is_deleted: Schema.Literal(true) }),
  Schema.Struct({ id: Id, checked: Schema.Literal(true) }),
])

const decode = Schema.decodeUnknownOption(Item)
const decodeEnded = Schema.decodeUnknownOption(Ended)
const decodeId = Schema.decodeUnknownOption(Schema.Struct({ id: Id }))

/** `undefined` for an item to be quarantined. Of one of which only can be read that it ended, the rest is blank. */
export const decodeItem = (wire: unknown): Item | undefined => {
  const item = Option.getOrUndefined(decode(wire))
  if (item !== undefined) return item
  const ended = Option.getOrUndefined(decodeEnded(wire))
  return ended === undefined
    ? undefined
    : { project_id: null, content: "", priority: 1, checked: false, is_deleted: false, due: null, ...ended }
}

/** Of an item to be quarantined; null when not even that can be read. */
export const itemId = (wire: unknown): string | null => Option.getOrNull(decodeId(wire))?.id ?? null

/** What a database or a proto string refuses (NUL, half a surrogate pair) is taken out; the rest is kept as written. */
const clean = (text: string, maxChars: number): string =>
  text.slice(0, maxChars).replaceAll("\u0000", "").toWellFormed().replace(/\ufffd$/, "")

const toDue = (due: NonNullable<Item["due"]>, userZone: string | null): TaskDue => {
  // The schema let nothing else pass, so the date is always there.
  const [, date = "", time, isFixed] = dueShape.exec(due.date) ?? []
  const isRecurring = due.is_recurring
  if (time === undefined) return { date, atMs: null, isRecurring }
  // Without a zone of the user's, floating times are read as UTC: hours off, but the right day for most.
  if (isFixed === undefined) return { date, atMs: toEpochMs(date, time, userZone ?? "UTC"), isRecurring }
  const atMs = toEpochMs(date, time, "UTC")
  const dueZone = typeof due.timezone === "string" && isTimeZone(due.timezone) ? due.timezone : "UTC"
  return { date: toLocal(atMs, userZone ?? dueZone).date, atMs, isRecurring }
}

const toDurationMinutes = (duration: Item["duration"]): number | null => {
  if (duration === null || duration === undefined) return null
  return duration.unit === "day" ? duration.amount * 1_440 : duration.amount
}

const toInstantMs = (text: string | null | undefined): number | null => {
  const at = typeof text === "string" && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(text)
    ? Date.parse(text)
    : NaN
  return Number.isNaN(at) ? null : at
}

const toTask = (item: Item, account: Account): Task => ({
  taskId: item.id,
  title: clean(item.content, titleMaxChars),
  description: clean(item.description ?? "", descriptionMaxChars),
  projectName: item.project_id === null ? null : account.projects.get(item.project_id)?.name ?? null,
  parentId: item.parent_id ?? null,
  labels: (item.labels ?? []).slice(0, labelsMax).map((label) => clean(label, labelMaxChars)),
  priority: item.priority,
  due: item.due === null ? null : toDue(item.due, account.timeZone),
  durationMinutes: toDurationMinutes(item.duration),
  addedAtMs: toInstantMs(item.added_at),
  deepLink: `https://app.todoist.com/app/task/${encodeURIComponent(item.id)}`,
})

/** What an item cannot be read without. */
export type Account = Pick<Cursor, "projects" | "timeZone" | "userId">

/**
 * A task in an archived project is withdrawn, though Todoist does not mark it; so is one that a shared project assigns
 * to somebody else. A completed recurring task shows as open with a later due date: that is for the caller to notice.
 */
export const observe = (item: Item, account: Account): TaskObservation => {
  const task = toTask(item, account)
  if (item.is_deleted) return { task, state: "deleted" }
  if (item.checked) return { task, state: "completed" }
  const isArchived = item.project_id !== null && account.projects.get(item.project_id)?.isArchived === true
  const isSomeoneElses = typeof item.responsible_uid === "string" && account.userId !== null &&
    item.responsible_uid !== account.userId
  return { task, state: isArchived || isSomeoneElses ? "withdrawn" : "open" }
}
