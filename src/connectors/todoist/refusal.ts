/**
 * What it means that Todoist did not do what it was asked. Pure and total, for every endpoint but those of OAuth.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Errors, /#tag/Request-limits
 */
import { Option, Schema } from "effect"
import { ProviderGone, ProviderRefused, ProviderUnavailable, RateLimited } from "../Connector.ts"
import { type ConnectorError, ScopeMissing, TokenRejected } from "../Connector.ts"

export const provider = "todoist"

/** As it came over the wire; header names in lower case. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

const WireError = Schema.Struct({
  error: Schema.optionalKey(Schema.Unknown),
  error_code: Schema.optionalKey(Schema.Unknown),
  error_tag: Schema.optionalKey(Schema.Unknown),
  error_extra: Schema.optionalKey(Schema.Unknown),
})
type Said = typeof WireError.Type

const decodeError = Schema.decodeUnknownOption(WireError)
export const decodeRecord = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isHtml = (raw: RawReply): boolean =>
  /\bhtml\b/i.test(raw.headers["content-type"] ?? "") || raw.text.trimStart().startsWith("<")

export const isSuccess = ({ status }: RawReply): boolean => status >= 200 && status < 300

export const unavailable = (raw: RawReply, reason: ProviderUnavailable["reason"], retryAfterMs: number | null = null) =>
  new ProviderUnavailable({ provider, reason, status: raw.status, retryAfterMs })

/** Of a reply that is no success. `asked` tells what a 410 is about: a single thing may be gone as well. */
export const refusalOf = (raw: RawReply, asked: "endpoint" | "resource" = "endpoint"): ConnectorError => {
  const said = saidIn(raw)
  const tag = toTag(said)
  if (raw.status === 429) return new RateLimited({ provider, retryAfterMs: retryAfterMs(raw, said) })
  if (raw.status >= 500) {
    // Todoist sends `retry_after` with errors that no waiting mends; only 429 and 503 mean it.
    return unavailable(raw, isHtml(raw) ? "html" : "server-error", raw.status === 503 ? retryAfterMs(raw, said) : null)
  }
  if (raw.status === 401 || isDeadToken(raw, said)) return new TokenRejected({ provider, status: raw.status })
  if (raw.status === 408) return unavailable(raw, "timeout")
  if (raw.status === 403 && (/SCOPE/i.test(tag ?? "") || /\bscope\b/i.test(errorText(raw, said)))) {
    return new ScopeMissing({ provider })
  }
  if (raw.status === 410 && (asked === "endpoint" ? !isSyncTokenRefused(raw) : isSunset(raw))) {
    return new ProviderGone({ provider })
  }
  // An edge that answers in HTML says nothing of the request; what is not found, gone or elsewhere is so all the same.
  const isFinal = raw.status === 404 || raw.status === 410 || raw.status < 400
  if (!isFinal && isHtml(raw)) return unavailable(raw, "html")
  return new ProviderRefused({ provider, status: raw.status, tag: raw.status < 400 ? "redirect" : tag })
}

/** Todoist answers a dead token with HTTP 403 around its own code 401. */
const isDeadToken = (raw: RawReply, said: Said): boolean =>
  raw.status === 403 && (said.error_tag === "AUTH_INVALID_TOKEN" || said.error_code === 401)

const isSunset = (raw: RawReply): boolean =>
  /planned unavailability|api version|version of (this|the) api|deprecated/i.test(raw.text)

/** Whether it is the sync token that is refused, by tag, text or argument. */
export const isSyncTokenRefused = (raw: RawReply): boolean => {
  // These speak of the user or of the moment, whatever words they use.
  if (raw.status < 400 || raw.status >= 500 || [401, 408, 429].includes(raw.status)) return false
  const said = saidIn(raw)
  if (isDeadToken(raw, said)) return false
  return /SYNC_?TOKEN/i.test(toTag(said) ?? "") || /sync[\s_-]*token/i.test(errorText(raw, said)) ||
    extraOf(said)["argument"] === "sync_token"
}

const saidIn = (raw: RawReply): Said => Option.getOrElse(decodeError(parseJson(raw.text)), () => ({}))

const extraOf = (said: Said): Readonly<Record<string, unknown>> =>
  Option.getOrElse(decodeRecord(said.error_extra), () => ({}))

/** Only ever matched against, never passed on: error texts may quote what the user wrote. */
const errorText = (raw: RawReply, said: Said): string =>
  typeof said.error === "string" ? said.error : isHtml(raw) ? "" : raw.text.slice(0, 1_000)

/** The provider's code for an error, if it looks like a code: never free text. */
export const toTag = (said: { readonly error_tag?: unknown; readonly error_code?: unknown }): string | null => {
  if (typeof said.error_tag === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(said.error_tag)) return said.error_tag
  return Number.isSafeInteger(said.error_code) ? `code ${said.error_code}` : null
}

export const toMs = (text: unknown): number | null => {
  const at = typeof text === "string" ? Date.parse(text) : NaN
  return Number.isNaN(at) ? null : at
}

/** Asked for less than the first is a tight loop, for more than the second a user forgotten: limits last 15 minutes. */
const retryAfterMinMs = 1_000
const retryAfterMaxMs = 3_600_000

/** The header (RFC 9110 section 10.2.3, seconds or a date), else `error_extra.retry_after` in seconds. */
const retryAfterMs = (raw: RawReply, said: Said): number | null => {
  const header = raw.headers["retry-after"]?.trim() ?? ""
  const until = toMs(/^\d+$/.test(header) ? undefined : header)
  const sentAt = toMs(raw.headers["date"])
  const inBody = extraOf(said)["retry_after"]
  const asked = /^\d+$/.test(header)
    ? Number(header) * 1_000
    : until !== null && sentAt !== null
    ? until - sentAt
    : typeof inBody === "number" && Number.isFinite(inBody)
    ? inBody * 1_000
    : null
  return asked === null ? null : Math.round(Math.min(Math.max(asked, retryAfterMinMs), retryAfterMaxMs))
}
