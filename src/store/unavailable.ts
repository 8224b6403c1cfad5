/** A failure of the database, as callers of a port see it: which operation, and the cause for the log. */
import { Effect } from "effect"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export const orUnavailable =
  (operation: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StoreUnavailable, R> =>
    Effect.mapError(effect, (cause) => new StoreUnavailable({ operation, cause }))
