/**
 * The span in which a batch is handled: it goes on with the trace of the first event, and names those of the others, so
 * that a trace that begins with a request leads to everything that followed from it.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
import { Tracer } from "effect"
import { traceIdOf } from "./messageHeaders.ts"
import { headers } from "./names.ts"
import type { StoredMessage } from "./envelope.ts"

/** A collector takes 128 by default; whoever looks at a batch wants to find one trace, not all of them. */
const linksMax = 32

export const handlerSpan = (batch: ReadonlyArray<Pick<StoredMessage, "headers">>): Tracer.SpanOptions => {
  const traces = new Map<string, string>()
  for (const message of batch) {
    const traceparent = message.headers[headers.traceparent]
    const traceId = traceIdOf(traceparent)
    if (traceId !== undefined && traces.size <= linksMax) traces.set(traceId, traceparent!)
  }
  const [parent, ...others] = [...traces.values()].map(spanOf)
  return {
    kind: "consumer",
    attributes: { batch: batch.length },
    ...(parent === undefined ? {} : { parent }),
    links: others.map((span) => ({ span, attributes: {} })),
  }
}

const spanOf = (traceparent: string): Tracer.ExternalSpan => {
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-")
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}
