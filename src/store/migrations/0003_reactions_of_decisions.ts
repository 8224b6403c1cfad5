/** Finds the reactions that go with a forgotten decision. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE INDEX reactions_of_decision ON reactions (decision_id)`
})
