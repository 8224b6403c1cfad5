/** The REST calls about projects. */
import { projectOf } from "../account.ts"
import type { Route } from "../api.ts"
import { isApiError, projectNotFound } from "../apiError.ts"
import { json, noContent } from "../reply.ts"
import { paged } from "./paging.ts"
import { perform } from "./perform.ts"
import { reading, writing } from "./weight.ts"

const getMany = (archived: boolean): Route["handle"] => ({ account, query }) =>
  paged(
    [...account.projects.values()].map(({ value }) => value)
      .filter((one) => !one.is_deleted && one.is_archived === archived),
    query,
  )

const getOne: Route["handle"] = ({ account, params: [id] }) => {
  const project = projectOf(account, id)
  return project === undefined ? projectNotFound() : { reply: json(200, project) }
}

const add: Route["handle"] = (call) => {
  const decided = perform(call, "project_add", call.fields)
  return isApiError(decided) ? decided : { reply: json(200, projectOf(call.account, decided.subject)) }
}

const changing = (type: string): Route["handle"] => (call) => {
  const id = call.params[0]
  const decided = perform(call, type, { ...call.fields, id })
  return isApiError(decided) ? decided : { reply: json(200, projectOf(call.account, id)) }
}

const remove: Route["handle"] = (call) => {
  const decided = perform(call, "project_delete", { id: call.params[0] })
  return isApiError(decided) ? decided : { reply: noContent() }
}

/** They have no account here, so only what a project says of them. */
const getCollaborators: Route["handle"] = ({ account, params: [id], query }) => {
  if (projectOf(account, id) === undefined) return projectNotFound()
  const states = [...account.collaboratorStates.values()].map(({ value }) => value)
  const ids = states.filter((state) => state.project_id === id && !state.is_deleted).map((state) => state.user_id)
  const people = [...account.collaborators.values()].map(({ value }) => value).filter((one) => ids.includes(one.id))
  return paged(people.map(({ id, full_name: name, email }) => ({ id, name, email })), query)
}

const many = /^\/api\/v1\/projects$/
const one = (verb = "") => new RegExp(`^/api/v1/projects/((?=.*[0-9A-Z])[0-9A-Za-z]{1,64})${verb}$`)

export const projectRoutes: ReadonlyArray<Route> = [
  { method: "GET", path: many, weigh: reading, handle: getMany(false) },
  { method: "GET", path: /^\/api\/v1\/projects\/archived$/, weigh: reading, handle: getMany(true) },
  { method: "POST", path: many, weigh: writing("project_add"), handle: add },
  { method: "GET", path: one(), weigh: reading, handle: getOne },
  { method: "POST", path: one(), weigh: writing("project_update"), handle: changing("project_update") },
  { method: "DELETE", path: one(), weigh: writing("project_delete"), handle: remove },
  { method: "POST", path: one("/archive"), weigh: writing("project_archive"), handle: changing("project_archive") },
  {
    method: "POST",
    path: one("/unarchive"),
    weigh: writing("project_unarchive"),
    handle: changing("project_unarchive"),
  },
  { method: "GET", path: one("/collaborators"), weigh: reading, handle: getCollaborators },
]
