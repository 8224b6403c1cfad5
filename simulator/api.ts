/**
 * `/api/v1`: the way of one call. Route, then token, then limits, then faults, then the handler.
 * A new endpoint is one more row in a route table.
 */
import type { Account } from "./account.ts"
import {
  type ApiError,
  isApiError,
  limitsReached,
  methodNotAllowed,
  pathNotFound,
  stamped,
  unauthorized,
} from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { type Fault, takeFault } from "./faults.ts"
import { admit } from "./limits.ts"
import { nextEventId } from "./random.ts"
import { failure, type Reply } from "./reply.ts"
import { replyInstead, spoilReply } from "./spoil.ts"
import type { Fields } from "./syncRequest.ts"
import { observe, type RequestEntry, windowsOf, type World } from "./world.ts"

export type ApiCall = {
  readonly world: World
  readonly account: Account
  readonly fields: Fields
  readonly query: URLSearchParams
  /** The parts of the path the route's pattern captured. */
  readonly params: ReadonlyArray<string>
  readonly fault: Fault | undefined
  readonly nowMs: number
}

/** What a route makes of a call before it is carried out: its weight for limits and faults. */
export type Weight = {
  readonly fullRead: boolean
  readonly incrementalRead: boolean
  readonly writes: boolean
  readonly commands: number
}

export type Route = {
  readonly method: "GET" | "POST"
  readonly path: RegExp
  readonly weigh: (fields: Fields) => Weight
  /** May change the account. `full` is what a sync reply said. */
  readonly handle: (call: ApiCall) => { readonly reply: Reply; readonly full?: boolean } | ApiError
}

export type HttpRequest = {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly fields: Fields
  readonly nowMs: number
}

/** What the request log says about a call beyond its method, path and status. */
type Seen = Partial<Pick<RequestEntry, "userId" | "fault" | "commands" | "fullSync">>

const bearer = (header: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(header ?? "")?.[1]

export const answerApi = (world: World, routes: ReadonlyArray<Route>, request: HttpRequest): Reply => {
  const { reply, ...seen } = answer(world, routes, request)
  observe(world, {
    at: wireTime(request.nowMs),
    method: request.method,
    path: request.url.pathname,
    status: reply.reset === true ? 0 : reply.status,
    userId: null,
    fault: null,
    commands: 0,
    fullSync: null,
    ...seen,
  })
  return reply
}

const answer = (world: World, routes: ReadonlyArray<Route>, request: HttpRequest): Seen & { readonly reply: Reply } => {
  const refuse = (error: ApiError, seen: Seen = {}) => ({
    ...seen,
    reply: failure(stamped(error, nextEventId(world.faults.random))),
  })
  const found = findRoute(routes, request)
  if (isApiError(found)) return refuse(found)
  const { route, params } = found
  const token = bearer(request.headers["authorization"])
  const account = token === undefined ? undefined : world.accounts.get(token)
  if (token === undefined || account === undefined) return refuse(unauthorized())

  const { commands, ...weight } = route.weigh(request.fields)
  const seen = { userId: account.userId, commands }
  const kind = weight.fullRead ? "full" : "partial"
  const waitSeconds = admit(windowsOf(world, account), world.limits, kind, request.nowMs)
  if (waitSeconds > 0) return refuse(limitsReached(waitSeconds), seen)

  const fault = takeFault(world.faults, { token, ...weight })
  const instead = fault && replyInstead(fault, nextEventId(world.faults.random))
  const named = { ...seen, fault: fault?.fault ?? null }
  if (instead !== undefined) return { ...named, reply: instead }

  const { fields, nowMs, url } = request
  const result = route.handle({ world, account, fields, query: url.searchParams, params, fault, nowMs })
  if (weight.writes) world.changed()
  if (isApiError(result)) return refuse(result, named)
  return {
    ...named,
    fullSync: result.full ?? null,
    reply: fault === undefined ? result.reply : spoilReply(fault, result.reply),
  }
}

const findRoute = (routes: ReadonlyArray<Route>, { method, url }: HttpRequest) => {
  const matching = routes.flatMap((route) => {
    const params = route.path.exec(url.pathname)?.slice(1)
    return params === undefined ? [] : [{ route, params }]
  })
  if (matching.length === 0) return pathNotFound()
  return matching.find(({ route }) => route.method === method) ??
    methodNotAllowed(matching.map(({ route }) => route.method).join(", "))
}
