/**
 * The embedded event log: the outbox table, numbered by the sequencer, read by lanes whose state is a row each.
 *
 * A lane is held by one process at a time, by a lease that every pull renews; a process that dies lets go when the
 * lease runs out, or at once when it comes back under the same holder name. Settling and refusing do not wait for the
 * disk: losing one repeats a delivery, which the inbox absorbs.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { DeathCause } from "../streams/DeadLetters.ts"
import { EventLog, LaneLost } from "../streams/EventLog.ts"
import type { ConsumerContract, Delivery } from "../streams/EventLog.ts"
import { replayPages } from "../streams/replayPages.ts"
import * as Lanes from "../streams/lane.ts"
import type { Lane } from "../streams/lane.ts"
import * as Wakeup from "../streams/Wakeup.ts"
import { LogSignals } from "./LogSignals.ts"
import { sequenceOnce } from "./sequencer.ts"
import { consumerInfo, messagesAfter, sequenceAt, streamInfo } from "./eventLogQueries.ts"
import { prepareStreams } from "./installation.ts"
import { insertDeadLetter } from "./SqlDeadLetters.ts"
import { orUnavailable } from "./unavailable.ts"

/** A replica that dies holds its lanes for this long: several times the longest rest between two pulls. */
const leaseMs = 15_000

/** What is appended so soon after is numbered together: on a busy log a round costs as much as a request. */
const paceMs = 5

/**
 * A transaction older than the waiting events still runs. Most end within a millisecond or two, so that is looked at
 * first, and twice as long after each look.
 */
const heldBackMaxMs = 5

/** Covers signals lost with another process, and the lease of a dead one. */
const pollMs = 1_000

export interface SqlEventLogOptions {
  readonly partitions: number
  /** Name of this process as holder of lanes. The same on every start where only one process can exist. */
  readonly holder: string
}

export const layer = (options: SqlEventLogOptions) =>
  Layer.effect(
    EventLog,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* prepareStreams(options.partitions, "embedded")
      const wakeups = new Map<string, Wakeup.Wakeup>()
      const wakeupOf = (stream: string, lane: number | "any") => {
        const key = `${stream}/${lane}`
        let wakeup = wakeups.get(key)
        if (wakeup === undefined) wakeups.set(key, wakeup = Wakeup.make())
        return wakeup
      }
      yield* Effect.forkScoped(sequence(wakeupOf))
      const { pull, settle, refuse, bury, guard, release } = yield* lanes(options)
      const read: EventLog["Service"]["read"] = (stream, afterSequence, limit) =>
        messagesAfter(stream, undefined, afterSequence, limit).pipe(
          Effect.provideService(SqlClient.SqlClient, sql),
          orUnavailable("read"),
        )

      return EventLog.of({
        partitions: options.partitions,
        pull,
        settle,
        refuse,
        bury,
        guard,
        release,
        awaitNew: (consumer, lane) =>
          Effect.sync(() => {
            const wakeup = wakeupOf(consumer.stream, consumer.ordering === "stream" ? "any" : lane)
            const seen = wakeup.count()
            return wakeup.after(seen).pipe(Effect.timeoutOption(pollMs), Effect.asVoid)
          }),
        read,
        replay: (range) => replayPages(range, read),
        sequenceAt: (stream, atMs) =>
          sequenceAt(stream, atMs).pipe(Effect.provideService(SqlClient.SqlClient, sql), orUnavailable("sequenceAt")),
        streams: streamInfo.pipe(Effect.provideService(SqlClient.SqlClient, sql), orUnavailable("streams")),
        consumers: consumerInfo.pipe(Effect.provideService(SqlClient.SqlClient, sql), orUnavailable("consumers")),
        // The log is the database: whether that answers is asked by whoever needs it.
        state: Effect.succeed({ kind: "embedded", isUp: true, problems: [], waiting: 0 }),
      })
    }),
  )

/** Numbers what is appended, for as long as the log lives. */
const sequence = Effect.fnUntraced(function* (wakeupOf: (stream: string, lane: number | "any") => Wakeup.Wakeup) {
  const { appended } = yield* LogSignals
  let heldBack = 0
  const round = Effect.gen(function* () {
    const seen = appended.count()
    const { sequenced, waiting } = yield* sequenceOnce
    heldBack = waiting ? heldBack + 1 : 0
    for (const key of new Set(sequenced.flatMap((row) => [`${row.stream}/${row.partition}`, `${row.stream}/any`]))) {
      const [stream, lane] = key.split("/") as [string, string]
      yield* wakeupOf(stream, lane === "any" ? "any" : Number(lane)).signal
    }
    if (sequenced.length > 0) return yield* Effect.sleep(paceMs)
    const pauseMs = waiting ? Math.min(heldBackMaxMs, 2 ** Math.min(heldBack - 1, 10)) : pollMs
    yield* appended.after(seen).pipe(Effect.timeoutOption(pauseMs))
  })
  yield* round.pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning("sequencer cannot reach the database", cause).pipe(Effect.andThen(Effect.sleep(pollMs)))
    ),
    Effect.forever,
  )
})

const lanes = Effect.fnUntraced(function* ({ holder }: SqlEventLogOptions) {
  const sql = yield* SqlClient.SqlClient

  const lock = (durable: string, lane: number) =>
    sql<LaneRow>`
      SELECT set_config('synchronous_commit', 'off', true), cursor, pulled_until, isolate_until, head_sequence,
        head_attempts, retry_at_ms, holder, held_until_ms
      FROM lanes WHERE durable = ${durable} AND lane = ${lane} FOR UPDATE`

  /** Locks the lane's row, making it on first use. Undefined when another process holds it. */
  const take = Effect.fnUntraced(function* (consumer: ConsumerContract, lane: number) {
    const { durable, stream } = consumer
    let [row] = yield* lock(durable, lane)
    if (row === undefined) {
      // Nobody remembers that it was made: the transaction that makes it may roll back.
      yield* sql`INSERT INTO lanes (durable, lane, stream, whole_stream)
        VALUES (${durable}, ${lane}, ${stream}, ${consumer.ordering === "stream"}) ON CONFLICT DO NOTHING`
      ;[row] = yield* lock(durable, lane)
    }
    const nowMs = yield* Clock.currentTimeMillis
    if (row === undefined || (row.holder !== null && row.holder !== holder && row.held_until_ms > nowMs)) {
      return undefined
    }
    return { state: laneOfRow(row), nowMs }
  })

  const put = (consumer: ConsumerContract, lane: number, state: Lane, nowMs: number) =>
    sql`UPDATE lanes SET cursor = ${state.cursor}, pulled_until = ${state.pulledUntil},
        isolate_until = ${state.isolateUntil}, head_sequence = ${state.headSequence},
        head_attempts = ${state.headAttempts}, retry_at_ms = ${state.retryAtMs},
        holder = ${holder}, held_until_ms = ${nowMs + leaseMs}
      WHERE durable = ${consumer.durable} AND lane = ${lane}`

  const update = Effect.fnUntraced(function* (
    consumer: ConsumerContract,
    lane: number,
    change: (state: Lane, nowMs: number) => Lane,
  ) {
    const taken = yield* take(consumer, lane)
    // A zombie's late word about a lane somebody else holds now.
    if (taken !== undefined) yield* put(consumer, lane, change(taken.state, taken.nowMs), taken.nowMs)
  })

  const pull = Effect.fnUntraced(function* (consumer: ConsumerContract, lane: number) {
    const partition = consumer.ordering === "stream" ? undefined : lane
    const taken = yield* take(consumer, lane)
    if (taken === undefined || Lanes.isResting(taken.state, taken.nowMs)) return []
    const size = Lanes.pullSize(taken.state, consumer.batchMax)
    const messages = yield* messagesAfter(consumer.stream, partition, taken.state.cursor, size)
    if (messages.length === 0) return []
    const { lane: state, attempt } = Lanes.pulled(taken.state, messages.map((message) => message.sequence))
    yield* put(consumer, lane, state, taken.nowMs)
    return messages.map((message): Delivery => ({ ...message, attempt }))
  }, Effect.provideService(SqlClient.SqlClient, sql))

  return {
    pull: (consumer: ConsumerContract, lane: number) =>
      sql.withTransaction(pull(consumer, lane)).pipe(orUnavailable("pull")),
    settle: (consumer: ConsumerContract, lane: number, sequence: number) =>
      sql.withTransaction(update(consumer, lane, (state) => Lanes.settled(state, sequence))).pipe(
        orUnavailable("settle"),
      ),
    refuse: (consumer: ConsumerContract, lane: number, delayMs: number, counts: boolean) =>
      sql.withTransaction(
        update(consumer, lane, (state, nowMs) => Lanes.refused(state, nowMs + delayMs, counts)),
      ).pipe(orUnavailable("refuse")),
    bury: (
      consumer: ConsumerContract,
      lane: number,
      delivery: Delivery,
      cause: DeathCause,
    ) =>
      sql.withTransaction(
        insertDeadLetter(consumer.durable, delivery, cause).pipe(
          Effect.andThen(update(consumer, lane, (state) => Lanes.settled(state, delivery.sequence))),
          Effect.provideService(SqlClient.SqlClient, sql),
        ),
      ).pipe(orUnavailable("bury")),
    // Shared with the pulls and settlements of nobody: whoever takes the lane over updates its row.
    guard: (consumer: ConsumerContract, lane: number) =>
      sql`SELECT 1 FROM lanes WHERE durable = ${consumer.durable} AND lane = ${lane} AND holder = ${holder} FOR SHARE`
        .pipe(
          orUnavailable("guard"),
          Effect.filterOrFail((rows) => rows.length > 0, () => new LaneLost({ durable: consumer.durable, lane })),
          Effect.asVoid,
        ),
    release: sql`UPDATE lanes SET holder = NULL, held_until_ms = 0 WHERE holder = ${holder}`.pipe(
      Effect.timeout(Duration.seconds(2)),
      Effect.ignore,
    ),
  }
})

interface LaneRow {
  readonly cursor: number
  readonly pulled_until: number
  readonly isolate_until: number
  readonly head_sequence: number
  readonly head_attempts: number
  readonly retry_at_ms: number
  readonly holder: string | null
  readonly held_until_ms: number
}

const laneOfRow = (row: LaneRow): Lane => ({
  cursor: row.cursor,
  pulledUntil: row.pulled_until,
  isolateUntil: row.isolate_until,
  headSequence: row.head_sequence,
  headAttempts: row.head_attempts,
  retryAtMs: row.retry_at_ms,
})
