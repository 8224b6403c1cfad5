/** What one message works on: a user's connection under a lease, and the one way to write it. */
import { Clock, Effect } from "effect"
import type { ActOutcome, ConnectorShape } from "../connectors/Connector.ts"
import { currentCorrelationId } from "../../schemas/correlation.ts"
import { connectionChanged, taskChanged } from "../../schemas/events.ts"
import type { ConnectionStateName } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { Owner } from "../../schemas/ids.ts"
import { newUuid, tipstreamNamespace, uuidv5 } from "../../schemas/uuid.ts"
import type { SyncReport } from "./Actors.ts"
import { taskMessage } from "./taskMessage.ts"
import { changeIdentity } from "./UserSyncState.ts"
import type { TaskChangeSeen } from "./UserSyncState.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { Connection, SyncCommit, UserLease } from "./UserSyncStore.ts"

export interface Work {
  readonly lease: UserLease
  readonly connector: ConnectorShape
  /** When the user last asked for a tip; null: never. */
  readonly activeAtMs: number | null
  readonly hasPendingActs: boolean
  readonly syncIntervalMs: number
  /** As the last commit left it. */
  connection: Connection
  /** When the next sync was to be, as the store last said. */
  nextSyncSeenMs: number | null
  /** Committed so far. */
  changes: number
  lastEventId: string | null
}

export interface Step {
  readonly connection: Connection
  readonly changes?: ReadonlyArray<TaskChangeSeen>
  readonly acted?: ReadonlyArray<ActOutcome>
  readonly timeZone?: string | null
  /** Told to the log when given. */
  readonly state?: ConnectionStateName | undefined
  readonly revocation?: SyncCommit["revocation"]
}

/** One step, whole or not at all, with the events that tell of it. */
export const commit = Effect.fnUntraced(function* (work: Work, step: Step) {
  const store = yield* UserSyncStore
  const nowMs = yield* Clock.currentTimeMillis
  const { changes = [], acted = [], timeZone = null, revocation = null, connection } = step
  const events = yield* eventsOf(work.lease.owner, step, nowMs)
  work.connection = yield* store.commit(work.lease, {
    connection,
    changes,
    acted,
    timeZone,
    events,
    nowMs,
    nextSyncSeenMs: work.nextSyncSeenMs,
    revocation,
  })
  work.nextSyncSeenMs = work.connection.nextSyncAtMs
  work.changes += changes.length
  work.lastEventId = events.at(-1)?.id ?? work.lastEventId
})

/** An observed change has the same id however often it is observed: the version it started from is part of it. */
const eventsOf = Effect.fnUntraced(function* (owner: Owner, { connection, changes = [], state }: Step, nowMs: number) {
  const correlationId = yield* currentCorrelationId
  const { provider, version } = connection
  const events: Array<Envelope> = changes.map((seen) => {
    const identity = `${owner.tenantId}/${owner.userId}/${provider}/${changeIdentity(seen, version)}`
    const id = uuidv5(tipstreamNamespace, identity)
    const { change, task, timesPostponed } = seen
    const payload = { provider, task: taskMessage(task), timesPostponed }
    return taskChanged({ ...owner, id, atMs: nowMs, correlationId }, change, payload, seen)
  })
  if (state !== undefined) {
    events.push(connectionChanged({ ...owner, id: yield* newUuid, atMs: nowMs, correlationId }, provider, state))
  }
  return events
})

export const reportOf = (work: Work): SyncReport => ({
  status: "synced",
  changes: work.changes,
  syncedAtMs: work.connection.syncedAtMs,
  lastEventId: work.lastEventId,
})
