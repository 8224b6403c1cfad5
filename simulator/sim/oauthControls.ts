/** Controls of OAuth: clients, consent without a browser, and the table of tokens. */
import { accountOfUser } from "../accounts.ts"
import { json } from "../reply.ts"
import { decide, readAuthorization } from "../oauth/authorize.ts"
import { clientsMax, readClient } from "../oauth/clients.ts"
import { endFamily, type Family, newToken } from "../oauth/grants.ts"
import { accountNamed, refused, type SimRoute, type SimRoutes, unknownKey, withAccount } from "./simRoute.ts"

const showClients: SimRoute = ({ world }) => json(200, { clients: [...world.grants.clients.values()] })

const putClient: SimRoute = (call) => {
  const { world, request: { fields } } = call
  const client = readClient(fields, (id) => world.grants.clients.get(id), newToken)
  if (typeof client === "string") return refused(400, client)
  if (!world.grants.clients.has(client.id) && world.grants.clients.size >= clientsMax) {
    return refused(409, `there are ${clientsMax} clients already`)
  }
  world.grants.clients.set(client.id, client)
  world.changed()
  return json(200, client)
}

const parameters: Readonly<Record<string, string>> = {
  client_id: "clientId",
  scope: "scope",
  state: "state",
  redirect_uri: "redirectUri",
  code_challenge: "codeChallenge",
}

const approveKeys = [...Object.values(parameters), "userId", "token", "deny"]

/** What a person with a browser would do on the consent page. */
const approve: SimRoute = (call) => {
  const { world, request: { fields, nowMs } } = call
  const unknown = unknownKey(fields, approveKeys)
  if (unknown !== undefined) return refused(400, unknown)
  const answer = readAuthorization(world, (name) => {
    if (name === "code_challenge_method") return fields["codeChallenge"] === undefined ? undefined : "S256"
    const value = fields[parameters[name] ?? ""]
    return typeof value === "string" && value !== "" ? value : undefined
  })
  if (answer.kind === "refused") return json(400, answer.why)
  if (answer.kind === "redirect") return json(200, { redirect: answer.to })
  const account = accountNamed(call)
  if (account === undefined) return refused(404, "no account has this token or user id")
  return json(200, { redirect: decide(world, answer.asked, account.userId, fields["deny"] !== true, nowMs) })
}

/** A page is enough for any test; a load test asks by user. */
const familiesShown = 1_000

const shown = (family: Family, nowMs: number) => ({
  ...family,
  access: family.access.map((one) => ({
    ...one,
    alive: family.endedAtMs === null && (one.expiresAtMs === null || one.expiresAtMs > nowMs),
  })),
})

const showTokens: SimRoute = ({ world, request: { url, nowMs } }) => {
  const userId = url.searchParams.get("userId")
  const families = [...world.grants.families.values()]
    .filter((family) => userId === null || family.userId === userId).slice(-familiesShown)
  return json(200, {
    families: families.map((family) => shown(family, nowMs)),
    personal: [...world.accounts.byToken].filter(([, one]) => userId === null || one.userId === userId)
      .slice(0, familiesShown)
      .map(([token, one]) => ({ token, userId: one.userId, alive: !world.deadTokens.has(token) })),
  })
}

/** The user removes the app in their settings; with `personal` they also get themselves a new personal token. */
const revoke = withAccount(({ userId }, { world, request: { fields, nowMs } }) => {
  const unknown = unknownKey(fields, ["userId", "token", "clientId", "personal"])
  if (unknown !== undefined) return refused(400, unknown)
  const families = [...world.grants.byUser.get(userId) ?? []]
    .filter(({ clientId }) => fields["clientId"] === undefined || clientId === fields["clientId"])
  for (const family of families) endFamily(world.grants, family, "user", nowMs)
  if (fields["personal"] === true) {
    for (const [token, account] of world.accounts.byToken) if (account.userId === userId) world.deadTokens.add(token)
    const named = fields["token"]
    if (typeof named === "string") world.deadTokens.add(named)
  }
  world.changed()
  return json(200, { revoked: families.length })
})

/** Every access token of the user is over now; refresh tokens live. */
const expire = withAccount(({ userId }, { world, request: { nowMs } }) => {
  let expired = 0
  for (const family of world.grants.byUser.get(userId) ?? []) {
    for (const access of family.access) {
      access.expiresAtMs = nowMs
      expired++
    }
  }
  world.changed()
  return json(200, { expired })
})

/** Whom an access or refresh token belongs to. */
const whose: SimRoute = ({ world, request: { fields } }) => {
  const family = world.grants.byToken.get(String(fields["token"] ?? ""))
  const account = family && accountOfUser(world.accounts, family.userId)
  return family === undefined || account === undefined
    ? refused(404, "unknown token")
    : json(200, { userId: family.userId, clientId: family.clientId, scopes: family.scopes, endedBy: family.endedBy })
}

export const oauthControls: SimRoutes = [
  ["GET /_sim/clients", showClients],
  ["POST /_sim/clients", putClient],
  ["POST /_sim/oauth/approve", approve],
  ["GET /_sim/tokens", showTokens],
  ["POST /_sim/tokens/whose", whose],
  ["POST /_sim/tokens/revoke", revoke],
  ["POST /_sim/tokens/expire", expire],
]
