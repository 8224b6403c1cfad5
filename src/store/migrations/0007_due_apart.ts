/** Users whose last sync failed are taken from a queue of their own. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Two partial ones, for a claim of the one kind never reads past the other. A row is in one of them: a commit costs
  // what it did.
  yield* sql`DROP INDEX connections_due`
  // No statement reads by the number of failures.
  yield* sql`DROP INDEX connections_failing`
  yield* sql`
    CREATE INDEX connections_due_healthy ON connections (provider, next_sync_at_ms)
    WHERE next_sync_at_ms IS NOT NULL AND failures = 0`
  yield* sql`
    CREATE INDEX connections_due_failing ON connections (provider, next_sync_at_ms)
    WHERE next_sync_at_ms IS NOT NULL AND failures > 0`
})
