/** One sealed record of the installation itself, before any token is stored: whoever cannot open it has other keys. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE vault_witness (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      sealed_token bytea NOT NULL
    )`
})
