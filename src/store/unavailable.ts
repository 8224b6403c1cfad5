/**
 * A failure of the database, as callers of a port see it: which operation failed. The cause goes to the log here, once,
 * because a client is told no more than that it can come back.
 */
import { Effect, Metric } from "effect"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

const failures = Metric.counter("store_failures_total", {
  incremental: true,
  description: "Operations the database could not carry out",
})

export const orUnavailable =
  (operation: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StoreUnavailable, R> =>
    Effect.catch(effect, (cause) => unavailable(operation, cause))

export const unavailable = Effect.fnUntraced(function* (operation: string, cause: unknown) {
  yield* Metric.update(Metric.withAttributes(failures, { operation }), 1)
  yield* Effect.logWarning(`${operation}: the store is not available: ${reasonOf(cause)}`)
  return yield* new StoreUnavailable({ operation, cause })
})

/** The database's own words for it, which name tables and limits; its detail, which quotes values, is left out. */
const reasonOf = (cause: unknown): string => {
  const { reason } = cause as { readonly reason?: { readonly message?: string; readonly cause?: { code?: string } } }
  const code = reason?.cause?.code
  // Class 22, data exceptions: their very message quotes the value that did not fit.
  if (code?.startsWith("22") === true) return `a value does not fit (SQLSTATE ${code})`
  return reason?.message ?? (cause instanceof Error ? cause.message : String(cause))
}
