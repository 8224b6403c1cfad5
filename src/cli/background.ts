/** What runs beside requests: consumers, the sync scheduler, expiry, forgetting, gauges. Ends with its scope. */
import { Effect, Layer, Metric, Schedule } from "effect"
import * as Scheduler from "../actors/Scheduler.ts"
import { Actors } from "../actors/Actors.ts"
import { revokeOwed } from "../actors/Revoker.ts"
import { Feedback } from "../recommender/Feedback.ts"
import { learnFrom } from "../recommender/Learning.ts"
import { project } from "../recommender/Projector.ts"
import { ServingStates } from "../recommender/ServingStates.ts"
import { defaultTenant } from "../../schemas/ids.ts"
import { afterCommit } from "../store/afterCommit.ts"
import { forget } from "../store/retention.ts"
import * as Consumer from "../streams/Consumer.ts"
import { EventLog } from "../streams/EventLog.ts"
import { learner, projector } from "./consumers.ts"
import { Projected } from "./Projected.ts"

export interface BackgroundOptions {
  readonly batchMax: number
  readonly attemptsMax: number
  /** How long actors may take to finish what they hold, on the way down. */
  readonly drainMaxMs: number
  /** How long an event stays in the outbox once a broker has it. */
  readonly outboxKeepMs: number
  readonly sync: Scheduler.SchedulerOptions
}

export const layer = ({ batchMax, attemptsMax, drainMaxMs, outboxKeepMs, sync }: BackgroundOptions) =>
  Layer.effectDiscard(Effect.gen(function* () {
    const log = yield* EventLog
    const actors = yield* Actors
    const projected = yield* Projected
    // Registered before the fibers, so run after they ended: nobody claims work from actors that take none any more.
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.timeoutOption(actors.drain, drainMaxMs), log.release))
    yield* Effect.forkScoped(Consumer.run({
      consumer: projector(batchMax),
      attemptsMax,
      handle: (events) =>
        Effect.andThen(project(events.map(({ envelope }) => envelope)), afterCommit(projected.signal)),
    }))
    yield* Effect.forkScoped(Consumer.run({
      consumer: learner(batchMax),
      attemptsMax,
      handle: learnFrom,
    }))
    yield* Effect.forkScoped(Scheduler.run(sync))
    yield* every("1 second", refreshState)
    yield* every("5 seconds", expire)
    yield* every("5 seconds", measure)
    yield* every("1 minute", revokeOwed)
    yield* every("10 minutes", Effect.repeat(forget({ outboxKeepMs }), { until: isNone }))
  }))

const every = <A, E, R>(pause: "1 second" | "5 seconds" | "1 minute" | "10 minutes", task: Effect.Effect<A, E, R>) =>
  task.pipe(
    Effect.catchCause((cause) => Effect.logWarning("a background task failed and is tried again", cause)),
    Effect.repeat(Schedule.spaced(pause)),
    Effect.forkScoped,
  )

function isNone(count: number): boolean {
  return count === 0
}

/** What another replica has learned. */
const refreshState = Effect.flatMap(ServingStates, (state) => state.refresh(defaultTenant))

/** Bounded batches, as many as there are. */
const expire = Effect.flatMap(Feedback, (feedback) => Effect.repeat(feedback.expireDue, { until: isNone }))

const lag = Metric.gauge("consumer_lag_events", { description: "Events a consumer is behind the end of its stream" })
const length = Metric.gauge("stream_last_sequence", { description: "Number of the last event of a stream" })

const measure = Effect.gen(function* () {
  const log = yield* EventLog
  for (const consumer of yield* log.consumers) {
    yield* Metric.update(Metric.withAttributes(lag, { durable: consumer.durable }), consumer.lag)
  }
  for (const { stream, lastSequence } of yield* log.streams) {
    yield* Metric.update(Metric.withAttributes(length, { stream }), lastSequence)
  }
})
