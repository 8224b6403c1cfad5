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

  /** Numbers that waited for themselves are given up for the next free ones; each row keeps its place. */
  const moveBehind = Effect.fnUntraced(function* (stream: StreamName, until: number) {
    // In two steps, because numbers that move past each other would be the same for a moment.
    yield* sql`
      UPDATE outbox SET sequence = -moved.number FROM (
        SELECT position, n + greatest(${until}::bigint, max(sequence - n) OVER (ORDER BY n)) AS number FROM (
          SELECT position, sequence, row_number() OVER (ORDER BY sequence) AS n
          FROM outbox WHERE stream = ${stream} AND published_at_ms IS NULL AND sequence IS NOT NULL
        ) AS numbered
      ) AS moved
      WHERE outbox.position = moved.position`
    yield* sql`
      WITH moved AS (
        UPDATE outbox SET sequence = -sequence WHERE stream = ${stream} AND sequence < 0 RETURNING sequence
      )
      UPDATE streams SET last_sequence = greatest(last_sequence, (SELECT max(sequence) FROM moved))
      WHERE stream = ${stream}`
  })

  return {
    numbered: (stream: StreamName, fromSequence: number, toSequence: number) =>
      sql<FoundMessage>`
        SELECT sequence, event_id AS "eventId" FROM outbox
        WHERE stream = ${stream} AND sequence BETWEEN ${fromSequence} AND ${toSequence}`.pipe(
        orUnavailable("outbox.numbered"),
      ),

    found: (stream: StreamName, messages: ReadonlyArray<FoundMessage>, until: number) =>
      sql.withTransaction(Effect.gen(function* () {
        const before = yield* publishedUntil(stream)
        const nowMs = yield* Clock.currentTimeMillis
        const given = JSON.stringify(messages.map(({ eventId, sequence }) => ({ event_id: eventId, sequence })))
        yield* sql`
          UPDATE outbox SET published_at_ms = ${nowMs},
            sequence = CASE WHEN outbox.sequence = found.sequence THEN outbox.sequence END
          FROM jsonb_to_recordset(${given}::text::jsonb) AS found (event_id text, sequence bigint)
          WHERE stream = ${stream} AND outbox.event_id = found.event_id`
        yield* sql`
          UPDATE outbox SET published_at_ms = NULL
          FROM jsonb_to_recordset(${given}::text::jsonb) AS found (event_id text, sequence bigint)
          WHERE stream = ${stream} AND outbox.sequence = found.sequence AND outbox.event_id <> found.event_id
            AND published_at_ms IS NOT NULL`
        const overtaken = yield* sql`
          SELECT 1 FROM outbox
          WHERE stream = ${stream} AND sequence > ${Math.min(before, (messages[0]?.sequence ?? until + 1) - 1)}
            AND sequence <= ${Math.max(until, messages.at(-1)?.sequence ?? 0)} AND published_at_ms IS NULL LIMIT 1`
        if (overtaken.length > 0) yield* moveBehind(stream, Math.max(before, until))
        const rows = yield* sql`
          UPDATE outbox SET sequence = found.sequence, published_at_ms = ${nowMs}
          FROM jsonb_to_recordset(${given}::text::jsonb) AS found (event_id text, sequence bigint)
          WHERE stream = ${stream} AND outbox.event_id = found.event_id RETURNING 1`
        yield* sql`
          UPDATE streams SET published_until = greatest(published_until, ${until}),
            last_sequence = greatest(last_sequence, ${until}) WHERE stream = ${stream}`
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
  }
}
