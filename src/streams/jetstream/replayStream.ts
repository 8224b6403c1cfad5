/**
 * Replay of a stream on a real server, as `EventLog.replay` promises it: bounded, in order, each event once, with no
 * trace left. Reads by an ephemeral consumer that acknowledges nothing; whatever goes wrong with that one, a new one
 * goes on after the last event that was handed over.
 */
import { AckPolicy, DeliverPolicy, JetStreamApiCodes, JetStreamApiError, ReplayPolicy } from "@nats-io/jetstream"
import type { ConsumerConfig, StreamInfo as ServerStream } from "@nats-io/jetstream"
import { Cause, Effect, Stream } from "effect"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { ReplayRange, StoredEvent } from "../EventLog.ts"
import { ReplayGap } from "../EventLog.ts"
import { isFiltered } from "../replayPages.ts"
import { replayFilter } from "../names.ts"
import type { StreamName } from "../names.ts"
import type { Nats } from "./NatsConnection.ts"
import { openPulls } from "./replayPulls.ts"
import type { Pulls } from "./replayPulls.ts"

type Connected = Nats["Service"]

/** A reader may pause this long; a consumer whose reader died is gone after it. */
const inactiveMs = 60_000

/**
 * Messages are there and asked for, so silence means that the consumer or a request is lost, or that the server looks
 * for the next message that matches: after the first wait it is asked whether the consumer is there, after all give up.
 */
const silentMs = 500
const silencesMax = 30

/** With the pauses between them: a broker may be away for half a minute. */
const failuresMax = 20
const pauseMinMs = 100
const pauseMaxMs = 2_000

/** Nobody waits for it longer: the server deletes the consumer by itself. */
const deleteMaxMs = 1_000

export const replayStream = (
  nats: Connected,
  range: ReplayRange,
): Stream.Stream<ReadonlyArray<StoredEvent>, StoreUnavailable | ReplayGap> =>
  Stream.scoped(Stream.fromPull(begin(nats, range)))

/** Of the first message stored at or after this instant; one past the last when there is none. */
export const sequenceAt = Effect.fn("JetStream.sequenceAt")(function* (
  nats: Connected,
  stream: StreamName,
  atMs: number,
) {
  const name = consumerName()
  const start = { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(atMs).toISOString() }
  const added = addConsumer(nats, stream, { ...ephemeral, name, ...start })
  // The server says where it would begin before anything is asked for.
  const { delivered } = yield* Effect.ensuring(added, Effect.suspend(() => deleteConsumer(nats, stream, name)))
  return delivered.stream_seq + 1
})

/** Undefined when there is no such stream. */
export const lookAtStream = Effect.fn("JetStream.lookAtStream")(function* (nats: Connected, stream: StreamName) {
  const info = yield* Effect.tryPromise({
    try: () => nats.manager.streams.info(stream),
    catch: (cause) => isNoStream(cause) ? undefined : new StoreUnavailable({ operation: "streams", cause }),
  }).pipe(Effect.catch((error) => error === undefined ? Effect.succeed(undefined) : Effect.fail(error)))
  if (info === undefined) return undefined
  const { first_seq: first, last_seq: lastSequence, messages } = info.state
  // A new stream says that its first is 0.
  return { stream, firstSequence: Math.max(first, 1), lastSequence, messages, createdAtMs: Date.parse(info.created) }
})

const isNoStream = (cause: unknown) =>
  cause instanceof JetStreamApiError && cause.code === JetStreamApiCodes.StreamNotFound

interface Position {
  next: number
  /** First sequence number that was missing in a range without a filter. */
  hole: number | undefined
  created: string | undefined
  failures: number
  /** Named before it is asked for, so that it is deleted also when the answer never came. */
  consumer: string | undefined
  pulls: Pulls | undefined
}

const begin = Effect.fnUntraced(function* (nats: Connected, range: ReplayRange) {
  const position: Position = {
    next: range.fromSequence,
    hole: undefined,
    created: undefined,
    failures: 0,
    consumer: undefined,
    pulls: undefined,
  }
  yield* Effect.addFinalizer(() => close(nats, range.stream, position))
  return nextChunk(nats, range, position)
})

const nextChunk = Effect.fnUntraced(function* (nats: Connected, range: ReplayRange, position: Position) {
  while (position.next <= range.toSequence) {
    if (position.pulls === undefined) {
      yield* open(nats, range, position).pipe(
        Effect.catchTag("StoreUnavailable", (error) => retryLater(position, error)),
      )
      continue
    }
    const events = position.pulls.take()
    if (events.length > 0) {
      advance(position, range, events)
      return [events] as const
    }
    const state = position.pulls.state()
    if (state === "reached") position.next = range.toSequence + 1
    else if (state === "flowing") yield* arrival(nats, range, position)
    else {
      yield* close(nats, range.stream, position)
      if (state === "lost") yield* retryLater(position, interrupted)
    }
  }
  yield* close(nats, range.stream, position)
  if (position.hole !== undefined) yield* stillWhole(yield* look(nats, range), range, position.hole)
  return yield* Cause.done()
})

const interrupted = new StoreUnavailable({ operation: "replay", cause: "deliveries were lost on their way" })

const advance = (position: Position, range: ReplayRange, events: ReadonlyArray<StoredEvent>) => {
  const last = events.at(-1)!.sequence
  if (position.hole === undefined && !isFiltered(range) && last - position.next + 1 !== events.length) {
    position.hole = events.findIndex(({ sequence }, index) => sequence !== position.next + index) + position.next
  }
  position.next = last + 1
  position.failures = 0
}

/** Ends the consumer when nothing can come from it any more. */
const arrival = Effect.fnUntraced(function* (nats: Connected, { stream }: ReplayRange, { pulls, consumer }: Position) {
  const seen = nats.reconnected.count()
  const arrived = Effect.callback<"arrived">((resume) => pulls!.wait(() => resume(Effect.succeed("arrived"))))
  // What was on its way to the old connection is gone.
  const cutOff = Effect.as(nats.reconnected.after(seen), "lost" as const)
  const isThere = Effect.tryPromise(() => nats.manager.consumers.info(stream, consumer!)).pipe(
    Effect.as("silent" as const),
    Effect.orElseSucceed(() => "lost" as const),
  )
  let outcome: "arrived" | "lost" | "silent" = "silent"
  for (let silences = 0; outcome === "silent" && silences < silencesMax; silences++) {
    outcome = yield* Effect.raceFirst(arrived, cutOff).pipe(
      Effect.timeoutOrElse({ duration: silentMs, orElse: () => isThere }),
    )
  }
  if (outcome !== "arrived") pulls!.close()
})

const retryLater = (position: Position, error: StoreUnavailable) =>
  Effect.suspend(() => {
    if (++position.failures > failuresMax) return Effect.fail(error)
    return Effect.sleep(Math.min(pauseMinMs * 2 ** (position.failures - 1), pauseMaxMs))
  })

/** A new consumer at the position; none when nothing of the range is left. */
const open = Effect.fnUntraced(function* (nats: Connected, range: ReplayRange, position: Position) {
  const info = yield* look(nats, range)
  position.created ??= info.created
  if (position.created !== info.created) return yield* gap(range, "the stream was made anew while it was read")
  yield* stillWhole(info, range, position.hole ?? position.next)
  if (info.state.last_seq < range.toSequence) return yield* gap(range, `event ${range.toSequence} is not there`)
  yield* close(nats, range.stream, position)
  const name = position.consumer = consumerName()
  const { num_pending: pending } = yield* addConsumer(nats, range.stream, {
    ...ephemeral,
    name,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: position.next,
    ...(isFiltered(range) ? { filter_subject: replayFilter(range.stream, range) } : {}),
  })
  if (pending === 0) {
    position.next = range.toSequence + 1
    return
  }
  position.pulls = openPulls({
    connection: nats.connection,
    requestSubject: `${nats.jetstream.apiPrefix}.CONSUMER.MSG.NEXT.${range.stream}.${name}`,
    stream: range.stream,
    afterSequence: position.next - 1,
    toSequence: range.toSequence,
  })
})

/** Messages may be deleted one by one, but the stream must not lose its begin while it is read. */
const stillWhole = (info: ServerStream, range: ReplayRange, needed: number) =>
  info.state.first_seq > needed ? gap(range, `event ${needed} is not there any more`) : Effect.void

const gap = ({ stream }: ReplayRange, problem: string) => Effect.fail(new ReplayGap({ stream, problem }))

const look = (nats: Connected, range: ReplayRange) =>
  Effect.tryPromise({
    try: () => nats.manager.streams.info(range.stream),
    catch: (cause) =>
      isNoStream(cause)
        ? new ReplayGap({ stream: range.stream, problem: "there is no such stream" })
        : new StoreUnavailable({ operation: "replay", cause }),
  })

const ephemeral = {
  ack_policy: AckPolicy.None,
  replay_policy: ReplayPolicy.Instant,
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: inactiveMs * 1_000_000,
} satisfies Partial<ConsumerConfig>

const consumerName = () => `tipstream-replay-${crypto.randomUUID()}`

const addConsumer = (nats: Connected, stream: StreamName, config: Partial<ConsumerConfig>) =>
  Effect.tryPromise({
    try: () => nats.manager.consumers.add(stream, config),
    catch: (cause) => new StoreUnavailable({ operation: "replay", cause }),
  })

const close = (nats: Connected, stream: StreamName, position: Position) =>
  Effect.suspend(() => {
    const { consumer } = position
    position.pulls?.close()
    position.pulls = undefined
    position.consumer = undefined
    return consumer === undefined ? Effect.void : deleteConsumer(nats, stream, consumer)
  })

const deleteConsumer = (nats: Connected, stream: StreamName, name: string) =>
  nats.isConnected()
    ? Effect.tryPromise(() => nats.manager.consumers.delete(stream, name)).pipe(
      Effect.timeout(deleteMaxMs),
      Effect.ignore,
    )
    : Effect.void
