/** Decisions of the `item_*` commands. */
import { type Account, type Change, descendantsOf, itemOf, projectOf, sectionOf } from "./account.ts"
import {
  argumentMissing,
  invalidArgument,
  isApiError,
  itemNotFound,
  projectNotFound,
  sectionNotFound,
} from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { type Context, flag, given, type Handler, requiredText } from "./command.ts"
import { nextOccurrence, parseDue } from "./due.ts"
import { readFields } from "./itemFields.ts"
import { newItem } from "./newItem.ts"
import type { Item } from "./wire.ts"

const written = (value: Item): Change => ({ table: "items", value })

const updated = (item: Item, fields: Partial<Item>, { nowMs }: Context): Item => ({
  ...item,
  ...fields,
  updated_at: wireTime(nowMs),
})

const lastChildOrder = (account: Account, projectId: string, parentId: string | null): number => {
  let last = 0
  for (const { value } of account.items.values()) {
    if (value.project_id === projectId && value.parent_id === parentId && !value.is_deleted) {
      last = Math.max(last, value.child_order)
    }
  }
  return last
}

const add: Handler = (account, args, context) => {
  const content = requiredText(args, "content")
  if (isApiError(content)) return content
  const fields = readFields(args, context)
  if (isApiError(fields)) return fields
  const parent = given(args, "parent_id") === null ? null : itemOf(account, args["parent_id"])
  if (parent === undefined) return itemNotFound()
  const section = given(args, "section_id") === null ? null : sectionOf(account, args["section_id"])
  if (section === undefined) return sectionNotFound()
  const projectId = parent?.project_id ?? section?.project_id ?? args["project_id"] ?? account.inboxProjectId
  const project = projectOf(account, projectId)
  if (project === undefined) return projectNotFound()
  const id = context.newId()
  const item = newItem({
    id,
    user_id: account.userId,
    project_id: project.id,
    section_id: section?.id ?? null,
    parent_id: parent?.id ?? null,
    added_by_uid: context.actorId,
    content,
    child_order: lastChildOrder(account, project.id, parent?.id ?? null) + 1,
    ...fields,
    ...assignedBy(fields, context),
  }, wireTime(context.nowMs))
  return { changes: [written(item)], subject: id, created: true }
}

const update: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  const fields = readFields(args, context)
  if (isApiError(fields)) return fields
  const changed = { ...fields, ...assignedBy(fields, context) }
  return { changes: [written(updated(item, changed, context))], subject: item.id }
}

/** Who gave the task to somebody, when this command does. */
const assignedBy = ({ responsible_uid: to }: Partial<Item>, { actorId }: Context): Partial<Item> =>
  to === undefined ? {} : { assigned_by_uid: to === null ? null : actorId }

const move: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  const section = given(args, "section_id") === null ? null : sectionOf(account, args["section_id"])
  if (section === undefined) return sectionNotFound()
  const below = descendantsOf(account, item.id)
  const parent = given(args, "parent_id") === null ? null : itemOf(account, args["parent_id"])
  if (parent === undefined) return itemNotFound()
  if (parent !== null && (parent.id === item.id || below.some(({ id }) => id === parent.id))) {
    return invalidArgument("parent_id", "a task that is not below the moved one")
  }
  const projectId = parent?.project_id ?? section?.project_id ?? args["project_id"]
  if (projectId === undefined) return argumentMissing("project_id")
  const project = projectOf(account, projectId)
  if (project === undefined) return projectNotFound()
  const place = {
    project_id: project.id,
    section_id: parent?.section_id ?? section?.id ?? null,
    parent_id: parent?.id ?? null,
    child_order: lastChildOrder(account, project.id, parent?.id ?? null) + 1,
  }
  return {
    changes: [
      written(updated(item, place, context)),
      ...below.map((child) =>
        written(updated(child, { project_id: project.id, section_id: place.section_id }, context))
      ),
    ],
    subject: item.id,
  }
}

/** Finishes the item and everything open below it. */
const finished = (account: Account, item: Item, completedAtMs: number, context: Context): Array<Change> =>
  [item, ...descendantsOf(account, item.id)]
    .filter(({ checked }) => !checked)
    .map((one) =>
      written(updated(one, {
        checked: true,
        completed_at: wireTime(completedAtMs),
        completed_count: one.completed_count + 1,
      }, context))
    )

/**
 * A second close of a finished task changes nothing and says `ok` or an error, as switched;
 * of a recurring one it skips another occurrence.
 */
const close: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  if (item.checked && context.switches.secondClose === "error") return itemNotFound()
  const due = item.checked || item.due === null ? null : nextOccurrence(item.due, context)
  if (due !== null) return advanced(item, { due }, context)
  const changes = finished(account, item, context.nowMs, context)
  return { changes, subject: item.id, completions: changes.length }
}

const advanced = (item: Item, fields: Partial<Item>, context: Context) => ({
  changes: [written(updated(item, {
    ...fields,
    checked: false,
    completed_at: null,
    completed_count: item.completed_count + 1,
  }, context))],
  subject: item.id,
  completions: 1,
})

const complete: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  const at = given(args, "completed_at") ?? given(args, "date_completed")
  const atMs = at === null ? context.nowMs : typeof at === "string" ? Date.parse(at) : Number.NaN
  if (Number.isNaN(atMs)) return invalidArgument("completed_at", "an RFC 3339 instant")
  const changes = finished(account, item, atMs, context)
  return { changes, subject: item.id, completions: changes.length }
}

const updateDateComplete: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  const due = args["due"] === undefined ? item.due && nextOccurrence(item.due, context) : parseDue(args["due"], context)
  if (due === undefined || due === null) return invalidArgument("due", "the next date of a recurring task")
  const kept = item.due?.is_recurring === true && !due.is_recurring
    ? { ...due, string: item.due.string, is_recurring: true }
    : due
  // Moving the date back is an undo, so it counts nothing.
  const decision = flag(args["is_forward"], true)
    ? advanced(item, { due: kept }, context)
    : { changes: [written(updated(item, { due: kept }, context))], subject: item.id }
  if (!flag(args["reset_subtasks"], false)) return decision
  const reset = descendantsOf(account, item.id).filter(({ checked }) => checked)
    .map((child) => written(updated(child, { checked: false, completed_at: null }, context)))
  return { ...decision, changes: [...decision.changes, ...reset] }
}

/** Reopens the item and every finished task above it. */
const uncomplete: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  const changes: Array<Change> = []
  for (let at: Item | undefined = item; at !== undefined; at = itemOf(account, at.parent_id)) {
    if (at.checked) changes.push(written(updated(at, { checked: false, completed_at: null }, context)))
  }
  return { changes, subject: item.id }
}

const remove: Handler = (account, args, context) => {
  const item = itemOf(account, args["id"])
  if (item === undefined) return itemNotFound()
  return {
    changes: [item, ...descendantsOf(account, item.id)].map((one) =>
      written(updated(one, { is_deleted: true }, context))
    ),
    subject: item.id,
  }
}

export const itemHandlers: ReadonlyArray<readonly [type: string, handler: Handler]> = [
  ["item_add", add],
  ["item_update", update],
  ["item_move", move],
  ["item_close", close],
  ["item_complete", complete],
  ["item_update_date_complete", updateDateComplete],
  ["item_uncomplete", uncomplete],
  ["item_delete", remove],
]
