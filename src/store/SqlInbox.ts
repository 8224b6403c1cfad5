/** The inbox as a table: ids and effect in one transaction. */
import { Clock, Effect, Layer } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Inbox } from "../streams/Inbox.ts"
import { orUnavailable, unavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  Inbox,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    const freshIds = Effect.fnUntraced(function* (durable: string, eventIds: ReadonlyArray<string>) {
      const handledAtMs = yield* Clock.currentTimeMillis
      // Rows come back for what is not fresh, which is mostly nothing: a row costs more to read than to write.
      const rows = yield* sql<{ readonly event_id: string }>`
        WITH given AS (
          SELECT event_id FROM jsonb_array_elements_text(${JSON.stringify(eventIds)}::text::jsonb) AS event_id
        ), fresh AS (
          INSERT INTO inbox (durable, event_id, handled_at_ms)
          SELECT ${durable}, event_id, ${handledAtMs} FROM given
          ON CONFLICT DO NOTHING
          RETURNING event_id
        )
        SELECT event_id FROM given EXCEPT SELECT event_id FROM fresh`
      const known = new Set(rows.map((row) => row.event_id))
      return new Set(known.size === 0 ? eventIds : eventIds.filter((id) => !known.has(id)))
    })

    return Inbox.of({
      handled: Effect.fnUntraced(function* (durable, eventId) {
        const rows = yield* sql`SELECT FROM inbox WHERE durable = ${durable} AND event_id = ${eventId}`
        return rows.length > 0
      }, orUnavailable("inbox.handled")),

      once: <E, R>(
        durable: string,
        eventIds: ReadonlyArray<string>,
        effect: (fresh: ReadonlySet<string>) => Effect.Effect<void, E, R>,
      ) =>
        freshIds(durable, eventIds).pipe(
          Effect.flatMap((fresh) => fresh.size === 0 ? Effect.void : effect(fresh)),
          sql.withTransaction,
          Effect.catch((error): Effect.Effect<never, E | StoreUnavailable> =>
            SqlError.isSqlError(error) ? unavailable("inbox", error) : Effect.fail(error as E)
          ),
        ),
    })
  }),
)
