/**
 * Answers one `POST /sync`: first the commands, then what changed since the token that came with the call, so a call
 * that does both sees its own writes.
 *
 * Full: active objects only. Incremental: every object changed since, whole, tombstones and completed ones included.
 */
import { type Account, isActive, type Stored } from "./account.ts"
import { type ApiError, syncTokenInvalid } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { runCommands } from "./runCommands.ts"
import { emptyResources, type SyncRequest } from "./syncRequest.ts"
import { issueToken, seqOfToken } from "./syncToken.ts"
import { userResource } from "./user.ts"
import type { Item } from "./wire.ts"

/** What a token from elsewhere gets: no primary source says which the live service does, so both exist. */
export type InvalidTokenMode = "reject" | "silent-full"

export type SyncSettings = {
  readonly secret: string
  readonly nowMs: number
  readonly invalidTokenMode: InvalidTokenMode
  /** Treat the given token as invalid. */
  readonly distrustToken?: boolean
  /** Serve a full snapshot as it was that long ago; the token continues from there, so nothing is lost. */
  readonly staleMs?: number
}

export type SyncBody = Readonly<Record<string, unknown>> & { readonly items?: ReadonlyArray<Item> }

export const isFullRead = (request: SyncRequest): boolean =>
  request.resourceTypes !== undefined && (request.syncToken === undefined || request.syncToken === "*")

export const answerSync = (account: Account, request: SyncRequest, settings: SyncSettings): SyncBody | ApiError => {
  const { syncToken } = request
  const given = syncToken === undefined || syncToken === "*" ? undefined : syncToken
  const since = given === undefined || settings.distrustToken === true
    ? undefined
    : seqOfToken(settings.secret, account, given)
  if (given !== undefined && since === undefined && settings.invalidTokenMode === "reject") return syncTokenInvalid()

  const batch = runCommands(account, request.commands, settings.nowMs)
  const asOfMs = since === undefined ? settings.nowMs - (settings.staleMs ?? 0) : settings.nowMs
  const seq = asOfMs === settings.nowMs ? account.seq : seqAsOf(account, asOfMs)
  return {
    full_sync: since === undefined,
    ...(since === undefined ? { full_sync_date_utc: wireTime(asOfMs) } : {}),
    sync_token: issueToken(settings.secret, account, seq),
    temp_id_mapping: batch.temp_id_mapping,
    ...(request.commands.length === 0 ? {} : { sync_status: batch.sync_status }),
    // A write-only call says `full_sync: true` without any array: the trap clients must know.
    ...(request.resourceTypes === undefined
      ? {}
      : resources(account, request.resourceTypes, since, seq, settings.nowMs)),
  }
}

/** The last `seq` such that nothing at or before it changed later than that instant. */
const seqAsOf = (account: Account, asOfMs: number): number => {
  let seq = account.seq
  for (const table of [account.items, account.projects, account.labels]) {
    for (const { lastSeq, changedAtMs } of table.values()) {
      if (changedAtMs > asOfMs) seq = Math.min(seq, lastSeq - 1)
    }
  }
  return seq
}

const resources = (
  account: Account,
  types: ReadonlySet<string>,
  since: number | undefined,
  upTo: number,
  nowMs: number,
): Record<string, unknown> => {
  const read = <A>(table: ReadonlyMap<string, Stored<A>>, isLive: (value: A) => boolean): Array<A> => {
    const found: Array<A> = []
    for (const { value, lastSeq } of table.values()) {
      if (since === undefined ? lastSeq <= upTo && isLive(value) : lastSeq > since) found.push(value)
    }
    return found
  }
  const out: Record<string, unknown> = {}
  if (types.has("items")) out["items"] = read(account.items, (item) => isActive(account, item))
  if (types.has("projects")) out["projects"] = read(account.projects, (one) => !one.is_deleted && !one.is_archived)
  if (types.has("labels")) out["labels"] = read(account.labels, (label) => !label.is_deleted)
  if (types.has("user") && (since === undefined || account.userSeq > since)) out["user"] = userResource(account, nowMs)
  for (const name of emptyResources) if (types.has(name)) out[name] = []
  return out
}
