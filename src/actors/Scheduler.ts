/**
 * Syncs whoever is due. Its cost follows what is due, not how many users there are: the due queue is an index in the
 * store, and a user who waits is a row.
 *
 * Each provider has a queue of its own (providerQueue.ts), so that the trouble of one never delays users of another.
 * Any number of processes may run one: a claim is of one of them.
 */
import { Clock, Effect, Random } from "effect"
import { Connectors } from "../connectors/Connector.ts"
import { runQueue } from "./providerQueue.ts"
import type { QueueLimits } from "./providerQueue.ts"
import * as SyncTally from "./syncTally.ts"
import { UserSyncStore } from "./UserSyncStore.ts"

/** The limits are each provider's, and of this process. */
export interface SchedulerOptions extends QueueLimits {
  /** Jittered by half, so that nodes that start together do not begin together; people who come first are served. */
  readonly startDelayMs: number
}

/** One line at most in this time, and one look at all connections. */
const reportMs = 10_000

/** Runs until interrupted. A user's failure is that user's: their actor has put the next try into the queue. */
export const run = Effect.fnUntraced(
  function* ({ startDelayMs, ...limits }: SchedulerOptions) {
    const { all } = yield* Connectors
    const tallies = new Map(all.map(({ provider }) => [provider, SyncTally.make(provider)]))
    yield* Effect.sleep(startDelayMs * (0.5 + (yield* Random.next)))
    yield* Effect.forkScoped(report([...tallies.values()]))
    yield* Effect.forEach(all, (connector) => runQueue(connector, limits, tallies.get(connector.provider)!), {
      concurrency: "unbounded",
      discard: true,
    })
  },
  Effect.scoped,
)

const report = Effect.fnUntraced(function* (tallies: ReadonlyArray<SyncTally.SyncTally>) {
  const store = yield* UserSyncStore
  const measure = Effect.gen(function* () {
    const summaries = yield* store.summary(yield* Clock.currentTimeMillis)
    yield* Effect.forEach(summaries, SyncTally.measureQueue, { discard: true })
  })
  yield* Effect.forever(Effect.gen(function* () {
    yield* Effect.sleep(reportMs)
    yield* Effect.forEach(tallies, (tally) => tally.report, { discard: true })
    // The store has said why; the gauges stay as they are until it is back.
    yield* Effect.catchCause(measure, () => Effect.void)
  }))
})
