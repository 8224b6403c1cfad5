/** Who publishes the outbox to a broker, and the outbox in the order it is published, stream by stream. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE relay_lease (
      is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
      holder text,
      held_until timestamptz NOT NULL DEFAULT '-infinity'
    )`
  yield* sql`INSERT INTO relay_lease DEFAULT VALUES`
  // One stream may be blocked for days; its rows must not stand in the way of the others'.
  yield* sql`CREATE INDEX outbox_unsequenced_stream ON outbox (stream, transaction_id, position) WHERE sequence IS NULL`
})
