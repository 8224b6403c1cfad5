/** The outbox as a table. Appends join the caller's transaction; the log is told after its commit. */
import { Clock, Effect, Layer, Option, Tracer } from "effect"
import { SqlClient } from "effect/sql"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { seal } from "../streams/envelope.ts"
import { Outbox } from "../streams/Outbox.ts"
import { LogSignals } from "./LogSignals.ts"
import { orUnavailable } from "./unavailable.ts"

/** Rows of one statement: keeps it well under the megabyte that would stall other statements of the connection. */
const rowsPerInsert = 200

export const layer = (options: { readonly partitions: number }) =>
  Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const signals = yield* LogSignals

      const append = Effect.fnUntraced(function* (events: ReadonlyArray<Envelope>) {
        if (events.length === 0) return
        const traceparent = yield* currentTraceparent
        const appendedAtMs = yield* Clock.currentTimeMillis
        for (let start = 0; start < events.length; start += rowsPerInsert) {
          const rows = events.slice(start, start + rowsPerInsert).map((event) => {
            const { payload, ...message } = seal(event, options.partitions, traceparent)
            return { ...message, event_id: event.id, payload: Buffer.from(payload).toString("base64") }
          })
          yield* sql`
            INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
            SELECT event_id, stream, partition, subject, headers, decode(payload, 'base64'), ${appendedAtMs}
            FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS event(
              event_id text, stream text, partition smallint, subject text, headers jsonb, payload text)
            ON CONFLICT (event_id) DO NOTHING`
        }
        yield* sql.afterCommit(signals.appended.signal)
      }, orUnavailable("append"))

      return Outbox.of({ append })
    }),
  )

/** `traceparent` of the span this runs in (W3C Trace Context), so that consumers continue the same trace. */
export const currentTraceparent = Effect.map(
  Effect.serviceOption(Tracer.ParentSpan),
  Option.match({
    onNone: () => undefined,
    onSome: ({ traceId, spanId, sampled }) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`,
  }),
)
