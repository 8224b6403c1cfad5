/**
 * Things that all wait equally long, behind one timer: whatever was added `waitMs` ago and not taken out since is
 * handed to `expire`, oldest first. Adding and taking out cost one map operation; a timer or a fiber for each
 * thing would cost more memory than an idle actor itself.
 *
 * Counts monotonic time, so a corrected wall clock neither fires early nor freezes. Bounded by its users.
 */
import { Clock, Duration, Effect, Latch, type Scope } from "effect"

export interface Deadlines<A> {
  /** Starts the wait, anew if `item` is already waiting. */
  readonly add: (item: A) => void
  readonly remove: (item: A) => void
  readonly oldest: () => A | undefined
}

export const monotonicMs = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** `expire` must not throw; if it does, that is logged and the other deadlines stand. */
export const make = Effect.fnUntraced(
  function* <A>(waitMs: number, expire: (item: A) => void): Effect.fn.Return<Deadlines<A>, never, Scope.Scope> {
    const clock = yield* Clock.Clock
    // A map keeps insertion order, and all wait equally long: the first entry is always the next one due.
    const dueMs = new Map<A, number>()
    const filled = Latch.makeUnsafe()

    const sweep = Effect.suspend(() => {
      for (const [item, due] of dueMs) {
        const leftMs = due - monotonicMs(clock)
        if (leftMs > 0) return clock.sleep(Duration.millis(Math.ceil(leftMs)))
        dueMs.delete(item)
        expire(item)
      }
      filled.closeUnsafe()
      return filled.await
    })
    yield* sweep.pipe(
      Effect.catchCause((cause) => Effect.logError("a deadline could not be carried out", cause)),
      Effect.forever,
      Effect.forkScoped,
    )

    return {
      add: (item) => {
        dueMs.delete(item)
        dueMs.set(item, monotonicMs(clock) + waitMs)
        filled.openUnsafe()
      },
      remove: (item) => {
        dueMs.delete(item)
      },
      oldest: () => dueMs.keys().next().value,
    }
  },
)
