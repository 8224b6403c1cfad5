/**
 * The event log on JetStream: read by lanes, one durable each, held by one process at a time.
 *
 * Written by the relay from the outbox, so sequences are the outbox's. What a lane was handed and did not settle is in
 * the broker's memory and this process's; settling is a plain acknowledgement, and a lost one repeats a delivery,
 * which the inbox absorbs.
 */
import { Effect, Layer } from "effect"
import { Broker } from "./Broker.ts"
import { buryOnBroker } from "./buryOnBroker.ts"
import { makeLaneKeeper } from "./laneKeeper.ts"
import { makeLogReports } from "./logReports.ts"
import type { RelayState } from "./logReports.ts"
import { sweepEveryMs, sweepStuck } from "./stuckMessages.ts"
import { DeadLetters } from "../DeadLetters.ts"
import { EventLog, LaneLost } from "../EventLog.ts"
import type { ConsumerContract, StoredEvent } from "../EventLog.ts"
import { LaneLeases } from "../LaneLeases.ts"
import { parseSubject } from "../names.ts"

/** Covers arrivals that are not told of: the end of a rest, a lane that was given to this process. */
const pollMs = 1_000

export interface JetStreamEventLogOptions {
  readonly partitions: number
  /** Of the durables' contracts. */
  readonly ackWaitMs: number
  /** All there are contracts for: whoever reads them, their lag is told. */
  readonly consumers: ReadonlyArray<ConsumerContract>
  /** How often messages are looked for that the broker gave up. */
  readonly sweepEveryMs?: number
  readonly relay: Effect.Effect<RelayState>
  readonly replay: EventLog["Service"]["replay"]
  readonly sequenceAt: EventLog["Service"]["sequenceAt"]
}

export const layer = (options: JetStreamEventLogOptions) =>
  Layer.effect(
    EventLog,
    Effect.gen(function* () {
      const broker = yield* Broker
      const letters = yield* DeadLetters
      const leases = yield* LaneLeases
      const keeper = yield* makeLaneKeeper(options)
      const { readerOf } = keeper
      const reports = yield* makeLogReports({ ...options, broker, keeper })

      yield* Effect.forkScoped(sweepStuck(broker, keeper, options.sweepEveryMs ?? sweepEveryMs))

      const read: EventLog["Service"]["read"] = Effect.fn("EventLog.read")(function* (stream, afterSequence, limit) {
        const range = { fromSequence: afterSequence + 1, toSequence: Number.MAX_SAFE_INTEGER, limit }
        return (yield* broker.messages(stream, range)).map((message): StoredEvent => ({
          ...message,
          stream,
          partition: parseSubject(message.subject)?.partition ?? 0,
        }))
      })

      return EventLog.of({
        partitions: options.partitions,
        pull: (consumer, lane) => Effect.suspend(() => readerOf(consumer, lane).take()),
        awaitNew: (consumer, lane) =>
          Effect.map(
            Effect.suspend(() => readerOf(consumer, lane).awaitNew),
            (news) => news.pipe(Effect.timeoutOption(pollMs), Effect.asVoid),
          ),
        settle: (consumer, lane, sequence) =>
          Effect.suspend(() => readerOf(consumer, lane).settle(sequence, (message) => message.ack())),
        refuse: (consumer, lane, delayMs, counts) =>
          Effect.suspend(() => readerOf(consumer, lane).refuse(delayMs, counts)),
        bury: Effect.fn("EventLog.bury")(function* (consumer, lane, delivery, cause) {
          yield* reports.letterWritten(
            buryOnBroker(broker, consumer, delivery, cause).pipe(
              Effect.andThen(letters.record(consumer.durable, delivery, cause)),
            ),
          )
          yield* readerOf(consumer, lane).settle(delivery.sequence, (message) => message.term())
        }),
        guard: (consumer, lane) =>
          Effect.suspend(() => {
            const lease = readerOf(consumer, lane).takenUnder
            return lease === undefined
              ? Effect.fail(new LaneLost({ durable: consumer.durable, lane }))
              : leases.guard(lease)
          }),
        release: keeper.release,
        read,
        replay: options.replay,
        sequenceAt: options.sequenceAt,
        streams: reports.streams,
        consumers: reports.consumers,
        state: reports.state,
      })
    }),
  )
