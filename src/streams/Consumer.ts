/**
 * Runs a handler over a stream: at-least-once deliveries in, exactly-once effects out.
 *
 * Per lane: pull → decode → inbox and handler in one transaction → settle. A failure refuses the batch, which then
 * comes again one message at a time; after `attemptsMax` a message is buried as a dead letter and the lane goes on.
 * A store in trouble is nobody's fault: the lane rests and comes again, without spending attempts.
 * An undecodable message is buried at once; a stand-in for an event that is gone is passed over.
 * Lanes run concurrently and never wait for each other.
 */
import { Cause, Effect, Random } from "effect"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { open, Undecodable } from "./envelope.ts"
import type { DeathReason } from "./DeadLetters.ts"
import { EventLog, LaneLost, lanesOf } from "./EventLog.ts"
import { handlerSpan } from "./handlerSpan.ts"
import type { ConsumerContract, Delivery } from "./EventLog.ts"
import { Inbox } from "./Inbox.ts"
import { standInSubject } from "./names.ts"

export interface ReceivedEvent {
  readonly envelope: Envelope
  readonly sequence: number
}

/** Rest after the first failed attempt; doubles with each. Five attempts are spread over up to three seconds. */
const retryDelayFirstMs = 200
/** Longest rest between two attempts, from the seventh on: a lane allowed many attempts still moves on in minutes. */
const retryDelayMaxMs = 10_000
/** Rest while the store is in trouble: it is asked about once a second by each lane, and found soon when it is back. */
const storeRestMs = 1_000

/** The first may have been in a batch with a poisoned neighbour: before it is given up, each message has one alone. */
const attemptsLeast = 2

export interface ConsumerOptions<E, R> {
  readonly consumer: ConsumerContract
  readonly attemptsMax: number
  /** Gets the fresh events of one lane in log order, inside the transaction that remembers them. */
  readonly handle: (events: ReadonlyArray<ReceivedEvent>) => Effect.Effect<void, E, R>
}

/** Runs until interrupted; then the batch in hand is finished, because handling a batch is uninterruptible. */
export const run = Effect.fnUntraced(function* <E, R>(options: ConsumerOptions<E, R>) {
  const log = yield* EventLog
  yield* Effect.forEach(
    lanesOf(options.consumer, log.partitions),
    (lane) =>
      runOnce(options, lane).pipe(
        // The log itself failed: the lane rests and goes on. Handler failures never come out here.
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.failCause(cause)
            : Effect.logWarning("consumer cannot reach the log", cause).pipe(Effect.andThen(Effect.sleep(1_000)))
        ),
        Effect.forever,
        Effect.annotateLogs({ durable: options.consumer.durable, lane }),
      ),
    { concurrency: "unbounded", discard: true }, // bounded by the number of lanes
  )
})

/** Handles all there is now in one lane, then waits for more, or for the rest after a failure to pass. */
const runOnce = Effect.fnUntraced(function* <E, R>(options: ConsumerOptions<E, R>, lane: number) {
  const log = yield* EventLog
  // Asked for before looking: what arrives in between ends the wait at once.
  const news = yield* log.awaitNew(options.consumer, lane)
  const batch = yield* Effect.uninterruptible(handleBatch(options, lane))
  if (batch.restMs > 0) yield* Effect.sleep(batch.restMs)
  else if (batch.settled === 0) yield* news
})

/** One pull, handled: how many messages are settled, and how long the lane rests because one failed. */
export const handleBatch = Effect.fnUntraced(function* <E, R>(options: ConsumerOptions<E, R>, lane: number) {
  const { consumer, attemptsMax, handle } = options
  const log = yield* EventLog
  const inbox = yield* Inbox
  const deliveries = yield* log.pull(consumer, lane)
  const first = deliveries[0]
  if (first === undefined) return { settled: 0, restMs: 0 }
  if (first.attempt > Math.max(attemptsMax, attemptsLeast)) {
    yield* giveUp(consumer, lane, first)
    return { settled: 1, restMs: 0 }
  }
  const readable: Array<ReceivedEvent> = []
  const taken: Array<Delivery> = []
  for (const delivery of deliveries) {
    const event = standsIn(delivery) ? undefined : open(delivery)
    if (event instanceof Undecodable) {
      if (taken.length > 0) break // settle what stands before it first
      yield* bury(consumer, lane, delivery, "undecodable", event.problem)
      return { settled: 1, restMs: 0 }
    }
    taken.push(delivery)
    if (event !== undefined) readable.push({ envelope: event, sequence: delivery.sequence })
  }
  const byId = new Map(readable.map((event) => [event.envelope.id, event]))
  const exit = yield* inbox.once(
    consumer.durable,
    [...byId.keys()],
    (fresh) =>
      Effect.andThen(
        log.guard(consumer, lane),
        handle(freshOf(byId, fresh)),
      ),
  ).pipe(Effect.withSpan(`${consumer.durable}.handle`, handlerSpan(taken)), Effect.exit)
  if (exit._tag === "Success") {
    yield* log.settle(consumer, lane, taken.at(-1)!.sequence)
    return { settled: taken.length, restMs: 0 }
  }
  if (Cause.squash(exit.cause) instanceof LaneLost) {
    yield* Effect.logWarning("the lane went to another process meanwhile: the batch has no effect here")
    yield* log.refuse(consumer, lane, storeRestMs, false)
    return { settled: 0, restMs: storeRestMs }
  }
  if (blamesStore(exit.cause)) {
    const restMs = yield* jittered(storeRestMs)
    yield* Effect.logWarning(`the store is in trouble: the batch comes again in ${restMs} ms, no attempt is spent`)
    yield* Effect.logDebug("what the handler failed with", exit.cause)
    yield* log.refuse(consumer, lane, restMs, false)
    return { settled: 0, restMs }
  }
  yield* Effect.logWarning(`handler failed, attempt ${first.attempt} of ${attemptsMax}: ${failureName(exit.cause)}`)
  yield* Effect.logDebug("what the handler failed with", exit.cause)
  if (taken.length === 1 && first.attempt >= attemptsMax) {
    yield* bury(consumer, lane, first, "attempts-exhausted", failureName(exit.cause))
    return { settled: 1, restMs: 0 }
  }
  const restMs = yield* jittered(retryDelayMs(first.attempt))
  yield* log.refuse(consumer, lane, restMs, true)
  return { settled: 0, restMs }
})

/**
 * A handler that kills the process never reaches the counting of failures: it is given up before it runs again. But a
 * message whose effect is there, and only the word of it was lost each time, is done with.
 */
const giveUp = Effect.fnUntraced(function* (consumer: ConsumerContract, lane: number, delivery: Delivery) {
  const log = yield* EventLog
  const inbox = yield* Inbox
  if (standsIn(delivery)) return yield* log.settle(consumer, lane, delivery.sequence)
  const event = open(delivery)
  if (event instanceof Undecodable) return yield* bury(consumer, lane, delivery, "undecodable", event.problem)
  // Failing takes the question back: the inbox must not remember an event that was not handled.
  const isHandled = yield* inbox.once(consumer.durable, [event.id], () => Effect.fail(notHandled)).pipe(
    Effect.as(true),
    Effect.catchIf((error) => error === notHandled, () => Effect.succeed(false)),
  )
  if (isHandled) return yield* log.settle(consumer, lane, delivery.sequence)
  yield* bury(consumer, lane, delivery, "attempts-exhausted", "the process ended while handling it")
})

const notHandled = "not handled" as const

/** Of an event that is gone, which whoever put it there has told of. There may be as many as a broker lost in a day. */
const standsIn = ({ stream, subject }: Delivery): boolean => subject === standInSubject(stream)

/** Mostly all of them. */
const freshOf = (
  byId: ReadonlyMap<string, ReceivedEvent>,
  fresh: ReadonlySet<string>,
): ReadonlyArray<ReceivedEvent> => {
  const events = [...byId.values()]
  return fresh.size === events.length ? events : events.filter((event) => fresh.has(event.envelope.id))
}

const bury = Effect.fnUntraced(function* (
  consumer: ConsumerContract,
  lane: number,
  delivery: Delivery,
  reason: DeathReason,
  detail: string,
) {
  const log = yield* EventLog
  yield* Effect.logError(`dead letter: ${consumer.durable} gives up ${delivery.stream}#${delivery.sequence}: ${detail}`)
  yield* Effect.tapError(
    log.bury(consumer, lane, delivery, { reason, detail }),
    // What became of it is tried again as it was: its attempts are its own.
    () => Effect.ignore(log.refuse(consumer, lane, storeRestMs, false)),
  )
})

const retryDelayMs = (attempt: number): number =>
  Math.min(retryDelayMaxMs, retryDelayFirstMs * 2 ** Math.min(attempt - 1, 20))

/** Half to whole, so that lanes that failed together do not come back together. */
const jittered = (ceilingMs: number) =>
  Effect.map(Random.next, (random) => Math.round(ceilingMs * (0.5 + 0.5 * random)))

/** Data that the store refuses is the message's own fault: only its attempts keep it from blocking its lane. */
const blamesStore = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return error instanceof StoreUnavailable && error.dataAtFault !== true
}

/** The tag of the failure, never its text: that may hold what the event held. */
const failureName = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (typeof error === "object" && error !== null && "_tag" in error) return String(error._tag)
  return error instanceof Error ? error.name : "failure"
}
