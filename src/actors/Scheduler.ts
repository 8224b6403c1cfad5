/**
 * Syncs whoever is due. Its cost follows what is due, not how many users there are: the due queue is an index in the
 * store, read in bounded batches, and a user who waits is a row.
 */
import { Clock, Effect } from "effect"
import { Actors } from "./Actors.ts"
import { UserSyncStore } from "./UserSyncStore.ts"

/** Users taken from the queue at once: small enough that a slow tool holds few claims. */
const batchMax = 50
/** Syncs under way at once; each is one request to the tool and one transaction here. */
const concurrency = 8
/** A claim outlives the longest sync by far; a user whose process died is due again after it. */
const claimMs = 120_000
const tickMs = 1_000

/** Runs until interrupted. A user's failure is that user's: their actor has put the next try into the queue. */
export const run = Effect.gen(function* () {
  yield* tick.pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("the due queue cannot be read", cause), 0)),
    Effect.flatMap((taken) => taken === batchMax ? Effect.void : Effect.sleep(tickMs)),
    Effect.forever,
  )
})

/** One batch; how many users were due. */
export const tick = Effect.gen(function* () {
  const store = yield* UserSyncStore
  const actors = yield* Actors
  const due = yield* store.claimDue(yield* Clock.currentTimeMillis, claimMs, batchMax)
  if (due.length === 0) return 0
  const exits = yield* Effect.forEach(
    due,
    (owner) => Effect.exit(actors.ask(owner, { _tag: "SyncNow", reason: "due" })),
    { concurrency },
  )
  const failed = exits.filter((exit) => exit._tag === "Failure").length
  yield* Effect.logDebug(`synced ${due.length - failed} users, ${failed} failed`)
  return due.length
}).pipe(Effect.withSpan("Scheduler.tick"))
