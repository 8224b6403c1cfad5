/** A dead letter on the broker: the message as it was, under a subject of its own, with what became of it. */
import { Effect } from "effect"
import type { Broker, NewMessage } from "./Broker.ts"
import { PublishRefused } from "./Broker.ts"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { DeathCause } from "../DeadLetters.ts"
import type { ConsumerContract, Delivery } from "../EventLog.ts"
import { deadSubject, headers } from "../names.ts"

/** Never the broker's own: an `Expected-Last-Sequence` copied along would keep the letter from being stored. */
const copied = [
  headers.contentType,
  headers.tenantId,
  headers.correlationId,
  headers.xCorrelationId,
  headers.traceparent,
]

/** Completes when the broker has it. Publishing it twice within the duplicate window stores it once. */
export const buryOnBroker = (
  broker: Broker["Service"],
  consumer: ConsumerContract,
  delivery: Delivery,
  cause: DeathCause,
): Effect.Effect<void, StoreUnavailable> => {
  const letter = letterOf(consumer, delivery, cause)
  return broker.publish(letter).pipe(
    // A message of the largest size and what is said about it are too large together. The table has it whole.
    Effect.catchIf(
      (error): error is PublishRefused => error instanceof PublishRefused && error.end === "refused",
      () => broker.publish({ ...letter, payload: new Uint8Array() }),
    ),
    Effect.catchTag("PublishRefused", (cause) => new StoreUnavailable({ operation: "publish a dead letter", cause })),
    Effect.asVoid,
  )
}

const letterOf = ({ durable }: ConsumerContract, delivery: Delivery, cause: DeathCause): NewMessage => {
  const { payload, sequence, stream, subject } = delivery
  const kept = copied.flatMap((name) => delivery.headers[name] === undefined ? [] : [[name, delivery.headers[name]]])
  return {
    subject: deadSubject({ subject, stream }, durable),
    headers: {
      ...Object.fromEntries(kept) as Record<string, string>,
      [headers.messageId]: `dlq:${stream}:${sequence}:${durable}`,
      "dead-message-id": delivery.headers[headers.messageId] ?? "",
      "dead-stream": stream,
      "dead-sequence": String(sequence),
      "dead-subject": subject,
      "dead-durable": durable,
      "dead-reason": cause.reason,
      "dead-detail": cause.detail,
      "dead-attempts": String(delivery.attempt),
    },
    payload,
  }
}
