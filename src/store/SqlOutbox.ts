/** The outbox as a table. Appends join the caller's transaction; the log is told after its commit. */
import { Effect, Layer, Option, Tracer } from "effect"
import { SqlClient } from "effect/sql"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { seal } from "../streams/envelope.ts"
import { Outbox } from "../streams/Outbox.ts"
import { appendRows } from "./appendRows.ts"
import { LogSignals } from "./LogSignals.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = (options: { readonly partitions: number }) =>
  Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const signals = yield* LogSignals

      const append = Effect.fnUntraced(function* (events: ReadonlyArray<Envelope>) {
        if (events.length === 0) return
        const traceparent = yield* currentTraceparent
        const messages = events.map((event) => ({ eventId: event.id, ...seal(event, options.partitions, traceparent) }))
        yield* appendRows(sql, signals, messages)
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
