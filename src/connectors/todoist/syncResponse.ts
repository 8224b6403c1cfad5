/**
 * What came back from `POST /api/v1/sync`: a reply, or what it means that there is none. Pure and total.
 *
 * Lenient at the envelope: unknown keys are ignored and items stay as they are, to be read one by one. Strict where
 * leniency would lose tasks: a reply without a sync token, or a full one without its arrays, is no reply.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Sync (reply), /#tag/Request-limits
 */
import { Option, Schema } from "effect"
import { isTimeZone } from "../../../schemas/localTime.ts"
import { ProviderRefused, ProviderUnavailable, RateLimited, ScopeMissing, TokenRejected } from "../Connector.ts"
import type { ConnectorError } from "../Connector.ts"
import { everything } from "./syncRequest.ts"

const provider = "todoist"

/** As it came over the wire; header names in lower case. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

export interface ProjectChange {
  readonly id: string
  readonly name: string
  readonly isArchived: boolean
  readonly isDeleted: boolean
}

export interface Reply {
  readonly _tag: "Reply"
  readonly syncToken: string
  readonly isFull: boolean
  /** By the server's own clock; 0 when it did not say. A large account's full reply may have been made minutes ago. */
  readonly snapshotAgeMs: number
  readonly items: ReadonlyArray<unknown>
  /** `undefined` stands for one that could not be understood. */
  readonly projects: ReadonlyArray<ProjectChange | undefined>
  /** Null when the reply says nothing of the user. `timeZone` is null when it is none that this runtime knows. */
  readonly user: { readonly id: string | null; readonly timeZone: string | null } | null
  readonly commandStatus: ReadonlyMap<string, unknown>
}

export type Processed =
  | Reply
  /** Todoist no longer knows the sync token: everything has to be read again. */
  | { readonly _tag: "SyncTokenInvalid" }
  | { readonly _tag: "Failed"; readonly error: ConnectorError }

const Envelope = Schema.Struct({
  sync_token: Schema.NonEmptyString,
  full_sync: Schema.Boolean,
  full_sync_date_utc: Schema.optionalKey(Schema.Unknown),
  items: Schema.optionalKey(Schema.Array(Schema.Unknown)),
  projects: Schema.optionalKey(Schema.Array(Schema.Unknown)),
  user: Schema.optionalKey(Schema.Unknown),
  sync_status: Schema.optionalKey(Schema.Unknown),
})

const WireProject = Schema.Struct({
  id: Schema.NonEmptyString,
  name: Schema.String,
  is_archived: Schema.optionalKey(Schema.Boolean),
  is_deleted: Schema.optionalKey(Schema.Boolean),
})

const WireUser = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  tz_info: Schema.optionalKey(Schema.NullOr(Schema.Struct({ timezone: Schema.optionalKey(Schema.String) }))),
})

const WireError = Schema.Struct({
  error: Schema.optionalKey(Schema.Unknown),
  error_code: Schema.optionalKey(Schema.Unknown),
  error_tag: Schema.optionalKey(Schema.Unknown),
  error_extra: Schema.optionalKey(Schema.Unknown),
})

const decodeEnvelope = Schema.decodeUnknownOption(Envelope)
const decodeProject = Schema.decodeUnknownOption(WireProject)
const decodeUser = Schema.decodeUnknownOption(WireUser)
const decodeError = Schema.decodeUnknownOption(WireError)
const decodeRecord = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `sentToken` is the one the request carried: what a refusal or a full reply means depends on it. */
export const processSyncResponse = (raw: RawReply, sentToken: string): Processed =>
  raw.status >= 200 && raw.status < 300 ? processReply(raw, sentToken) : processRefusal(raw, sentToken)

// --- Replies ---

const failed = (error: ConnectorError): Processed => ({ _tag: "Failed", error })

const unavailable = (raw: RawReply, reason: ProviderUnavailable["reason"], retryAfterMs: number | null = null) =>
  failed(new ProviderUnavailable({ provider, reason, status: raw.status, retryAfterMs }))

const isHtml = (raw: RawReply): boolean =>
  /\bhtml\b/i.test(raw.headers["content-type"] ?? "") || raw.text.trimStart().startsWith("<")

const processReply = (raw: RawReply, sentToken: string): Processed => {
  if (isHtml(raw)) return unavailable(raw, "html")
  const json = parseJson(raw.text)
  if (json === undefined) return unavailable(raw, "malformed")
  const envelope = Option.getOrUndefined(decodeEnvelope(json))
  if (envelope === undefined) return unavailable(raw, "incomplete")
  // An incremental reply may leave an empty array out; a full one without it says nothing about what is gone.
  const isWhole = envelope.items !== undefined && envelope.projects !== undefined
  if (envelope.full_sync && !isWhole) return unavailable(raw, "incomplete")
  // Everything was asked for and the reply says this is only what changed: against nothing.
  if (!envelope.full_sync && sentToken === everything) return unavailable(raw, "incomplete")
  return {
    _tag: "Reply",
    syncToken: envelope.sync_token,
    isFull: envelope.full_sync,
    snapshotAgeMs: envelope.full_sync ? snapshotAgeMs(envelope.full_sync_date_utc, raw.headers["date"]) : 0,
    items: envelope.items ?? [],
    projects: (envelope.projects ?? []).map(toProject),
    user: toUser(envelope.user),
    commandStatus: new Map(Object.entries(Option.getOrElse(decodeRecord(envelope.sync_status), () => ({})))),
  }
}

const toMs = (text: unknown): number | null => {
  const at = typeof text === "string" ? Date.parse(text) : NaN
  return Number.isNaN(at) ? null : at
}

const snapshotAgeMs = (madeAt: unknown, sentAt: string | undefined): number => {
  const [from, to] = [toMs(madeAt), toMs(sentAt)]
  return from === null || to === null ? 0 : Math.max(0, to - from)
}

/** Project names are kept in every cursor, so they are bounded. Todoist allows 120 characters. */
const projectNameMaxChars = 200

const toProject = (wire: unknown): ProjectChange | undefined => {
  const project = Option.getOrUndefined(decodeProject(wire))
  return project === undefined ? undefined : {
    id: project.id,
    name: project.name.slice(0, projectNameMaxChars).replaceAll("\u0000", "").toWellFormed(),
    isArchived: project.is_archived ?? false,
    isDeleted: project.is_deleted ?? false,
  }
}

const toUser = (wire: unknown): Reply["user"] => {
  const user = Option.getOrUndefined(decodeUser(wire))
  if (user === undefined) return null
  const zone = user.tz_info?.timezone
  return { id: user.id ?? null, timeZone: zone !== undefined && isTimeZone(zone) ? zone : null }
}

// --- Refusals ---

const processRefusal = (raw: RawReply, sentToken: string): Processed => {
  const said = Option.getOrElse(decodeError(parseJson(raw.text)), () => ({})) as typeof WireError.Type
  const tag = toTag(said)
  if (raw.status === 429) return failed(new RateLimited({ provider, retryAfterMs: retryAfterMs(raw, said) }))
  if (raw.status >= 500) {
    // Todoist sends `retry_after` with errors that no waiting mends; only 429 and 503 mean it.
    return unavailable(raw, isHtml(raw) ? "html" : "server-error", raw.status === 503 ? retryAfterMs(raw, said) : null)
  }
  if (raw.status === 401) return failed(new TokenRejected({ provider, status: raw.status }))
  if (raw.status === 408) return unavailable(raw, "timeout")
  if (raw.status === 404 || raw.status === 410 || raw.status < 400) return refusedOrStale(raw, said, tag, sentToken)
  if (isHtml(raw)) return unavailable(raw, "html")
  if (raw.status === 403) {
    // Todoist answers a dead token with HTTP 403 around its own code 401.
    if (tag === "AUTH_INVALID_TOKEN" || said.error_code === 401) {
      return failed(new TokenRejected({ provider, status: raw.status }))
    }
    if (/SCOPE/i.test(tag ?? "") || /\bscope\b/i.test(errorText(raw, said))) {
      return failed(new ScopeMissing({ provider }))
    }
  }
  return refusedOrStale(raw, said, tag, sentToken)
}

const refusedOrStale = (
  raw: RawReply,
  said: typeof WireError.Type,
  tag: string | null,
  sentToken: string,
): Processed => {
  const mentionsSyncToken = /SYNC_?TOKEN/i.test(tag ?? "") || /sync[\s_-]*token/i.test(errorText(raw, said)) ||
    extraOf(said)["argument"] === "sync_token"
  if (raw.status >= 400 && mentionsSyncToken && sentToken !== everything) return { _tag: "SyncTokenInvalid" }
  return failed(new ProviderRefused({ provider, status: raw.status, tag: raw.status < 400 ? "redirect" : tag }))
}

const extraOf = (said: typeof WireError.Type): Readonly<Record<string, unknown>> =>
  Option.getOrElse(decodeRecord(said.error_extra), () => ({}))

/** Only ever matched against, never passed on: error texts may quote what the user wrote. */
const errorText = (raw: RawReply, said: typeof WireError.Type): string =>
  typeof said.error === "string" ? said.error : isHtml(raw) ? "" : raw.text.slice(0, 1_000)

/** The provider's code for an error, if it looks like a code: never free text. */
export const toTag = (said: { readonly error_tag?: unknown; readonly error_code?: unknown }): string | null => {
  if (typeof said.error_tag === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(said.error_tag)) return said.error_tag
  return Number.isSafeInteger(said.error_code) ? `code ${said.error_code}` : null
}

/** Asked for less than the first is a tight loop, for more than the second a user forgotten: limits last 15 minutes. */
const retryAfterMinMs = 1_000
const retryAfterMaxMs = 3_600_000

/** The header (RFC 9110 section 10.2.3, seconds or a date), else `error_extra.retry_after` in seconds. */
const retryAfterMs = (raw: RawReply, said: typeof WireError.Type): number | null => {
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
