/**
 * `/api/v1`: the way of one call. Route, then token, then limits, then faults, then the handler.
 * A new endpoint is one more row in a route table.
 */
import type { Account } from "./account.ts"
import {
  type ApiError,
  insufficientScope,
  invalidToken,
  isApiError,
  limitsReached,
  methodNotAllowed,
  pathNotFound,
  stamped,
  unauthorized,
} from "./apiError.ts"
import { type Caller, callerOf } from "./bearer.ts"
import { wireTime } from "./calendar.ts"
import { type Fault, takeFault } from "./faults.ts"
import { admit } from "./limits.ts"
import { endFamily } from "./oauth/grants.ts"
import { allows } from "./oauth/scopes.ts"
import { keepChanged } from "./pool.ts"
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
  /** Needs the scope to read. */
  readonly reads: boolean
  readonly writes: boolean
  /** The types of the commands, or of what a REST call comes to. */
  readonly types: ReadonlyArray<string>
  readonly commands: number
}

export type Route = {
  readonly method: "GET" | "POST" | "DELETE"
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
  const dead = () => (world.switches.deadToken === "403" ? invalidToken() : unauthorized())
  const caller = callerOf(world, request.headers["authorization"], request.nowMs)
  if (caller === undefined) return refuse(request.headers["authorization"] === undefined ? unauthorized() : dead())
  const { token, account } = caller

  const { commands, types, reads, ...weight } = route.weigh(request.fields)
  const { userId } = account
  const seen = { userId, commands }
  const kind = weight.fullRead ? "full" : "partial"
  const waitSeconds = admit(windowsOf(world, account), world.limits, kind, request.nowMs)
  if (waitSeconds > 0) return refuse(limitsReached(waitSeconds), seen)

  const fault = takeFault(world.faults, { token, userId, endpoint: "api", ...weight })
  if (fault?.fault === "token-expired" || fault?.fault === "revoked") {
    killToken(world, caller, fault.fault, request.nowMs)
    return refuse(dead(), { ...seen, fault: fault.fault })
  }
  if (!allows(caller.scopes, { reads, writes: weight.writes, types })) return refuse(insufficientScope(), seen)
  const instead = fault && replyInstead(fault, nextEventId(world.faults.random))
  const named = { ...seen, fault: fault?.fault ?? null }
  if (instead !== undefined) return { ...named, reply: instead }

  const { fields, nowMs, url } = request
  const result = route.handle({ world, account, fields, query: url.searchParams, params, fault, nowMs })
  if (weight.writes) {
    keepChanged(world.accounts.pools, account)
    world.changed()
  }
  if (isApiError(result)) return refuse(result, named)
  return {
    ...named,
    fullSync: result.full ?? null,
    reply: fault === undefined ? result.reply : spoilReply(fault, result.reply),
  }
}

const killToken = (world: World, { token, family }: Caller, how: "token-expired" | "revoked", nowMs: number): void => {
  if (family === null) {
    // A personal token does not expire: then the 401 is all there is.
    if (how === "revoked") world.deadTokens.add(token)
  } else if (how === "revoked") endFamily(world.grants, family, "user", nowMs)
  else {
    for (const access of family.access) if (access.token === token) access.expiresAtMs = nowMs
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
