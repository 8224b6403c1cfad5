/**
 * One actor per user: brings the user's tasks over, carries out what they asked for, tells the log what changed.
 *
 * Everything happens under the user's lease, whose epoch fences each write, and each write names the version of the
 * connection it started from: of two actors for one user (a paused node, a lost lease) only one can write. After any
 * crash the next sync repeats from the committed cursor, with the same act ids: nothing is lost, nothing is done twice.
 */
import { Effect } from "effect"
import { Connectors } from "../connectors/Connector.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { ActorBusy } from "./Actors.ts"
import type { SyncReason, SyncReport, UserMessage } from "./Actors.ts"
import { connect } from "./connect.ts"
import { disconnect } from "./disconnect.ts"
import { noConnection, notConnected } from "./noConnection.ts"
import { notOffered } from "./notOffered.ts"
import { syncConnection } from "./syncConnection.ts"
import { underLease } from "./underLease.ts"
import type { Connection, UserSession } from "./UserSyncStore.ts"
import type { Work } from "./Work.ts"

export interface UserSyncOptions {
  /** Between two syncs of a user who looks at their tips. */
  readonly syncIntervalMs: number
  /** Longest time one message may be worked on. */
  readonly handleMaxMs: number
}

/** The handler of one user's messages; runs one at a time. Loads what it needs, so a restart has nothing to restore. */
export const behaviour = (options: UserSyncOptions, owner: Owner) =>
  Effect.succeed((message: UserMessage) =>
    underLease(owner, options.handleMaxMs, (session) => receive(options, session, message)).pipe(
      // Another instance wrote meanwhile: restart and decide on what it left.
      Effect.catchTag("StaleVersion", (stale) => Effect.die(stale)),
    )
  )

const receive = Effect.fnUntraced(function* (options: UserSyncOptions, session: UserSession, message: UserMessage) {
  switch (message._tag) {
    case "Connect":
      return yield* connect(yield* workOn(options, session, message.provider), message)
    case "SyncNow":
      return yield* syncAll(options, session, message.provider, message.reason)
    case "Webhook": {
      const work = yield* workOn(options, session, message.provider)
      return yield* syncConnection(work, "webhook", new Set(message.completedTaskIds))
    }
    case "Disconnect": {
      const connector = (yield* Connectors).of(message.provider) ?? notOffered(message.provider)
      return yield* disconnect(workWith(options, session, connector))
    }
  }
})

const workOn = Effect.fnUntraced(function* (options: UserSyncOptions, session: UserSession, provider: Provider) {
  const connector = (yield* Connectors).of(provider)
  if (connector === undefined) {
    return yield* new ActorBusy({ detail: `this node does not know how to speak with ${provider}` })
  }
  return workWith(options, session, connector)
})

const workWith = (options: UserSyncOptions, session: UserSession, connector: ConnectorShape): Work => {
  const { provider } = connector
  const connection = session.connections.find((one) => one.provider === provider) ?? neverConnected(provider)
  return {
    lease: session.lease,
    connector,
    activeAtMs: session.activeAtMs,
    hasPendingActs: session.hasPendingActs,
    syncIntervalMs: options.syncIntervalMs,
    connection,
    nextSyncSeenMs: connection.nextSyncAtMs,
    changes: 0,
    lastEventId: null,
  }
}

/** Version 0: the first commit makes the row. */
const neverConnected = (provider: Provider): Connection => ({ ...noConnection, provider, version: 0, connectedAtMs: 0 })

/** One tool after the other. What one of several tools refuses is that tool's: the others' news still counts. */
const syncAll = Effect.fnUntraced(function* (
  options: UserSyncOptions,
  session: UserSession,
  provider: Provider | null,
  reason: SyncReason,
) {
  const connected = session.connections.filter((one) =>
    one.status === "connected" && (provider === null || one.provider === provider)
  )
  const exits = yield* Effect.forEach(
    connected,
    (one) =>
      Effect.flatMap(workOn(options, session, one.provider), (work) => syncConnection(work, reason, noTasks)).pipe(
        Effect.result,
      ),
  )
  const reports = exits.flatMap((exit) => exit._tag === "Success" ? [exit.success] : [])
  const refusal = exits.find((exit) => exit._tag === "Failure")
  if (reports.length === 0 && refusal !== undefined) return yield* Effect.fail(refusal.failure)
  return reports.length === 0 ? notConnected : reports.reduce(merged)
})

const noTasks: ReadonlySet<string> = new Set()

const merged = (one: SyncReport, other: SyncReport): SyncReport => ({
  status: "synced",
  changes: one.changes + other.changes,
  syncedAtMs: one.syncedAtMs === null || other.syncedAtMs === null
    ? one.syncedAtMs ?? other.syncedAtMs
    : Math.min(one.syncedAtMs, other.syncedAtMs),
  lastEventId: other.lastEventId ?? one.lastEventId,
})
