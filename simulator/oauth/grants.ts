/**
 * What users granted: authorization codes, and the tokens that came of them. All tokens of one consent are a family,
 * which is revoked as a whole. Refresh tokens rotate; the one rotated last works on for a grace time, and an older one
 * ends the family, because then two parties hold it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.14
 */
import { createHash, randomBytes } from "node:crypto"
import type { Switches } from "../switches.ts"
import type { OAuthClient } from "./clients.ts"
import type { Scope } from "./scopes.ts"

type Code = {
  readonly clientId: string
  readonly userId: string
  readonly scopes: ReadonlyArray<Scope>
  /** Undefined when the authorization request named none. */
  readonly redirectUri: string | undefined
  readonly challenge: string | undefined
  readonly expiresAtMs: number
  used: boolean
}

export type AccessToken = { readonly token: string; expiresAtMs: number | null }
export type RefreshToken = { readonly token: string; rotatedAtMs: number | null }

export type Family = {
  readonly id: string
  readonly clientId: string
  readonly userId: string
  readonly scopes: ReadonlyArray<Scope>
  readonly createdAtMs: number
  endedAtMs: number | null
  endedBy: "user" | "client" | "replay" | null
  /** Newest last, at most `tokensPerFamily` of each. */
  access: ReadonlyArray<AccessToken>
  refresh: ReadonlyArray<RefreshToken>
}

export type Grants = {
  readonly clients: Map<string, OAuthClient>
  readonly codes: Map<string, Code>
  readonly families: Map<string, Family>
  /** The families by each of their tokens. */
  readonly byToken: Map<string, Family>
  /** How many living families a client has of a user: webhooks go only to apps the user connected. */
  readonly byUser: Map<string, Set<Family>>
}

export type OAuthError = "bad_authorization_code" | "incorrect_application_credentials" | "invalid_grant"

export type TokenReply = {
  readonly access_token: string
  readonly token_type: "Bearer"
  readonly refresh_token?: string
  readonly expires_in?: number
  readonly scope?: string
}

/** Codes live for minutes; more at once is a loop. */
const codesMax = 20_000
/** Two per account of a load test, with room for reconnects. */
const familiesMax = 250_000
/** Refreshing hourly, more than a day of replays is still recognised. */
const tokensPerFamily = 30
const tenYearsSeconds = 315_360_000

export const newGrants = (): Grants => ({
  clients: new Map(),
  codes: new Map(),
  families: new Map(),
  byToken: new Map(),
  byUser: new Map(),
})

/** 40 hex characters, as the service's tokens have. */
export const newToken = (): string => randomBytes(20).toString("hex")

const dropOldest = <A>(map: Map<string, A>, max: number, forget: (value: A) => void): void => {
  for (const [key, value] of map) {
    if (map.size <= max) return
    map.delete(key)
    forget(value)
  }
}

export const issueCode = (
  grants: Grants,
  request: Omit<Code, "expiresAtMs" | "used">,
  switches: Switches,
  nowMs: number,
): string => {
  const code = newToken()
  grants.codes.set(code, { ...request, expiresAtMs: nowMs + switches.codeMs, used: false })
  dropOldest(grants.codes, codesMax, () => {})
  return code
}

/** Puts a family into every index; also for families read from disk. */
export const addFamily = (grants: Grants, family: Family): void => {
  grants.families.set(family.id, family)
  for (const { token } of [...family.access, ...family.refresh]) grants.byToken.set(token, family)
  if (family.endedAtMs === null) {
    const ofUser = grants.byUser.get(family.userId)
    if (ofUser === undefined) grants.byUser.set(family.userId, new Set([family]))
    else ofUser.add(family)
  }
  dropOldest(grants.families, familiesMax, (oldest) => forget(grants, oldest))
}

const forget = (grants: Grants, family: Family): void => {
  for (const { token } of [...family.access, ...family.refresh]) grants.byToken.delete(token)
  unlink(grants, family)
}

const unlink = (grants: Grants, family: Family): void => {
  const ofUser = grants.byUser.get(family.userId)
  ofUser?.delete(family)
  if (ofUser?.size === 0) grants.byUser.delete(family.userId)
}

/** Ends every token of the family. The tokens stay known, so that a replay is recognised. */
export const endFamily = (grants: Grants, family: Family, by: Family["endedBy"], nowMs: number): void => {
  if (family.endedAtMs !== null) return
  family.endedAtMs = nowMs
  family.endedBy = by
  unlink(grants, family)
}

const capped = <A extends { readonly token: string }>(grants: Grants, list: ReadonlyArray<A>): ReadonlyArray<A> => {
  const [oldest] = list
  if (list.length <= tokensPerFamily || oldest === undefined) return list
  grants.byToken.delete(oldest.token)
  return list.slice(1)
}

const issuePair = (
  grants: Grants,
  family: Family,
  client: OAuthClient,
  switches: Switches,
  nowMs: number,
): TokenReply => {
  const expiresAtMs = client.refreshEnabled ? nowMs + switches.accessTokenMs : null
  const access: AccessToken = { token: newToken(), expiresAtMs }
  family.access = capped(grants, [...family.access, access])
  grants.byToken.set(access.token, family)
  // The request separates them by commas; the reply, as RFC 6749 has it, by spaces.
  const scope = family.scopes.join(" ")
  if (!client.refreshEnabled) {
    const expires = switches.classicExpiresIn === "ten-years" ? { expires_in: tenYearsSeconds } : {}
    return { access_token: access.token, token_type: "Bearer", ...expires }
  }
  const refresh: RefreshToken = { token: newToken(), rotatedAtMs: null }
  family.refresh = capped(grants, [...family.refresh, refresh])
  grants.byToken.set(refresh.token, family)
  return {
    access_token: access.token,
    refresh_token: refresh.token,
    token_type: "Bearer",
    expires_in: Math.floor(switches.accessTokenMs / 1000),
    scope,
  }
}

const matches = (challenge: string | undefined, verifier: string | undefined): boolean => {
  if (challenge === undefined) return true
  return verifier !== undefined && createHash("sha256").update(verifier).digest("base64url") === challenge
}

/** A code is spent by the first try that finds it, also by one that fails. */
export const exchangeCode = (
  grants: Grants,
  client: OAuthClient,
  given: { readonly code: string; readonly redirectUri: string | undefined; readonly verifier: string | undefined },
  switches: Switches,
  nowMs: number,
): TokenReply | OAuthError => {
  const code = grants.codes.get(given.code)
  if (code === undefined || code.clientId !== client.id || code.expiresAtMs <= nowMs) return "bad_authorization_code"
  if (code.used) return "invalid_grant"
  code.used = true
  if (given.redirectUri !== undefined && code.redirectUri !== undefined && given.redirectUri !== code.redirectUri) {
    return "invalid_grant"
  }
  if (!matches(code.challenge, given.verifier)) return "invalid_grant"
  const { clientId, userId, scopes } = code
  const family: Family = {
    id: newToken().slice(0, 16),
    clientId,
    userId,
    scopes,
    createdAtMs: nowMs,
    endedAtMs: null,
    endedBy: null,
    access: [],
    refresh: [],
  }
  addFamily(grants, family)
  return issuePair(grants, family, client, switches, nowMs)
}

export const refreshPair = (
  grants: Grants,
  client: OAuthClient,
  given: string,
  switches: Switches,
  nowMs: number,
): TokenReply | OAuthError => {
  const family = grants.byToken.get(given)
  const refresh = family?.refresh.find(({ token }) => token === given)
  if (family === undefined || refresh === undefined) return "invalid_grant"
  if (family.clientId !== client.id || family.endedAtMs !== null) return "invalid_grant"
  if (refresh.rotatedAtMs === null) refresh.rotatedAtMs = nowMs
  else {
    const last = family.refresh.findLast(({ rotatedAtMs }) => rotatedAtMs !== null)
    if (last !== refresh || nowMs - refresh.rotatedAtMs > switches.refreshGraceMs) {
      endFamily(grants, family, "replay", nowMs)
      return "invalid_grant"
    }
  }
  return issuePair(grants, family, client, switches, nowMs)
}

/** RFC 7009: an unknown token, or one of another client, is no error. */
export const revokeToken = (
  grants: Grants,
  client: OAuthClient,
  given: string,
  switches: Switches,
  nowMs: number,
): void => {
  const family = grants.byToken.get(given)
  if (family === undefined || family.clientId !== client.id) return
  family.access = family.access.filter(({ token }) => token !== given)
  family.refresh = family.refresh.filter(({ token }) => token !== given)
  grants.byToken.delete(given)
  const empty = family.access.length === 0 && family.refresh.every(({ rotatedAtMs }) => rotatedAtMs !== null)
  if (switches.revokeSibling === "both" || empty) endFamily(grants, family, "client", nowMs)
}

/** The family of a living access token. */
export const familyOfAccess = (grants: Grants, token: string, nowMs: number): Family | undefined => {
  const family = grants.byToken.get(token)
  if (family === undefined || family.endedAtMs !== null) return undefined
  const access = family.access.find((one) => one.token === token)
  if (access === undefined) return undefined
  return access.expiresAtMs === null || access.expiresAtMs > nowMs ? family : undefined
}
