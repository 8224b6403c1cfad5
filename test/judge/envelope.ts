/**
 * What the SDK leaves optional or never looks at, and what clients nevertheless live by.
 *
 * @see https://developer.todoist.com/api/v1/
 */
import type { Exchange } from "./recordingProxy.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const opaqueId = /^(?!\d+$)[0-9A-Za-z]{16}$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z$/

type Check = readonly [holds: boolean, otherwise: string]

const failures = (checks: ReadonlyArray<Check>): ReadonlyArray<string> =>
  checks.flatMap(([holds, otherwise]) => holds ? [] : [otherwise])

const dueProblems = (due: unknown): ReadonlyArray<string> => {
  if (!isObject(due)) return []
  const { date, timezone, lang } = due
  return failures([
    [timezone === null || typeof timezone === "string", "due.timezone"],
    [typeof lang === "string", "due.lang"],
    [
      /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{6})?Z?)?$/.test(String(date)),
      "due.date is in none of the three shapes",
    ],
    [
      String(date).endsWith("Z") === (typeof timezone === "string"),
      "due.timezone goes with a fixed date, and only then",
    ],
  ])
}

const taskProblems = (task: unknown): ReadonlyArray<string> => {
  if (!isObject(task)) return ["a task is no object"]
  const { id, checked, completed_at: completedAt, added_at: addedAt, updated_at: updatedAt, due } = task
  const times = [addedAt, updatedAt, completedAt].filter((time) => time !== null && time !== undefined)
  return [
    ...failures([
      [opaqueId.test(String(id)), "a task's id is not opaque"],
      [times.every((time) => instant.test(String(time))), "a task's times are UTC"],
      [(checked === true) === (typeof completedAt === "string"), "completed_at goes with checked"],
    ]),
    ...dueProblems(due),
  ]
}

const projectProblems = (project: unknown): ReadonlyArray<string> => {
  if (!isObject(project)) return ["a project is no object"]
  return failures([
    [opaqueId.test(String(project["id"])), "a project's id is not opaque"],
    [typeof project["inbox_project"] === "boolean", "inbox_project"],
  ])
}

const labelProblems = (label: unknown): ReadonlyArray<string> =>
  isObject(label)
    ? failures([
      [typeof label["is_deleted"] === "boolean", "a label's is_deleted"],
      [Number.isInteger(label["item_order"]), "a label's item_order"],
    ])
    : ["a label is no object"]

const projectsIn = (body: Json, path: string): ReadonlyArray<unknown> => {
  if (Array.isArray(body["projects"])) return body["projects"]
  if (!/^\/api\/v1\/projects(?:\/\w+)?$/.test(path)) return []
  return Array.isArray(body["results"]) ? body["results"] : [body]
}

const tasksIn = (body: Json, path: string): ReadonlyArray<unknown> => {
  if (Array.isArray(body["items"])) return body["items"]
  if (!path.startsWith("/api/v1/tasks")) return []
  return Array.isArray(body["results"]) ? body["results"] : "content" in body ? [body] : []
}

const sent = (requestBody: string): Json => {
  if (requestBody.startsWith("{")) return JSON.parse(requestBody)
  const form = [...new URLSearchParams(requestBody)]
  return Object.fromEntries(form.map(([key, value]) => [key, key === "sync_token" ? value : JSON.parse(value)]))
}

const arraysOf = (body: Json) => Object.entries(body).filter(([, value]) => Array.isArray(value)).map(([key]) => key)

const syncProblems = (body: Json, requestBody: string): ReadonlyArray<string> => {
  const { resource_types: types, commands, sync_token: given } = sent(requestBody)
  const asked = Array.isArray(types) ? types.map(String) : []
  const uuids = Array.isArray(commands) ? commands.map(({ uuid }) => String(uuid)) : []
  const { full_sync: full, sync_token: next, temp_id_mapping: mapping, sync_status: status } = body
  const modelled = ["items", "projects", "sections", "labels", "collaborators", "collaborator_states"]
  const present = modelled.filter((type) => asked.includes(type) || asked.includes("all"))
  return failures([
    [typeof next === "string" && /^[\w=-]{40,100}$/.test(next), "sync_token"],
    [typeof full === "boolean", "full_sync"],
    [(full === true) === (typeof body["full_sync_date_utc"] === "string"), "full_sync_date_utc goes with full_sync"],
    [full === true || (typeof given === "string" && given !== "*"), "full_sync is true without a token"],
    [isObject(mapping), "temp_id_mapping"],
    [uuids.length === 0 || isObject(status), "sync_status"],
    [uuids.every((uuid) => isObject(status) && uuid in status), "sync_status answers every command"],
    [asked.length > 0 || arraysOf(body).length === 0, "a call that only writes gets no arrays"],
    [present.every((type) => Array.isArray(body[type])), "each resource asked for is there"],
    [full !== true || !asked.includes("user") || isObject(body["user"]), "a full reply has the user asked for"],
  ])
}

const errorProblems = ({ status, headers, url }: Exchange, body: Json): ReadonlyArray<string> => {
  if (/^\/oauth\/|^\/api\/v1\/revoke$/.test(url.pathname)) {
    return failures([[typeof body["error"] === "string", "error"]])
  }
  const extra = isObject(body["error_extra"]) ? body["error_extra"] : {}
  const wait = extra["retry_after"]
  return failures([
    [body["http_code"] === status, "http_code is the status"],
    [typeof extra["event_id"] === "string", "error_extra.event_id"],
    [status !== 429 || headers["retry-after"] === String(wait), "Retry-After is error_extra.retry_after"],
  ])
}

const grantProblems = (body: Json): ReadonlyArray<string> => {
  const rotating = ["refresh_token", "expires_in"].filter((key) => key in body)
  return failures([
    [body["token_type"] === "Bearer", "token_type"],
    [rotating.length !== 1, "refresh_token goes with expires_in"],
    [rotating.length === 0 || Number.isInteger(body["expires_in"]), "expires_in"],
  ])
}

const isPage = (path: string): boolean =>
  /^\/api\/v1\/(?:tasks|projects|sections|labels|activities|tasks\/completed\/\w+|projects\/\w+\/collaborators)$/.test(
    path,
  )

/** What is wrong with a reply beyond what the SDK sees; empty when it is right. */
export const envelopeProblems = (exchange: Exchange): ReadonlyArray<string> => {
  const { method, url: { pathname }, status, headers, body: text, requestBody } = exchange
  if (status === 204) return failures([[text === "", "204 has no body"]])
  if (headers["content-type"]?.startsWith("application/json") !== true) return ["content-type"]
  const body: unknown = JSON.parse(text)
  if (pathname === "/api/v1/revoke" && status === 200) return failures([[body === null, "the body is null"]])
  if (!isObject(body)) return ["the body is no object"]
  if (status >= 400) return errorProblems(exchange, body)
  const cursor = body["next_cursor"]
  return [
    ...tasksIn(body, pathname).flatMap(taskProblems),
    ...projectsIn(body, pathname).flatMap(projectProblems),
    ...(Array.isArray(body["labels"]) && !("content" in body) ? body["labels"].flatMap(labelProblems) : []),
    ...(pathname === "/api/v1/sync" ? syncProblems(body, requestBody) : []),
    ...(pathname === "/oauth/access_token" ? grantProblems(body) : []),
    ...(method === "GET" && isPage(pathname)
      ? failures([[cursor === null || typeof cursor === "string", "next_cursor"]])
      : []),
  ]
}
