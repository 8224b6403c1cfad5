/**
 * Ties all that follows from one request or one sync together: the trace it runs in, so that logs, spans and events
 * are found by the same word.
 */
import { Effect, Option, Tracer } from "effect"
import { newUuid } from "./uuid.ts"

export const currentCorrelationId = Effect.flatMap(
  Effect.serviceOption(Tracer.ParentSpan),
  Option.match({ onNone: () => newUuid, onSome: ({ traceId }) => Effect.succeed(traceId) }),
)
