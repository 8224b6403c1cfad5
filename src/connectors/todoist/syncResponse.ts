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
import type { ConnectorError, ProviderUnavailable } from "../Connector.ts"
import { isHtml, isSuccess, isSyncTokenRefused, parseJson, refusalOf, toMs, unavailable } from "./refusal.ts"
import type { RawReply } from "./refusal.ts"
import { everything } from "./syncRequest.ts"

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

const decodeEnvelope = Schema.decodeUnknownOption(Envelope)
const decodeProject = Schema.decodeUnknownOption(WireProject)
const decodeUser = Schema.decodeUnknownOption(WireUser)

/** `sentToken` is the one the request carried: what a refusal or a full reply means depends on it. */
export const processSyncResponse = (raw: RawReply, sentToken: string): Processed => {
  if (isSuccess(raw)) return processReply(raw, sentToken)
  if (sentToken !== everything && isSyncTokenRefused(raw)) return { _tag: "SyncTokenInvalid" }
  return { _tag: "Failed", error: refusalOf(raw) }
}

const failed = (raw: RawReply, reason: ProviderUnavailable["reason"]): Processed => ({
  _tag: "Failed",
  error: unavailable(raw, reason),
})

const processReply = (raw: RawReply, sentToken: string): Processed => {
  if (isHtml(raw)) return failed(raw, "html")
  const json = parseJson(raw.text)
  if (json === undefined) return failed(raw, "malformed")
  const envelope = Option.getOrUndefined(decodeEnvelope(json))
  if (envelope === undefined) return failed(raw, "incomplete")
  // An incremental reply may leave an empty array out; a full one without it says nothing about what is gone.
  const isWhole = envelope.items !== undefined && envelope.projects !== undefined
  if (envelope.full_sync && !isWhole) return failed(raw, "incomplete")
  // Everything was asked for and the reply says this is only what changed: against nothing.
  if (!envelope.full_sync && sentToken === everything) return failed(raw, "incomplete")
  return {
    _tag: "Reply",
    syncToken: envelope.sync_token,
    isFull: envelope.full_sync,
    snapshotAgeMs: envelope.full_sync ? snapshotAgeMs(envelope.full_sync_date_utc, raw.headers["date"]) : 0,
    items: envelope.items ?? [],
    projects: (envelope.projects ?? []).map(toProject),
    user: toUser(envelope.user),
  }
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
