/** The endpoints of `/api/v1` this server has: sync, and the few REST calls a connector may want. */
import { isActive, itemOf, projectOf } from "./account.ts"
import { type ApiError, invalidArgument, isApiError, projectNotFound, taskNotFound } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import type { ApiCall, Route, Weight } from "./api.ts"
import { json, noContent } from "./reply.ts"
import { execute, record } from "./runCommands.ts"
import { withOddItem } from "./spoil.ts"
import { answerSync, isFullRead } from "./sync.ts"
import { type Fields, readSyncRequest } from "./syncRequest.ts"
import { userResource } from "./user.ts"

const reading = (): Weight => ({ fullRead: false, incrementalRead: false, writes: false, commands: 0 })
const writing = (): Weight => ({ ...reading(), writes: true })

const weighSync = (fields: Fields): Weight => {
  const request = readSyncRequest(fields)
  if (isApiError(request)) return reading()
  const fullRead = isFullRead(request)
  return {
    fullRead,
    incrementalRead: !fullRead && request.resourceTypes !== undefined,
    writes: request.commands.length > 0,
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
    invalidTokenMode: distrusted ? fault.mode : world.invalidTokenMode,
    distrustToken: distrusted,
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
const onTask = (type: string): Route["handle"] => (call) => {
  const task = taskOf(call)
  if (isApiError(task)) return task
  const decided = execute(call.account, type, { id: task.id }, call.nowMs)
  if (isApiError(decided)) return decided
  record(call.account, {
    uuid: null,
    type,
    taskId: task.id,
    at: wireTime(call.nowMs),
    status: "ok",
    executed: 1,
    received: 1,
  })
  return { reply: noContent() }
}

const getTask: Route["handle"] = (call) => {
  const task = taskOf(call)
  return isApiError(task) ? task : { reply: json(200, task) }
}

const defaultPageSize = 50
const pageSizeMax = 200

/** One page after the cursor, which is the position in the list, wrapped so that nobody counts with it. */
const paged = <A>(
  all: ReadonlyArray<A>,
  query: URLSearchParams,
): { readonly reply: ReturnType<typeof json> } | ApiError => {
  const limit = query.get("limit") ?? String(defaultPageSize)
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > pageSizeMax) {
    return invalidArgument("limit", `an integer from 1 to ${pageSizeMax}`)
  }
  const cursor = query.get("cursor")
  const from = cursor === null ? 0 : positionIn(cursor)
  if (from === undefined) return invalidArgument("cursor", "a cursor from an earlier page")
  const to = from + Number(limit)
  return {
    reply: json(200, {
      results: all.slice(from, to),
      next_cursor: to < all.length ? Buffer.from(`at:${to}`).toString("base64url") : null,
    }),
  }
}

const positionIn = (cursor: string): number | undefined => {
  const match = /^at:(\d{1,7})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))
  return match === null ? undefined : Number(match[1])
}

const getTasks: Route["handle"] = ({ account, query }) => {
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
  return paged(found, query)
}

const getProjects: Route["handle"] = ({ account, query }) =>
  paged(
    [...account.projects.values()].map(({ value }) => value).filter((one) => !one.is_deleted && !one.is_archived),
    query,
  )

const getUser: Route["handle"] = ({ account, nowMs }) => ({ reply: json(200, userResource(account, nowMs)) })

/** Ids that are words, such as `completed` or `quick`, are endpoints not modelled here. */
const taskPath = "/api/v1/tasks/((?=.*[0-9A-Z])[0-9A-Za-z]{1,64})"

export const apiRoutes: ReadonlyArray<Route> = [
  { method: "POST", path: /^\/api\/v1\/sync$/, weigh: weighSync, handle: sync },
  { method: "GET", path: /^\/api\/v1\/tasks$/, weigh: reading, handle: getTasks },
  { method: "GET", path: new RegExp(`^${taskPath}$`), weigh: reading, handle: getTask },
  { method: "POST", path: new RegExp(`^${taskPath}/close$`), weigh: writing, handle: onTask("item_close") },
  { method: "POST", path: new RegExp(`^${taskPath}/reopen$`), weigh: writing, handle: onTask("item_uncomplete") },
  { method: "GET", path: /^\/api\/v1\/projects$/, weigh: reading, handle: getProjects },
  { method: "GET", path: /^\/api\/v1\/user$/, weigh: reading, handle: getUser },
]
