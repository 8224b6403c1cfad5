/** The REST calls about tasks. */
import { isActive, itemOf, projectOf } from "../account.ts"
import type { ApiCall, Route } from "../api.ts"
import { invalidArgument, isApiError, projectNotFound, taskNotFound } from "../apiError.ts"
import type { Args } from "../command.ts"
import { json, noContent } from "../reply.ts"
import { shownItem } from "../sync.ts"
import type { Fields } from "../syncRequest.ts"
import type { Item } from "../wire.ts"
import { completedBy } from "./completed.ts"
import { paged } from "./paging.ts"
import { perform } from "./perform.ts"
import { reading, writing } from "./weight.ts"

const taskOf = ({ account, params: [id] }: ApiCall) => {
  if (id !== undefined && /^\d+$/.test(id)) return invalidArgument("task_id", "an id of API v1, not a number")
  return itemOf(account, id) ?? taskNotFound()
}

const shown = ({ world }: ApiCall, task: Item) => ({ reply: json(200, shownItem(task, world.switches)) })

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

/** REST says in flat fields what commands say in objects. */
const argsOf = (fields: Fields): Args => {
  const { due_string: string, due_lang: lang, due_date: day, due_datetime: instant, ...rest } = fields
  const { duration, duration_unit: unit, deadline_date: deadline, deadline_lang: deadlineLang, ...others } = rest
  const { order, assignee_id: assignee, ...args } = others
  const due = isGiven(string)
    ? { string, lang: lang ?? "en" }
    : isGiven(instant ?? day)
    ? { date: instant ?? day }
    : undefined
  return {
    ...args,
    ...(due === undefined ? {} : { due }),
    ...(isGiven(duration) ? { duration: { amount: duration, unit } } : duration === null ? { duration } : {}),
    ...(isGiven(deadline)
      ? { deadline: { date: deadline, lang: deadlineLang } }
      : deadline === null
      ? { deadline }
      : {}),
    ...(isGiven(order) ? { child_order: order } : {}),
    ...(assignee === undefined ? {} : { responsible_uid: assignee }),
  }
}

const add: Route["handle"] = (call) => {
  const decided = perform(call, "item_add", argsOf(call.fields))
  return isApiError(decided) ? decided : shown(call, itemOf(call.account, decided.subject)!)
}

/** The command on the task of the path, answered with the whole task. */
const changing = (type: string): Route["handle"] => (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = perform(call, type, { ...argsOf(call.fields), id: task.id })
  return isApiError(decided) ? decided : shown(call, itemOf(call.account, task.id)!)
}

/** The command on the task of the path, answered without a body. */
const doing = (type: string): Route["handle"] => (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = perform(call, type, { id: task.id })
  return isApiError(decided) ? decided : { reply: noContent() }
}

const getOne: Route["handle"] = (call) => {
  const task = taskOf(call)
  return isApiError(task) ? task : shown(call, task)
}

const getMany: Route["handle"] = ({ world, account, query }) => {
  const projectId = query.get("project_id")
  if (projectId !== null && projectOf(account, projectId) === undefined) return projectNotFound()
  const [parentId, sectionId, label] = [query.get("parent_id"), query.get("section_id"), query.get("label")]
  const ids = query.get("ids")?.split(",")
  const found = [...account.items.values()].map(({ value }) => value).filter((item) =>
    isActive(account, item) &&
    (projectId === null || item.project_id === projectId) &&
    (sectionId === null || item.section_id === sectionId) &&
    (parentId === null || item.parent_id === parentId) &&
    (label === null || item.labels.includes(label)) &&
    (ids === undefined || ids.includes(item.id))
  )
  return paged(found.map((item) => shownItem(item, world.switches)), query)
}

/** Ids that are words, such as `completed` or `quick`, are other endpoints. */
const one = (verb = "") => new RegExp(`^/api/v1/tasks/((?=.*[0-9A-Z])[0-9A-Za-z]{1,64})${verb}$`)
const many = /^\/api\/v1\/tasks$/
const completed = (by: string) => new RegExp(`^/api/v1/tasks/completed/${by}$`)

export const taskRoutes: ReadonlyArray<Route> = [
  { method: "GET", path: many, weigh: reading, handle: getMany },
  { method: "POST", path: many, weigh: writing("item_add"), handle: add },
  { method: "GET", path: completed("by_completion_date"), weigh: reading, handle: completedBy("completion") },
  { method: "GET", path: completed("by_due_date"), weigh: reading, handle: completedBy("due") },
  { method: "GET", path: one(), weigh: reading, handle: getOne },
  { method: "POST", path: one(), weigh: writing("item_update"), handle: changing("item_update") },
  { method: "DELETE", path: one(), weigh: writing("item_delete"), handle: doing("item_delete") },
  { method: "POST", path: one("/close"), weigh: writing("item_close"), handle: doing("item_close") },
  { method: "POST", path: one("/reopen"), weigh: writing("item_uncomplete"), handle: doing("item_uncomplete") },
  { method: "POST", path: one("/move"), weigh: writing("item_move"), handle: changing("item_move") },
]
