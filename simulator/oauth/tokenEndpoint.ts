/** `POST /oauth/access_token`, `POST /api/v1/revoke` and the older `DELETE /api/v1/access_tokens`. */
import type { Fields } from "../syncRequest.ts"
import { json, type Reply } from "../reply.ts"
import type { World } from "../world.ts"
import type { OAuthClient } from "./clients.ts"
import { exchangeCode, type OAuthError, refreshPair, revokeToken, type TokenReply } from "./grants.ts"

const textOf = (fields: Fields, key: string): string | undefined => {
  const value = fields[key]
  return typeof value === "string" && value !== "" ? value : undefined
}

export const oauthFailure = (error: string, status = 400): Reply => json(status, { error })

/** Fields of HTTP Basic credentials, decoded as RFC 6749 asks. */
const basicOf = (authorization: string | undefined): { readonly id: string; readonly secret: string } | undefined => {
  const encoded = /^Basic +(\S+)$/i.exec(authorization ?? "")?.[1]
  if (encoded === undefined) return undefined
  const [id = "", ...secret] = Buffer.from(encoded, "base64").toString("utf8").split(":")
  return { id, secret: secret.join(":") }
}

const credentialsOf = (fields: Fields, authorization: string | undefined) =>
  basicOf(authorization) ?? { id: textOf(fields, "client_id") ?? "", secret: textOf(fields, "client_secret") }

/** The client; undefined when its credentials are wrong. A secret may be missing only where `secretless` says so. */
const clientOf = (
  world: World,
  fields: Fields,
  authorization: string | undefined,
  secretless: boolean,
): OAuthClient | undefined => {
  const { id, secret } = credentialsOf(fields, authorization)
  const client = world.grants.clients.get(id)
  if (client === undefined || (secret === undefined ? !secretless : secret !== client.secret)) return undefined
  return client
}

const settle = (world: World, fields: Fields, authorization: string | undefined, nowMs: number) => {
  const refresh = textOf(fields, "refresh_token")
  const refreshes = fields["grant_type"] === "refresh_token"
  const client = clientOf(world, fields, authorization, refreshes)
  if (client === undefined) return "incorrect_application_credentials" as const
  if (refreshes) return refreshPair(world.grants, client, refresh ?? "", world.switches, nowMs)
  return exchangeCode(
    world.grants,
    client,
    {
      code: textOf(fields, "code") ?? "",
      redirectUri: textOf(fields, "redirect_uri"),
      verifier: textOf(fields, "code_verifier"),
    },
    world.switches,
    nowMs,
  )
}

export const tokenReply = (
  world: World,
  fields: Fields,
  authorization: string | undefined,
  nowMs: number,
): Reply => {
  const settled: TokenReply | OAuthError = settle(world, fields, authorization, nowMs)
  world.changed()
  if (typeof settled === "string") return oauthFailure(settled)
  const reply = json(200, settled)
  return { ...reply, headers: { ...reply.headers, "cache-control": "no-store" } }
}

/** RFC 7009. Only HTTP Basic says who asks. */
export const revokeReply = (world: World, fields: Fields, authorization: string | undefined, nowMs: number): Reply => {
  const client = basicOf(authorization) === undefined ? undefined : clientOf(world, {}, authorization, false)
  if (client === undefined) return oauthFailure("incorrect_application_credentials", 401)
  const token = textOf(fields, "token")
  if (token === undefined) return oauthFailure("invalid_request")
  revokeToken(world.grants, client, token, world.switches, nowMs)
  world.changed()
  return json(200, null)
}

/** The older way, with the secret in the query. */
export const revokeByQuery = (world: World, query: URLSearchParams, nowMs: number): Reply => {
  const client = clientOf(world, Object.fromEntries(query), undefined, false)
  if (client === undefined) return oauthFailure("incorrect_application_credentials")
  revokeToken(world.grants, client, query.get("access_token") ?? "", world.switches, nowMs)
  world.changed()
  return { status: 204, headers: {}, body: "" }
}

/** Whom a call of these endpoints is about, for faults and the request log. */
export const userOf = (world: World, fields: Fields, query: URLSearchParams): string | null => {
  const token = textOf(fields, "refresh_token") ?? textOf(fields, "token") ?? query.get("access_token") ?? ""
  return world.grants.byToken.get(token)?.userId ?? world.grants.codes.get(textOf(fields, "code") ?? "")?.userId ?? null
}
