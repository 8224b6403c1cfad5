/** The endpoints of `/api/v1` this server has: sync, and the REST calls a connector may want. */
import type { Route, Weight } from "./api.ts"
import { isApiError } from "./apiError.ts"
import { json } from "./reply.ts"
import { listRoutes } from "./rest/lists.ts"
import { projectRoutes } from "./rest/projects.ts"
import { taskRoutes } from "./rest/tasks.ts"
import { reading } from "./rest/weight.ts"
import { withOddItem } from "./spoil.ts"
import { answerSync, isFullRead } from "./sync.ts"
import { type Fields, readSyncRequest } from "./syncRequest.ts"

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

export const apiRoutes: ReadonlyArray<Route> = [
  { method: "POST", path: /^\/api\/v1\/sync$/, weigh: weighSync, handle: sync },
  ...taskRoutes,
  ...projectRoutes,
  ...listRoutes,
]
