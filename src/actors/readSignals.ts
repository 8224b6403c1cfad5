/**
 * From the tool's stream of signals to committed changes.
 *
 * A read is committed in chunks, so that an account of thousands of tasks needs bounded memory here; the cursor moves
 * with the last of them only. A read that breaks off leaves correct tasks and the old cursor, and the next one finds
 * nothing new in what was committed.
 */
import { Clock, Effect, Random, Schema, Stream } from "effect"
import type { Whereabouts } from "../connectors/Connector.ts"
import { ProviderUnavailable, whereaboutsMax } from "../connectors/Connector.ts"
import type { Signal, TaskObservation } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import type { ConnectionStateName } from "../../schemas/events.ts"
import { nextSyncAtMs } from "./syncInterval.ts"
import { absenceOf, absentFrom, changesOf, isMassRemoval } from "./UserSyncState.ts"
import type { Knowledge, TaskChangeSeen } from "./UserSyncState.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { Connection, PendingAct, SyncCommit } from "./UserSyncStore.ts"
import { commit } from "./Work.ts"
import type { Work } from "./Work.ts"

/** Tasks in one transaction: some 200 kB of rows and events, milliseconds of work. */
const chunkMax = 500

export interface ReadOptions {
  readonly since: string | null
  /** Acts that may have been carried out though nobody said so. */
  readonly pending: ReadonlyArray<PendingAct>
  readonly completedForSure: ReadonlySet<string>
  /** Told to the log with the first commit. */
  readonly state: ConnectionStateName | undefined
  /** Judges whose account it is, before anything of it is committed. What it gives is told to the log instead. */
  readonly onAccount: (
    accountId: string | null,
  ) => Effect.Effect<ConnectionStateName | undefined, StopReading | CommitError, UserSyncStore>
  /** The credential this one takes the place of. Owed back with the first commit, which writes over it. */
  readonly replaced: SyncCommit["revocation"]
  /** Nearly everything was gone, and this is the second look. */
  readonly isSecondLook: boolean
}

/** The account is not the one to be read: nothing of it was committed. */
export class StopReading extends Schema.TaggedError<StopReading>()("StopReading", {}) {}

type CommitError = Effect.Error<ReturnType<typeof commit>>

interface Reading {
  readonly isBackfill: boolean
  readonly seen: Set<string>
  observations: Array<TaskObservation>
  quarantined: number
  timeZone: string | null
  state: ConnectionStateName | undefined
  replaced: SyncCommit["revocation"]
  end: Extract<Signal, { _tag: "Position" }> | undefined
}

/** Reads and commits everything since `options.since`, and puts the connection in order: synced, no failures. */
export const readSignals = Effect.fn("UserSync.read")(function* (
  work: Work,
  credential: Credential,
  options: ReadOptions,
): Effect.fn.Return<void, ReadFailure, UserSyncStore> {
  const reading: Reading = {
    isBackfill: work.connection.cursor === null && work.connection.syncedAtMs === null,
    seen: new Set(),
    observations: [],
    quarantined: 0,
    timeZone: null,
    state: options.state,
    replaced: options.replaced,
    end: undefined,
  }
  yield* work.connector.fetchSignals({ credential, since: options.since }).pipe(
    Stream.runForEach((signal) => take(work, options, reading, signal)),
  )
  if (reading.end === undefined) {
    const { provider } = work.connection
    return yield* new ProviderUnavailable({ provider, reason: "incomplete", status: null, retryAfterMs: null })
  }
  if (reading.quarantined > 0) {
    yield* Effect.logWarning(`${reading.quarantined} tasks could not be understood and were left out`)
  }
  const changes = yield* changesIn(work, options, reading)
  // What a parent took along has ended already, and does not end again for being absent.
  for (const { task } of changes) reading.seen.add(task.taskId)
  const absent = reading.end.isSnapshot ? yield* missing(work, reading) : { gone: [], known: 0 }
  if (isMassRemoval(absent.gone.length, absent.known) && !options.isSecondLook) {
    yield* Effect.logWarning(`${absent.gone.length} of ${absent.known} tasks are gone at once: looking again`)
    return yield* readSignals(work, credential, { ...options, since: null, isSecondLook: true })
  }
  const ended = yield* endings(work, credential, options, absent.gone)
  yield* settle(work, reading, reading.end.cursor, [...changes, ...ended])
})

type ReadFailure =
  | Stream.Error<ReturnType<Work["connector"]["fetchSignals"]>>
  | StopReading
  | CommitError

const take = Effect.fnUntraced(function* (work: Work, options: ReadOptions, reading: Reading, signal: Signal) {
  switch (signal._tag) {
    case "Account": {
      reading.state = (yield* options.onAccount(signal.accountId)) ?? reading.state
      reading.timeZone = signal.timeZone
      work.connection = { ...work.connection, accountId: signal.accountId }
      return
    }
    case "Quarantined": {
      reading.quarantined += 1
      if (signal.taskId !== null) reading.seen.add(signal.taskId)
      return
    }
    case "Position": {
      reading.end = signal
      return
    }
    case "Task": {
      if (reading.observations.length === chunkMax) {
        yield* commit(work, {
          connection: work.connection,
          changes: yield* changesIn(work, options, reading),
          state: reading.state,
          revocation: reading.replaced,
        })
        reading.state = undefined
        reading.replaced = null
      }
      reading.observations.push(signal.observation)
      reading.seen.add(signal.observation.task.taskId)
    }
  }
})

/** What the observations at hand mean; they are used up by it. */
const changesIn = Effect.fnUntraced(function* (work: Work, options: ReadOptions, reading: Reading) {
  const { observations } = reading
  reading.observations = []
  if (observations.length === 0) return []
  const store = yield* UserSyncStore
  const { owner } = work.lease
  const { provider } = work.connection
  const ids = observations.map(({ task }) => task.taskId)
  // What ends may take subtasks along, of which the tool need not speak.
  const isOver = observations.some(({ state }) => state === "completed" || state === "deleted")
  // Nobody else writes for the user meanwhile, and somebody may be waiting for a tip: asked at once.
  const [known, gone, echoes] = yield* Effect.all([
    store.tasks(owner, provider, isOver ? undefined : ids),
    store.goneTasks(owner, provider, ids),
    echoesAmong(work, options, ids),
  ], { concurrency: 3 })
  const knowledge: Knowledge = {
    known,
    gone: known.size === 0 && reading.isBackfill ? new Map() : gone,
    echoes,
    completedForSure: options.completedForSure,
    isBackfill: reading.isBackfill,
  }
  return changesOf(observations, knowledge)
})

/** Acts carried out since the last read, and those that may have been. */
const echoesAmong = Effect.fnUntraced(function* (work: Work, options: ReadOptions, ids: ReadonlyArray<string>) {
  const { provider, syncedAtMs } = work.connection
  if (!work.connector.canAct || ids.length === 0) return new Set<string>()
  const store = yield* UserSyncStore
  const done = yield* store.actedOn(work.lease.owner, provider, ids, syncedAtMs ?? 0)
  return new Set([...done, ...options.pending.map(({ taskId }) => taskId)])
})

const missing = Effect.fnUntraced(function* (work: Work, reading: Reading) {
  const store = yield* UserSyncStore
  const known = yield* store.tasks(work.lease.owner, work.connection.provider, undefined)
  return { gone: absentFrom(known, reading.seen), known: known.size }
})

/** How the absent tasks ended. A tool that cannot be asked now leaves it unknown: they are gone either way. */
const endings = Effect.fnUntraced(function* (
  work: Work,
  credential: Credential,
  options: ReadOptions,
  gone: ReturnType<typeof absentFrom>,
) {
  if (gone.length === 0) return []
  const ids = gone.map(({ task }) => task.taskId)
  const echoes = yield* echoesAmong(work, options, ids)
  const asked = ids.filter((id) => !echoes.has(id))
  const whereabouts = asked.length === 0 || asked.length > whereaboutsMax
    ? new Map<string, Whereabouts>()
    : yield* work.connector.whereabouts(credential, asked).pipe(
      Effect.catch((error) =>
        Effect.as(
          Effect.logInfo(`what became of ${asked.length} tasks cannot be asked: ${error._tag}`),
          new Map<string, Whereabouts>(),
        )
      ),
    )
  return gone.flatMap((one): ReadonlyArray<TaskChangeSeen> => {
    const ending = absenceOf(one, whereabouts.get(one.task.taskId) ?? "unknown", { echoes })
    return ending === undefined ? [] : [ending]
  })
})

const settle = Effect.fnUntraced(function* (
  work: Work,
  reading: Reading,
  cursor: string,
  changes: ReadonlyArray<TaskChangeSeen>,
) {
  const nowMs = yield* Clock.currentTimeMillis
  const { syncIntervalMs, activeAtMs } = work
  const connection: Connection = {
    ...work.connection,
    status: "connected",
    cursor,
    syncedAtMs: nowMs,
    nextSyncAtMs: nextSyncAtMs({
      nowMs,
      intervalMs: syncIntervalMs,
      activeAtMs,
      connectedAtMs: work.connection.connectedAtMs,
      syncedAtMs: work.connection.syncedAtMs,
      chance: yield* Random.next,
    }),
    failures: 0,
    lastProblem: null,
    problemCode: null,
  }
  yield* commit(work, {
    connection,
    changes,
    timeZone: reading.timeZone,
    state: reading.state,
    revocation: reading.replaced,
  })
})
