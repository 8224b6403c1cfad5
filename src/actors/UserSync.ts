/**
 * One actor per user: brings the user's tasks over, carries out what they asked for, tells the log what changed.
 *
 * One sync is one round trip to the tool and one transaction here. The transaction names the version of the connection
 * it started from, so of two actors for one user (a paused node, a lost lease) only one can write. After any crash the
 * next sync repeats from the committed cursor, with the same act ids: nothing is lost, nothing is done twice.
 */
import { Clock, Effect, Random } from "effect"
import { actsMax, Connector } from "../connectors/Connector.ts"
import type { ConnectorError, SyncResult } from "../connectors/Connector.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { currentCorrelationId } from "../../schemas/correlation.ts"
import { connectionChanged, taskChanged } from "../../schemas/events.ts"
import type { ConnectionStateName } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { newUuid, tipstreamNamespace, uuidv5 } from "../../schemas/uuid.ts"
import { ConnectionRejected, SyncFailed } from "./Actors.ts"
import type { SyncReport, UserMessage } from "./Actors.ts"
import { taskMessage } from "./taskMessage.ts"
import { changeIdentity, changesOf, nextSyncAtMs, retryAtMs } from "./UserSyncState.ts"
import type { KnownTask, TaskChangeSeen } from "./UserSyncState.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { Connection, ConnectionStatus } from "./UserSyncStore.ts"

export interface UserSyncOptions {
  readonly syncIntervalMs: number
}

/** The handler of one user's messages; runs one at a time. Loads what it needs, so a restart has nothing to restore. */
export const behaviour = (options: UserSyncOptions, owner: Owner) =>
  Effect.succeed((message: UserMessage) =>
    receive(options, owner, message).pipe(
      // Another instance wrote meanwhile: restart and decide on what it left.
      Effect.catchTag("StaleVersion", (stale) => Effect.die(stale)),
    )
  )

const receive = (options: UserSyncOptions, owner: Owner, message: UserMessage) => {
  switch (message._tag) {
    case "Connect":
      return connect(options, owner, message)
    case "SyncNow":
      return syncNow(options, owner, message.reason)
    case "Disconnect":
      return disconnect(owner, message.provider)
  }
}

const provider: Provider = "todoist"

const connect = Effect.fn("UserSync.connect")(function* (
  options: UserSyncOptions,
  owner: Owner,
  message: Extract<UserMessage, { _tag: "Connect" }>,
) {
  const store = yield* UserSyncStore
  const connector = yield* Connector
  const vault = yield* TokenVault
  const before = yield* store.load(owner, provider)
  const result = yield* connector.sync({ token: message.token, cursor: null, acts: [] }).pipe(
    Effect.catch((error) => problemOnConnect(error)),
  )
  const nowMs = yield* Clock.currentTimeMillis
  const connection: Connection = {
    provider,
    status: "connected",
    sealedToken: yield* vault.seal(owner, provider, message.token),
    cursor: null,
    version: before?.version ?? 0,
    connectedAtMs: nowMs,
    syncedAtMs: null,
    nextSyncAtMs: null,
    failures: 0,
    lastProblem: null,
  }
  return yield* commitResult(
    options,
    owner,
    connection,
    result,
    before?.status === "connected" ? undefined : "connected",
  )
})

const syncNow = Effect.fn("UserSync.syncNow")(function* (
  options: UserSyncOptions,
  owner: Owner,
  reason: Extract<UserMessage, { _tag: "SyncNow" }>["reason"],
) {
  const store = yield* UserSyncStore
  const connector = yield* Connector
  const vault = yield* TokenVault
  const connection = yield* store.load(owner, provider)
  if (connection === undefined || connection.status !== "connected" || connection.sealedToken === null) return idle
  const nowMs = yield* Clock.currentTimeMillis
  const { syncedAtMs } = connection
  if (reason === "stale" && syncedAtMs !== null && nowMs - syncedAtMs < justSyncedMs) {
    return { status: "synced", changes: 0, syncedAtMs } satisfies SyncReport as SyncReport
  }
  if (mustWait(connection, reason, nowMs)) {
    const problem = connection.lastProblem ?? "the last sync failed"
    return yield* new SyncFailed({ problem, retryAtMs: connection.nextSyncAtMs })
  }
  const token = yield* vault.open(owner, provider, connection.sealedToken).pipe(
    Effect.catchTag("TokenUnreadable", () => Effect.succeed(undefined)),
  )
  if (token === undefined) return yield* rejected(owner, connection)
  const acts = yield* store.pendingActs(owner, provider, actsMax)
  const result = yield* connector.sync({ token, cursor: connection.cursor, acts }).pipe(
    Effect.catchTag("TokenRejected", () => rejected(owner, connection)),
    Effect.catchTag(
      ["ScopeMissing", "RateLimited", "ProviderUnavailable", "ProviderRefused"],
      (error) => failed(owner, connection, error),
    ),
  )
  return yield* commitResult(options, owner, connection, result, undefined)
})

/** Many recommends at once ask on the same old data: those that waited behind the first have what they asked for. */
const justSyncedMs = 1_000

/**
 * After a failure the tool is left alone until the time it asked for, or the backoff, has passed. Only the due queue,
 * which keeps that time, and the user in person may call.
 */
const mustWait = ({ failures, nextSyncAtMs }: Connection, reason: "due" | "stale" | "acts" | "asked", nowMs: number) =>
  failures > 0 && nextSyncAtMs !== null && nextSyncAtMs > nowMs && (reason === "stale" || reason === "acts")

/** Far more than anybody marks as done while their tool is out of reach. */
const actsDroppedMax = 10_000

const disconnect = Effect.fn("UserSync.disconnect")(function* (owner: Owner, provider: Provider) {
  const store = yield* UserSyncStore
  const connection = yield* store.load(owner, provider)
  if (connection === undefined || connection.status === "disconnected") return idle
  const known = yield* store.tasks(owner, provider, undefined)
  const changes = changesOf(known, { tasks: [], isSnapshot: true })
  const next: Connection = {
    ...ended(connection, "disconnected"),
    sealedToken: null,
    cursor: null,
    syncedAtMs: null,
    lastProblem: null,
  }
  // What could not be carried out before is not carried out later, when the user may have long forgotten it.
  const acts = yield* store.pendingActs(owner, provider, actsDroppedMax)
  const dropped = acts.map(({ actId }) => ({ actId, outcome: "failed" as const }))
  yield* commit(owner, next, changes, dropped, null, "disconnected")
  return { status: "disconnected", changes: changes.length, syncedAtMs: null } satisfies SyncReport as SyncReport
})

const idle: SyncReport = { status: "not-connected", changes: 0, syncedAtMs: null }

const ended = (connection: Connection, status: ConnectionStatus): Connection => ({
  ...connection,
  status,
  nextSyncAtMs: null,
  failures: 0,
})

/** Everything one successful round trip brought, in one transaction. */
const commitResult = Effect.fnUntraced(function* (
  options: UserSyncOptions,
  owner: Owner,
  connection: Connection,
  result: SyncResult,
  state: ConnectionStateName | undefined,
) {
  const store = yield* UserSyncStore
  const nowMs = yield* Clock.currentTimeMillis
  const ids = result.isSnapshot ? undefined : result.tasks.map(({ task }) => task.taskId)
  const known: ReadonlyMap<string, KnownTask> = ids?.length === 0
    ? new Map()
    : yield* store.tasks(owner, connection.provider, ids)
  const changes = changesOf(known, result)
  if (result.quarantined > 0) {
    yield* Effect.logWarning(`${result.quarantined} tasks could not be understood and were left out`)
  }
  const next: Connection = {
    ...connection,
    cursor: result.cursor,
    syncedAtMs: nowMs,
    nextSyncAtMs: nextSyncAtMs(nowMs, options.syncIntervalMs, yield* Random.next),
    failures: 0,
    lastProblem: null,
  }
  yield* commit(owner, next, changes, result.acted, result.timeZone, state)
  return { status: "synced", changes: changes.length, syncedAtMs: nowMs } satisfies SyncReport as SyncReport
})

const commit = Effect.fnUntraced(function* (
  owner: Owner,
  connection: Connection,
  changes: ReadonlyArray<TaskChangeSeen>,
  acted: SyncResult["acted"],
  timeZone: string | null,
  state: ConnectionStateName | undefined,
) {
  const store = yield* UserSyncStore
  const nowMs = yield* Clock.currentTimeMillis
  const correlationId = yield* currentCorrelationId
  const events: Array<Envelope> = changes.map((seen) => {
    const identity = `${owner.tenantId}/${owner.userId}/${connection.provider}/${
      changeIdentity(seen, connection.version)
    }`
    const id = uuidv5(tipstreamNamespace, identity)
    return taskChanged({ ...owner, id, atMs: nowMs, correlationId }, seen.change, {
      provider: connection.provider,
      task: taskMessage(seen.task),
      timesPostponed: seen.timesPostponed,
    })
  })
  if (state !== undefined) {
    events.push(
      connectionChanged({ ...owner, id: yield* newUuid, atMs: nowMs, correlationId }, connection.provider, state),
    )
  }
  yield* store.commit(owner, { connection, changes, acted, timeZone, events, nowMs })
})

/** The tool does not know the token any more: stop asking, and say so to the user. */
const rejected = Effect.fnUntraced(function* (owner: Owner, connection: Connection) {
  const problem = "Todoist no longer accepts the token: connect again"
  yield* commit(
    owner,
    { ...ended(connection, "needs-reconnect"), lastProblem: problem },
    [],
    [],
    null,
    "needs-reconnect",
  )
  return yield* new ConnectionRejected({ provider: connection.provider })
})

const failed = Effect.fnUntraced(function* (
  owner: Owner,
  connection: Connection,
  error: Exclude<ConnectorError, { _tag: "TokenRejected" }>,
) {
  const nowMs = yield* Clock.currentTimeMillis
  const failures = connection.failures + 1
  const asked = "retryAfterMs" in error ? error.retryAfterMs : null
  const next = retryAtMs(nowMs, failures, asked, yield* Random.next)
  yield* Effect.logWarning(`sync failed, ${failures} in a row: ${error.message}`)
  yield* commit(
    owner,
    { ...connection, failures, nextSyncAtMs: next, lastProblem: error.message },
    [],
    [],
    null,
    undefined,
  )
  return yield* new SyncFailed({ problem: error.message, retryAtMs: next })
})

/** Nothing is stored of a connection that never worked. */
const problemOnConnect = (error: ConnectorError): Effect.Effect<never, ConnectionRejected | SyncFailed> =>
  error._tag === "TokenRejected"
    ? Effect.fail(new ConnectionRejected({ provider: error.provider }))
    : Effect.fail(new SyncFailed({ problem: error.message, retryAtMs: null }))
