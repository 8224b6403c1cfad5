/** The lanes this process reads: asks for their leases, keeps what it gets, and hands over what others wait for. */
import { Clock, Effect, Option, Scope, Semaphore } from "effect"
import { Broker } from "./Broker.ts"
import { LaneReader } from "./LaneReader.ts"
import { contractVersion } from "../contracts.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { LaneAttempts } from "../LaneAttempts.ts"
import { LaneLeases } from "../LaneLeases.ts"
import type { LaneLease } from "../LaneLeases.ts"
import { laneDurable } from "../names.ts"
import * as Wakeup from "../Wakeup.ts"
import { SuspectTurn } from "./suspectTurn.ts"

export interface LaneKeeperOptions {
  readonly partitions: number
  readonly ackWaitMs: number
}

/** Several renewals may fail before a lease is over. */
export const renewalsPerLease = 5

/** How long a lane that was let go of elsewhere waits to be found: as long as nobody notices. */
const takeMaxMs = 500

/** Several of these may be late before an ack wait is over. */
const prolongationsPerAckWait = 3

export interface LaneKeeper {
  /** From the first time on it is asked for, the lane is one this process would read. */
  readonly readerOf: (consumer: ConsumerContract, lane: number) => LaneReader
  readonly readers: () => Iterable<LaneReader>
  /** Hands over everything, and takes nothing any more. */
  readonly release: Effect.Effect<void>
}

const keyOf = ({ durable, lane }: { readonly durable: string; readonly lane: number }) => `${durable}/${lane}`

export const makeLaneKeeper = Effect.fnUntraced(function* (options: LaneKeeperOptions) {
  const broker = yield* Broker
  const leases = yield* LaneLeases
  const attempts = Option.getOrUndefined(yield* Effect.serviceOption(LaneAttempts))
  // All at once: each lane that is closed waits for the broker, which may be frozen.
  const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
  const readers = new Map<string, LaneReader>()
  const suspects = new SuspectTurn()
  const wanted = Wakeup.make()
  let isReleased = false

  const readerOf = (consumer: ConsumerContract, lane: number): LaneReader => {
    const key = keyOf({ durable: consumer.durable, lane })
    let reader = readers.get(key)
    if (reader === undefined) {
      reader = new LaneReader({
        broker,
        attempts,
        consumer,
        name: {
          durable: consumer.durable,
          stream: consumer.stream,
          lane,
          isWhole: consumer.ordering === "stream",
        },
        durable: durableOf(consumer, lane, options.partitions),
        ackWaitMs: options.ackWaitMs,
        suspects,
      })
      readers.set(key, reader)
      Effect.runSync(wanted.signal)
    }
    return reader
  }

  // A renewal that is on its way must not find a lane again that is being let go.
  const alone = (yield* Semaphore.make(1)).withPermits(1)

  const handOver = Effect.fnUntraced(function* (lease: LaneLease) {
    const reader = readers.get(keyOf(lease))
    if (reader === undefined || reader.isLeaving) return
    yield* reader.handOver(true)
    yield* alone(Effect.ensuring(leases.release([lease]), Effect.sync(() => reader.handedOver())))
  }, Effect.ignore({ log: true }))

  const renew = alone(Effect.gen(function* () {
    if (isReleased) return
    const askedAtMs = yield* Clock.currentTimeMillis
    const { held, surplus } = yield* leases.renew([...readers.values()].map(({ name }) => name))
    const mine = new Map(held.map((lease) => [keyOf(lease), lease]))
    for (const [key, reader] of readers) {
      const lease = mine.get(key)
      if (lease !== undefined) yield* reader.held(lease, askedAtMs + leases.leaseMs, scope)
      else if (reader.lease !== undefined) yield* reader.drop
    }
    for (const lease of surplus) yield* Effect.forkIn(handOver(lease), scope)
  }))

  const renewing = Effect.gen(function* () {
    const seen = wanted.count()
    if (readers.size > 0) {
      yield* Effect.catch(renew, (error) => Effect.logWarning("the leases of lanes cannot be renewed", error))
    }
    const pauseMs = leases.leaseMs / renewalsPerLease
    const isWaiting = [...readers.values()].some(({ lease }) => lease === undefined)
    yield* Effect.timeoutOption(wanted.after(seen), isWaiting ? Math.min(pauseMs, takeMaxMs) : pauseMs)
  }).pipe(Effect.forever)

  const prolonging = Effect.gen(function* () {
    yield* Effect.sleep(options.ackWaitMs / prolongationsPerAckWait)
    for (const reader of readers.values()) yield* reader.prolong()
  }).pipe(Effect.forever)

  yield* Effect.forkIn(renewing, scope)
  yield* Effect.forkIn(prolonging, scope)

  const release = Effect.gen(function* () {
    isReleased = true
    const held = [...readers.values()].filter((reader) => reader.lease !== undefined)
    const given = held.flatMap(({ lease }) => lease === undefined ? [] : [lease])
    yield* Effect.forEach(held, (reader) => reader.handOver(false), { concurrency: handoversAtOnce, discard: true })
    yield* alone(Effect.andThen(leases.release(given), leases.leave))
  }).pipe(Effect.timeout(releaseMaxMs), Effect.ignore)

  const keeper: LaneKeeper = { readerOf, readers: () => readers.values(), release }
  return keeper
})

/** Each is a question to the broker; the server answers them one by one. */
const handoversAtOnce = 16

/** A stop does not wait for a broker or a database that is gone: their clocks let go as well. */
const releaseMaxMs = 3_000

export const durableOf = ({ durable, ordering, stream }: ConsumerContract, lane: number, partitions: number): string =>
  laneDurable({
    durable,
    stream,
    partition: ordering === "stream" ? undefined : lane,
    partitions,
    version: contractVersion,
  })
