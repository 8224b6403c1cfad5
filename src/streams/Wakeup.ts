/**
 * Lets loops sleep until something happened, without missing what happens between a look and the sleep:
 * a waiter names the count it has seen, and waits only while the count is still that.
 * One cell, no queue: a thousand signals before a waiter looks are one.
 */
import { Deferred, Effect } from "effect"

export interface Wakeup {
  readonly count: () => number
  readonly signal: Effect.Effect<void>
  /** Completes once the count is past `seen`. */
  readonly after: (seen: number) => Effect.Effect<void>
}

export const make = (): Wakeup => {
  let count = 0
  let next = Deferred.makeUnsafe<void>()
  return {
    count: () => count,
    signal: Effect.sync(() => {
      count++
      const waiting = next
      next = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Effect.void)
    }),
    after: (seen) => Effect.suspend(() => count > seen ? Effect.void : Deferred.await(next)),
  }
}
