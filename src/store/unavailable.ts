/**
 * A failure of the database, as callers of a port see it: which operation failed. The cause goes to the log here, once,
 * because a client is told no more than that it can come back.
 */
import { Effect, Metric } from "effect"
import { SqlError } from "effect/sql"
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
  return yield* new StoreUnavailable({ operation, cause, ...(blamesData(cause) ? { dataAtFault: true } : {}) })
})

/**
 * True when the database is well and the data is not (SQLSTATE classes 22 and 23, and what nobody knows: an unknown
 * failure must not block a lane for ever). A syntax error is a schema in motion, so the store's.
 */
const blamesData = (cause: unknown): boolean => {
  if (!SqlError.isSqlError(cause)) return false
  switch (cause.reason._tag) {
    case "ConstraintError":
    case "UniqueViolation":
      return true
    case "UnknownError":
      return !storeCodes.test((cause.reason.cause as { readonly code?: string } | undefined)?.code ?? "")
    default:
      return false
  }
}

/**
 * Not classified by the client, yet the store's own: a plan outdated by a migration (0A), a standby that only reads
 * (25006), an object in use (55), the server's disk (58), and the network as Node names it (ENOTFOUND, EPIPE, …).
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const storeCodes = /^(0A|25006|55|58|E[A-Z])/

/** The database's own words for it, which name tables and limits; its detail, which quotes values, is left out. */
const reasonOf = (cause: unknown): string => {
  const { reason } = cause as { readonly reason?: { readonly message?: string; readonly cause?: { code?: string } } }
  const code = reason?.cause?.code
  // Class 22, data exceptions: their very message quotes the value that did not fit.
  if (code?.startsWith("22") === true) return `a value does not fit (SQLSTATE ${code})`
  return reason?.message ?? (cause instanceof Error ? cause.message : String(cause))
}
