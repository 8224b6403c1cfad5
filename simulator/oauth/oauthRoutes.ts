/** The endpoints of OAuth, which need no bearer token. Faults hit the two for machines. */
import { stamped, unauthorized } from "../apiError.ts"
import { wireTime } from "../calendar.ts"
import { type Fault, takeFault } from "../faults.ts"
import { isForeign } from "../foreign.ts"
import type { HttpRequest } from "../api.ts"
import { nextEventId } from "../random.ts"
import { failure, json, type Reply } from "../reply.ts"
import { replyInstead, spoilReply } from "../spoil.ts"
import type { Fields } from "../syncRequest.ts"
import { observe, type World } from "../world.ts"
import { decide, readAuthorization } from "./authorize.ts"
import { consentPage } from "./consentPage.ts"
import { oauthFailure, revokeByQuery, revokeReply, tokenReply, userOf } from "./tokenEndpoint.ts"

type Endpoint = (world: World, request: HttpRequest) => Reply

const redirect = (to: string): Reply => ({
  status: 302,
  headers: { location: to, "cache-control": "no-store" },
  body: "",
})

const fromFields = (fields: Fields) => (name: string): string | undefined => {
  const value = fields[name]
  return typeof value === "string" && value !== "" ? value : undefined
}

const showConsent: Endpoint = (world, { url }) => {
  const answer = readAuthorization(world, (name) => url.searchParams.get(name) ?? undefined)
  if (answer.kind === "refused") return json(400, answer.why)
  if (answer.kind === "redirect") return redirect(answer.to)
  const { client, scopes } = answer.asked
  return consentPage(world, client, scopes, [...url.searchParams])
}

/** The form of the consent page. */
const takeConsent: Endpoint = (world, request) => {
  if (isForeign(request)) return json(403, { error: "requests from other sites are refused" })
  const get = fromFields(request.fields)
  const answer = readAuthorization(world, get)
  if (answer.kind === "refused") return json(400, answer.why)
  if (answer.kind === "redirect") return redirect(answer.to)
  const to = decide(world, answer.asked, get("user_id") ?? "", get("decision") === "allow", request.nowMs)
  return to === undefined ? json(400, { error: "no account has this user id" }) : redirect(to)
}

/** Carries the call out and lets a fault do to it what it does to calls of the API. */
const faulty = (endpoint: "oauth" | "revoke", then: Endpoint): Endpoint => (world, request) => {
  const { fields, url, method } = request
  const userId = userOf(world, fields, url.searchParams)
  const refreshes = fields["grant_type"] === "refresh_token"
  const call = { token: null, userId, endpoint, refreshes, writes: true, fullRead: false, incrementalRead: false }
  const fault = takeFault(world.faults, call)
  const reply = afterFault(world, fault, () => then(world, request))
  observe(world, {
    at: wireTime(request.nowMs),
    method,
    path: url.pathname,
    status: reply.reset === true ? 0 : reply.status,
    userId,
    fault: fault?.fault ?? null,
    commands: 0,
    fullSync: null,
  })
  return reply
}

const afterFault = (world: World, fault: Fault | undefined, carryOut: () => Reply): Reply => {
  if (fault === undefined) return carryOut()
  if (fault.fault === "token-expired" || fault.fault === "revoked") {
    return failure(stamped(unauthorized(), nextEventId(world.faults.random)))
  }
  const instead = replyInstead(fault, nextEventId(world.faults.random))
  if (instead !== undefined) return instead
  const reply = carryOut()
  return fault.fault === "refresh-race" ? oauthFailure("invalid_grant") : spoilReply(fault, reply)
}

const routes: ReadonlyMap<string, Endpoint> = new Map([
  ["GET /oauth/authorize", showConsent],
  ["POST /oauth/authorize", takeConsent],
  [
    "POST /oauth/access_token",
    faulty("oauth", (world, { fields, headers, nowMs }) => tokenReply(world, fields, headers["authorization"], nowMs)),
  ],
  [
    "POST /api/v1/revoke",
    faulty(
      "revoke",
      (world, { fields, headers, nowMs }) => revokeReply(world, fields, headers["authorization"], nowMs),
    ),
  ],
  [
    "DELETE /api/v1/access_tokens",
    faulty("revoke", (world, { url, nowMs }) => revokeByQuery(world, url.searchParams, nowMs)),
  ],
])

/** Undefined when the call is none of these. */
export const answerOAuth = (world: World, request: HttpRequest): Reply | undefined =>
  routes.get(`${request.method} ${request.url.pathname}`)?.(world, request)
