/** Asks the database the least there is to ask. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { DatabaseProbe } from "../http/DatabaseProbe.ts"

/** Orchestrators give a probe a second; the answer itself takes a millisecond. */
const patienceMs = 700

export const layer = Layer.effect(
  DatabaseProbe,
  Effect.map(SqlClient.SqlClient, (sql) =>
    DatabaseProbe.of({
      answers: sql`SELECT 1`.pipe(
        Effect.timeout(patienceMs),
        Effect.matchCause({ onFailure: () => false, onSuccess: () => true }),
      ),
    })),
)
