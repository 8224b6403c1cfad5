/**
 * Answers one `POST /sync`: first the commands, then what changed since the token that came with the call, so a call
 * that does both sees its own writes.
 *
 * Full: active objects only. Incremental: every object changed since, whole, tombstones and completed ones included.
 */
import { type Account, isActive, projectOf, type Stored } from "./account.ts"
import { type ApiError, syncTokenInvalid } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { type CommandEnv, quietEnv } from "./commandEnv.ts"
import { planLimits } from "./planLimits.ts"
import { runCommands } from "./runCommands.ts"
import type { Switches } from "./switches.ts"
import { emptyResources, type SyncRequest } from "./syncRequest.ts"
import { issueToken, seqOfToken } from "./syncToken.ts"
import { userResource } from "./user.ts"
import type { CollaboratorState, Item } from "./wire.ts"

export type SyncSettings = {
  readonly secret: string
  readonly nowMs: number
  /** What an invalid token gets, where it differs from the switch. */
  readonly invalidTokenMode?: Switches["invalidSyncToken"]
  /** Treat the given token as invalid. */
  readonly distrustToken?: boolean
  /** Serve a full snapshot as it was that long ago; the token continues from there, so nothing is lost. */
  readonly staleMs?: number
  readonly env?: CommandEnv
}

export type SyncBody = Readonly<Record<string, unknown>> & { readonly items?: ReadonlyArray<Partial<Item>> }

export const isFullRead = (request: SyncRequest): boolean =>
  request.resourceTypes !== undefined && (request.syncToken === undefined || request.syncToken === "*")

export const answerSync = (account: Account, request: SyncRequest, settings: SyncSettings): SyncBody | ApiError => {
  const { syncToken } = request
  const given = syncToken === undefined || syncToken === "*" ? undefined : syncToken
  const since = given === undefined || settings.distrustToken === true
    ? undefined
    : seqOfToken(settings.secret, account, given)
  const { env = quietEnv } = settings
  const { switches } = env
  const mode = settings.invalidTokenMode ?? switches.invalidSyncToken
  if (given !== undefined && since === undefined && mode === "reject") return syncTokenInvalid()

  const batch = runCommands(account, request.commands, settings.nowMs, env)
  const lagMs = Math.max(settings.staleMs ?? 0, switches.fullSyncLagMs)
  const asOfMs = since === undefined ? settings.nowMs - lagMs : settings.nowMs
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
      : resources(account, request.resourceTypes, since, seq, settings.nowMs, switches)),
  }
}

/** The last `seq` such that nothing at or before it changed later than that instant. */
const seqAsOf = (account: Account, asOfMs: number): number => {
  let seq = account.seq
  for (const table of [account.items, account.projects, account.sections, account.labels]) {
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
  switches: Switches,
): Record<string, unknown> => {
  const read = <A>(table: ReadonlyMap<string, Stored<A>>, isLive: (value: A) => boolean): Array<A> => {
    const found: Array<A> = []
    for (const { value, lastSeq } of table.values()) {
      if (since === undefined ? lastSeq <= upTo && isLive(value) : lastSeq > since) found.push(value)
    }
    return found
  }
  const out: Record<string, unknown> = {}
  if (types.has("items")) {
    out["items"] = read(account.items, (item) => isActive(account, item)).map((item) => shownItem(item, switches))
  }
  if (types.has("projects")) out["projects"] = read(account.projects, (one) => !one.is_deleted && !one.is_archived)
  if (types.has("labels")) out["labels"] = read(account.labels, (label) => !label.is_deleted)
  if (types.has("user") && (since === undefined || account.userSeq > since)) out["user"] = userResource(account, nowMs)
  if (types.has("sections")) {
    out["sections"] = read(account.sections, (section) =>
      !section.is_deleted && !section.is_archived &&
      projectOf(account, section.project_id)?.is_archived === false)
  }
  if (types.has("collaborators")) out["collaborators"] = read(account.collaborators, () => true)
  if (types.has("collaborator_states")) {
    out["collaborator_states"] = read(account.collaboratorStates, (state) => !state.is_deleted).map(withoutKey)
  }
  if (types.has("user_plan_limits") && since === undefined) {
    out["user_plan_limits"] = planLimits(switches.activityHistory)
  }
  for (const name of emptyResources) if (types.has(name)) out[name] = []
  return out
}

/** The item with the keys this service sends. */
export const shownItem = (item: Item, switches: Switches): Partial<Item> => {
  if (switches.completedCount === "sent") return item
  const { completed_count: _, ...documented } = item
  return documented
}

/** The table's key is ours; on the wire a state is known by its project and person. */
const withoutKey = (state: CollaboratorState): Omit<CollaboratorState, "id"> => {
  const { id: _, ...onWire } = state
  return onWire
}
