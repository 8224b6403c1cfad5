/** The endpoints of `/api/v1` this server has: sync, and the REST calls a connector may want. */
import { isActive, itemOf, projectOf } from "./account.ts"
import { readActivity } from "./activity.ts"
import type { ApiCall, Route, Weight } from "./api.ts"
import { type ApiError, invalidArgument, isApiError, premiumOnly, projectNotFound, taskNotFound } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import type { Args, Decision } from "./command.ts"
import { completedBy } from "./completed.ts"
import { paged } from "./paging.ts"
import { json, noContent } from "./reply.ts"
import { execute, record } from "./runCommands.ts"
import { withOddItem } from "./spoil.ts"
import { answerSync, isFullRead, shownItem } from "./sync.ts"
import { type Fields, readSyncRequest } from "./syncRequest.ts"
import { userResource } from "./user.ts"
import type { Item } from "./wire.ts"

const reading = (): Weight => ({
  fullRead: false,
  incrementalRead: false,
  reads: true,
  writes: false,
  types: [],
  commands: 0,
})
const writing = (type: string) => (): Weight => ({ ...reading(), reads: false, writes: true, types: [type] })

const weighSync = (fields: Fields): Weight => {
  const request = readSyncRequest(fields)
  if (isApiError(request)) return reading()
  const fullRead = isFullRead(request)
  return {
    fullRead,
    incrementalRead: !fullRead && request.resourceTypes !== undefined,
    reads: request.resourceTypes !== undefined,
    writes: request.commands.length > 0,
    types: request.commands.map(({ type }) => type),
    commands: request.commands.length,
  }
}

const sync: Route["handle"] = ({ world, account, fields, fault, nowMs }) => {
  const request = readSyncRequest(fields)
  if (isApiError(request)) return request
  const distrusted = fault?.fault === "invalid-sync-token"
  const body = answerSync(account, request, {
    secret: world.secret,
    nowMs,
    env: world.env,
    ...(distrusted ? { invalidTokenMode: fault.mode, distrustToken: true } : {}),
    ...(fault?.fault === "stale-snapshot" ? { staleMs: fault.staleMs } : {}),
  })
  if (isApiError(body)) return body
  const shown = fault?.fault === "unknown-enum" ? withOddItem(body, fault.shape) : body
  return { reply: json(200, shown), full: body["full_sync"] === true }
}

const taskOf = ({ account, params: [id] }: ApiCall) => {
  if (id !== undefined && /^\d+$/.test(id)) return invalidArgument("task_id", "an id of API v1, not a number")
  return itemOf(account, id) ?? taskNotFound()
}

/** REST calls carry no command uuid, so a repeated one is executed again: for a recurring task, once per call. */
const perform = (call: ApiCall, type: string, args: Args): Decision | ApiError => {
  const decided = execute(call.account, type, args, call.nowMs, call.world.env)
  if (isApiError(decided)) return decided
  record(call.account, {
    uuid: null,
    type,
    taskId: decided.subject,
    at: wireTime(call.nowMs),
    status: "ok",
    executed: 1,
    received: 1,
  })
  return decided
}

const onTask = (type: string): Route["handle"] => (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = perform(call, type, { id: task.id })
  return isApiError(decided) ? decided : { reply: noContent() }
}

const shownTask = ({ world }: ApiCall, task: Item) => ({ reply: json(200, shownItem(task, world.switches)) })

/** REST says due dates in fields of their own. */
const dueIn = (fields: Fields): Args => {
  const { due_string: string, due_lang: lang, due_date: day, due_datetime: instant } = fields
  if (string !== undefined && string !== null) return { due: { string, lang: lang ?? "en" } }
  const date = instant ?? day
  return date === undefined || date === null ? {} : { due: { date } }
}

const addTask: Route["handle"] = (call) => {
  const decided = perform(call, "item_add", { ...call.fields, ...dueIn(call.fields) })
  return isApiError(decided) ? decided : shownTask(call, itemOf(call.account, decided.subject)!)
}

const updateTask: Route["handle"] = (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = perform(call, "item_update", { ...call.fields, ...dueIn(call.fields), id: task.id })
  return isApiError(decided) ? decided : shownTask(call, itemOf(call.account, task.id)!)
}

const moveTask: Route["handle"] = (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = perform(call, "item_move", { ...call.fields, id: task.id })
  return isApiError(decided) ? decided : shownTask(call, itemOf(call.account, task.id)!)
}

const getTask: Route["handle"] = (call) => {
  const task = taskOf(call)
  return isApiError(task) ? task : shownTask(call, task)
}

const getTasks: Route["handle"] = ({ world, account, query }) => {
  const projectId = query.get("project_id")
  if (projectId !== null && projectOf(account, projectId) === undefined) return projectNotFound()
  const [parentId, label, ids] = [query.get("parent_id"), query.get("label"), query.get("ids")?.split(",")]
  const found = [...account.items.values()].map(({ value }) => value).filter((item) =>
    isActive(account, item) &&
    (projectId === null || item.project_id === projectId) &&
    (parentId === null || item.parent_id === parentId) &&
    (label === null || item.labels.includes(label)) &&
    (ids === undefined || ids.includes(item.id))
  )
  return paged(found.map((item) => shownItem(item, world.switches)), query)
}

const getProjects: Route["handle"] = ({ account, query }) =>
  paged(
    [...account.projects.values()].map(({ value }) => value).filter((one) => !one.is_deleted && !one.is_archived),
    query,
  )

const getProject: Route["handle"] = ({ account, params: [id] }) => {
  const project = projectOf(account, id)
  return project === undefined ? projectNotFound() : { reply: json(200, project) }
}

const getSections: Route["handle"] = ({ account, query }) => {
  const projectId = query.get("project_id")
  return paged(
    [...account.sections.values()].map(({ value }) => value).filter((one) =>
      !one.is_deleted && !one.is_archived && (projectId === null || one.project_id === projectId)
    ),
    query,
  )
}

const getLabels: Route["handle"] = ({ account, query }) =>
  paged(
    [...account.labels.values()].map(({ value: { is_deleted: gone, item_order: order, ...label } }) => ({
      gone,
      label: { ...label, order },
    })).filter(({ gone }) => !gone).map(({ label }) => label),
    query,
  )

const getCollaborators: Route["handle"] = ({ account, params: [id], query }) => {
  if (projectOf(account, id) === undefined) return projectNotFound()
  const states = [...account.collaboratorStates.values()].map(({ value }) => value)
  const ids = states.filter((state) => state.project_id === id && !state.is_deleted).map((state) => state.user_id)
  const people = [...account.collaborators.values()].map(({ value }) => value).filter((one) => ids.includes(one.id))
  return paged(people.map(({ id, full_name: name, email }) => ({ id, name, email })), query)
}

const activityPages = { byDefault: 50, max: 100 }

const getActivities: Route["handle"] = ({ world, account, query, nowMs }) => {
  const history = world.switches.activityHistory
  if (history === "refused") return premiumOnly()
  return paged(readActivity(account, query, history, nowMs), query, "results", activityPages)
}

const getUser: Route["handle"] = ({ account, nowMs }) => ({ reply: json(200, userResource(account, nowMs)) })

/** Ids that are words, such as `completed` or `quick`, are endpoints not modelled here. */
const taskPath = "/api/v1/tasks/((?=.*[0-9A-Z])[0-9A-Za-z]{1,64})"

const task = (verb = "") => new RegExp(`^${taskPath}${verb}$`)
const at = (path: string) => new RegExp(`^/api/v1/${path}$`)

export const apiRoutes: ReadonlyArray<Route> = [
  { method: "POST", path: at("sync"), weigh: weighSync, handle: sync },
  { method: "GET", path: at("tasks"), weigh: reading, handle: getTasks },
  { method: "POST", path: at("tasks"), weigh: writing("item_add"), handle: addTask },
  { method: "GET", path: at("tasks/completed/by_completion_date"), weigh: reading, handle: completedBy("completion") },
  { method: "GET", path: at("tasks/completed/by_due_date"), weigh: reading, handle: completedBy("due") },
  { method: "GET", path: task(), weigh: reading, handle: getTask },
  { method: "POST", path: task(), weigh: writing("item_update"), handle: updateTask },
  { method: "DELETE", path: task(), weigh: writing("item_delete"), handle: onTask("item_delete") },
  { method: "POST", path: task("/close"), weigh: writing("item_close"), handle: onTask("item_close") },
  { method: "POST", path: task("/reopen"), weigh: writing("item_uncomplete"), handle: onTask("item_uncomplete") },
  { method: "POST", path: task("/move"), weigh: writing("item_move"), handle: moveTask },
  { method: "GET", path: at("projects"), weigh: reading, handle: getProjects },
  { method: "GET", path: at("projects/(\\w{1,64})"), weigh: reading, handle: getProject },
  { method: "GET", path: at("projects/(\\w{1,64})/collaborators"), weigh: reading, handle: getCollaborators },
  { method: "GET", path: at("sections"), weigh: reading, handle: getSections },
  { method: "GET", path: at("labels"), weigh: reading, handle: getLabels },
  { method: "GET", path: at("activities"), weigh: reading, handle: getActivities },
  { method: "GET", path: at("user"), weigh: reading, handle: getUser },
]
