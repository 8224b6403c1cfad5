/**
 * What Todoist's token endpoint answered: tokens, or what it means that there are none. Pure.
 *
 * An older app gets one token that lives until it is revoked; a newer one a pair, of which the access token lives an
 * hour and the refresh token is good once.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Authorization/OAuth, RFC 6749 sections 5.1 and 5.2
 */
import { Option, Redacted, Result, Schema } from "effect"
import { type ConnectorError, ProviderRefused, TokenRejected } from "../Connector.ts"
import { isHtml, isSuccess, parseJson, provider, type RawReply, refusalOf, toMs, unavailable } from "./refusal.ts"
import { sendableToken } from "./todoistHttp.ts"

export interface Tokens {
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string> | null
  readonly expiresAtMs: number | null
  readonly scopes: ReadonlyArray<string> | null
}

const Sendable = Schema.String.check(Schema.isPattern(sendableToken))

const decode = Schema.decodeUnknownOption(Schema.Struct({
  access_token: Sendable,
  refresh_token: Schema.optionalKey(Schema.NullOr(Sendable)),
  expires_in: Schema.optionalKey(Schema.Unknown),
  scope: Schema.optionalKey(Schema.Unknown),
}))

const decodeError = Schema.decodeUnknownOption(
  Schema.Struct({ error: Schema.String.check(Schema.isPattern(/^[a-z_]{1,64}$/)) }),
)

/** The code or refresh token is spent, unknown or not for this app: only the user can get another. */
const deadGrant = new Set(["bad_authorization_code", "invalid_grant"])

/** Older apps are said to answer ten years. A date that far tells nothing. */
const lifeMaxSeconds = 365 * 86_400

/** The process's clock and Todoist's further apart than this are not compared: see `expiresAtMs`. */
const skewMaxMs = 10 * 60_000

/**
 * Counted from the server's own time of the reply, which is before it arrived, and which other processes share. Where
 * this process's clock is far off, from that clock, because it is what will be looked at: a token that seems expired on
 * arrival would be refreshed with every call.
 */
const expiresAtMs = (expiresIn: unknown, raw: RawReply, nowMs: number): number | null => {
  if (typeof expiresIn !== "number" || !(expiresIn > 0) || expiresIn > lifeMaxSeconds) return null
  const sentAtMs = toMs(raw.headers["date"])
  const fromMs = sentAtMs === null || Math.abs(sentAtMs - nowMs) > skewMaxMs ? nowMs : sentAtMs
  return Math.floor(fromMs + expiresIn * 1_000)
}

/** Comma separated at Todoist, by spaces in the standard. */
const scopesOf = (scope: unknown): ReadonlyArray<string> | null => {
  const names = typeof scope === "string" ? scope.split(/[\s,]+/).filter((name) => name !== "") : []
  return names.length === 0 ? null : names
}

export const tokenReply = (raw: RawReply, nowMs: number): Result.Result<Tokens, ConnectorError> => {
  const json = parseJson(raw.text)
  const tokens = isSuccess(raw) ? Option.getOrUndefined(decode(json)) : undefined
  if (tokens === undefined) return Result.fail(problemOf(raw, json))
  const { access_token, refresh_token, expires_in, scope } = tokens
  return Result.succeed({
    accessToken: Redacted.make(access_token),
    refreshToken: typeof refresh_token === "string" ? Redacted.make(refresh_token) : null,
    expiresAtMs: expiresAtMs(expires_in, raw, nowMs),
    scopes: scopesOf(scope),
  })
}

const problemOf = (raw: RawReply, json: unknown): ConnectorError => {
  const code = Option.getOrUndefined(decodeError(json))?.error
  if (raw.status < 500 && raw.status !== 429 && code !== undefined) {
    return deadGrant.has(code)
      ? new TokenRejected({ provider, status: raw.status })
      : new ProviderRefused({ provider, status: raw.status, tag: code })
  }
  if (isSuccess(raw)) return unavailable(raw, isHtml(raw) ? "html" : json === undefined ? "malformed" : "incomplete")
  const error = refusalOf(raw, "resource")
  // Without a code it is this app that is not known here, not the user's token that is dead.
  return error._tag === "TokenRejected" || error._tag === "ScopeMissing"
    ? new ProviderRefused({ provider, status: raw.status, tag: "invalid_client" })
    : error
}
