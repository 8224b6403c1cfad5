/**
 * What the log says of itself. Answers from what it was told lately, and asks the broker at most once in a while,
 * however many ask: questions about consumers cost the broker as much as messages.
 */
import { Clock, Effect, Fiber } from "effect"
import type { Broker, LaneInfo } from "./Broker.ts"
import { lagOf } from "./lagOf.ts"
import type { LaneLag } from "./lagOf.ts"
import { durableOf } from "./laneKeeper.ts"
import type { LaneKeeper } from "./laneKeeper.ts"
import type { LaneReader } from "./LaneReader.ts"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { lanesOf } from "../EventLog.ts"
import type { ConsumerContract, ConsumerInfo, LogState, StreamInfo } from "../EventLog.ts"
import { streamNames } from "../names.ts"

/** The way from the outbox to the broker. */
export interface RelayState {
  readonly isUp: boolean
  readonly problems: ReadonlyArray<string>
  /** Committed events that are not on the broker. */
  readonly waiting: number
}

export interface LogReports {
  readonly streams: Effect.Effect<ReadonlyArray<StreamInfo>, StoreUnavailable>
  readonly consumers: Effect.Effect<ReadonlyArray<ConsumerInfo>, StoreUnavailable>
  readonly state: Effect.Effect<LogState>
  /** Remembers whether dead letters can be stored, by the one that was tried last. */
  readonly letterWritten: <A>(write: Effect.Effect<A, StoreUnavailable>) => Effect.Effect<A, StoreUnavailable>
}

/** An operator's page looks every few seconds. */
const freshMs = 1_000

/** The server answers one by one; more at once only wait at the server. */
const questionsAtOnce = 8

export const makeLogReports = Effect.fnUntraced(function* ({ broker, consumers, keeper, partitions, relay }: {
  readonly broker: Broker["Service"]
  readonly keeper: LaneKeeper
  readonly partitions: number
  /** All whose position is kept on the broker, whoever reads them. */
  readonly consumers: ReadonlyArray<ConsumerContract>
  readonly relay: Effect.Effect<RelayState>
}) {
  let isLetterRefused = false

  const streamInfo = Effect.map(
    Effect.forEach(
      streamNames,
      (stream) => Effect.map(broker.streamInfo(stream), (info) => info === undefined ? [] : [{ stream, ...info }]),
    ),
    (found): ReadonlyArray<StreamInfo> => found.flat(),
  )
  const streams = yield* lately(streamInfo)

  const lastKnown = new Map<string, LaneLag>()

  const laneOf = Effect.fnUntraced(function* (consumer: ConsumerContract, lane: number, stream?: StreamInfo) {
    const durable = durableOf(consumer, lane, partitions)
    const info = yield* broker.laneInfo(consumer.stream, durable)
    const known = info === undefined ? lastKnown.get(durable) : {
      lag: info.pending + info.ackPending,
      lastSequence: stream?.lastSequence ?? 0,
    }
    if (known !== undefined) lastKnown.set(durable, known)
    return {
      info,
      known,
      reader: [...keeper.readers()].find(({ name }) => name.durable === consumer.durable && name.lane === lane),
    }
  })

  const consumerInfo = Effect.fnUntraced(function* (consumer: ConsumerContract) {
    const stream = (yield* streams).find((one) => one.stream === consumer.stream)
    const lanes = yield* Effect.forEach(lanesOf(consumer, partitions), (lane) => laneOf(consumer, lane, stream), {
      concurrency: questionsAtOnce,
    })
    return reportOf(consumer, lanes, stream)
  })

  const reports: LogReports = {
    streams,
    consumers: yield* lately(Effect.forEach(consumers, consumerInfo)),
    state: Effect.gen(function* () {
      const way = yield* relay
      const { isUp, problem } = yield* broker.state
      const nowMs = yield* Clock.currentTimeMillis
      const missing = [...keeper.readers()].filter((reader) => reader.isGone(nowMs)).map(({ durable, name }) =>
        `the durable ${durable} of ${name.stream} is gone: tipstream streams check`
      )
      const problems = [
        ...(problem === undefined ? [] : [problem]),
        ...missing,
        ...(isLetterRefused ? ["dead letters cannot be stored: the lanes they are of wait"] : []),
        ...way.problems,
      ]
      return { kind: "jetstream", isUp: isUp && missing.length === 0 && way.isUp, problems, waiting: way.waiting }
    }),
    letterWritten: Effect.onExit((exit) =>
      Effect.sync(() => {
        isLetterRefused = exit._tag === "Failure"
      })
    ),
  }
  return reports
})

interface LaneReport {
  readonly info: LaneInfo | undefined
  readonly known: LaneLag | undefined
  readonly reader: LaneReader | undefined
}

const reportOf = (
  { durable, stream }: ConsumerContract,
  lanes: ReadonlyArray<LaneReport>,
  found: StreamInfo | undefined,
): ConsumerInfo => {
  const total = (count: (lane: LaneReport) => number) => lanes.reduce((sum, lane) => sum + count(lane), 0)
  return {
    durable,
    stream,
    lag: lagOf(lanes.map(({ info, known }) => ({ known, isGone: info === undefined })), found),
    // Of a lane that is read elsewhere, what its process has in hand; not all of that is being handled.
    inFlight: total(({ info, reader }) => reader?.lease === undefined ? info?.ackPending ?? 0 : reader.inFlight),
    retrying: total(({ reader }) => reader?.lease === undefined ? 0 : Number(reader.isRetrying)),
  }
}

/** A broker that answers takes milliseconds; a probe has a second for everything. */
const patienceMs = 300

/** The last answer while it is fresh, and where a newer one does not come soon. One question at a time. */
const lately = Effect.fnUntraced(function* <A>(ask: Effect.Effect<A, StoreUnavailable>) {
  const scope = yield* Effect.scope
  let known: { readonly answer: A; readonly atMs: number } | undefined
  let asking: Fiber.Fiber<A, StoreUnavailable> | undefined
  const question = ask.pipe(
    Effect.tap((answer) => Effect.map(Clock.currentTimeMillis, (atMs) => known = { answer, atMs })),
    Effect.ensuring(Effect.sync(() => asking = undefined)),
  )
  return Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    if (known !== undefined && nowMs - known.atMs < freshMs) return known.answer
    const fiber = asking ??= yield* Effect.forkIn(question, scope)
    if (known === undefined) return yield* Fiber.join(fiber)
    yield* Effect.timeoutOption(Fiber.await(fiber), patienceMs)
    return known.answer
  })
})
