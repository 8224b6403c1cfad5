/** Into the outbox: what every way of appending an event shares. */
import { Clock, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { StoredMessage } from "../streams/envelope.ts"
import type { LogSignals } from "./LogSignals.ts"

export interface OutgoingMessage extends StoredMessage {
  /** An id that is there already is not appended again. */
  readonly eventId: string
}

/** Rows of one statement: keeps it well under the megabyte that would stall other statements of the connection. */
const rowsPerInsert = 200

/** Joins the transaction it is called in; the log is told after its commit. */
export const appendRows = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  signals: LogSignals["Service"],
  messages: ReadonlyArray<OutgoingMessage>,
) {
  if (messages.length === 0) return
  const appendedAtMs = yield* Clock.currentTimeMillis
  for (let start = 0; start < messages.length; start += rowsPerInsert) {
    const rows = messages.slice(start, start + rowsPerInsert).map(({ eventId, payload, ...message }) => ({
      ...message,
      event_id: eventId,
      payload: Buffer.from(payload).toString("base64"),
    }))
    yield* sql`
      INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
      SELECT event_id, stream, partition, subject, headers, decode(payload, 'base64'), ${appendedAtMs}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS event(
        event_id text, stream text, partition smallint, subject text, headers jsonb, payload text)
      ON CONFLICT (event_id) DO NOTHING`
  }
  yield* sql.afterCommit(signals.appended.signal)
})
