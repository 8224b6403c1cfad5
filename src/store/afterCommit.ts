/** For what hears of a change: not before it can be read. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Once the transaction it is called in commits, and not at all when it does not. */
export const afterCommit = (effect: Effect.Effect<void>): Effect.Effect<void, never, SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.afterCommit(effect))
