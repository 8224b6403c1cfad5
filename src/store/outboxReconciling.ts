/** What the outbox learns of a broker that is not as it was thought to be. Rare, so each a plain transaction. */
import { Clock, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { StreamName } from "../streams/names.ts"
import { orUnavailable } from "./unavailable.ts"

interface FoundMessage {
  readonly eventId: string
  readonly sequence: number
}

export const reconciling = (sql: SqlClient.SqlClient) => {
  const publishedUntil = Effect.fnUntraced(function* (stream: StreamName) {
    const [row] = yield* sql<{ readonly until: number }>`
      SELECT published_until AS until FROM streams WHERE stream = ${stream} FOR UPDATE`
    return row?.until ?? 0
  })

  const unnumber = (stream: StreamName) =>
    sql`UPDATE outbox SET sequence = NULL
      WHERE stream = ${stream} AND published_at_ms IS NULL AND sequence IS NOT NULL`

  return {
    found: (stream: StreamName, messages: ReadonlyArray<FoundMessage>, until: number) =>
      sql.withTransaction(Effect.gen(function* () {
        const before = yield* publishedUntil(stream)
        const nowMs = yield* Clock.currentTimeMillis
        const given = JSON.stringify(messages.map(({ eventId, sequence }) => ({ event_id: eventId, sequence })))
        // In two steps, because numbers that move past each other would be the same for a moment.
        yield* sql`
          UPDATE outbox SET sequence = NULL, published_at_ms = NULL
          FROM jsonb_to_recordset(${given}::text::jsonb) AS found (event_id text, sequence bigint)
          WHERE stream = ${stream} AND outbox.sequence IS NOT NULL
            AND (outbox.sequence = found.sequence) <> (outbox.event_id = found.event_id)`
        const rows = yield* sql`
          UPDATE outbox SET sequence = found.sequence, published_at_ms = ${nowMs}
          FROM jsonb_to_recordset(${given}::text::jsonb) AS found (event_id text, sequence bigint)
          WHERE stream = ${stream} AND outbox.event_id = found.event_id RETURNING 1`
        yield* sql`
          UPDATE streams SET published_until = greatest(published_until, ${until}),
            last_sequence = greatest(last_sequence, ${until}) WHERE stream = ${stream}`
        const overtaken = yield* sql`
          SELECT 1 FROM outbox WHERE stream = ${stream} AND sequence > ${before} AND sequence <= ${until}
            AND published_at_ms IS NULL LIMIT 1`
        if (overtaken.length > 0) yield* unnumber(stream)
        return rows.length
      })).pipe(orUnavailable("outbox.found")),

    lost: (stream: StreamName, lastSequence: number) =>
      sql.withTransaction(Effect.gen(function* () {
        const until = yield* publishedUntil(stream)
        if (until <= lastSequence) return { rows: 0, missing: 0 }
        const rows = yield* sql`
          UPDATE outbox SET published_at_ms = NULL
          WHERE stream = ${stream} AND sequence > ${lastSequence} AND sequence <= ${until} RETURNING 1`
        yield* sql`UPDATE streams SET published_until = ${lastSequence} WHERE stream = ${stream}`
        return { rows: rows.length, missing: until - lastSequence - rows.length }
      })).pipe(orUnavailable("outbox.lost")),

    unnumber: (stream: StreamName) =>
      sql.withTransaction(Effect.andThen(publishedUntil(stream), unnumber(stream))).pipe(
        orUnavailable("outbox.unnumber"),
        Effect.asVoid,
      ),
  }
}
