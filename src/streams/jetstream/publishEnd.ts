/** Why a publish was not acknowledged, from what the client says of it. */
import { JetStreamApiError } from "@nats-io/jetstream"
import { errors } from "@nats-io/transport-node"
import type { PublishEnd } from "./Broker.ts"

export interface NotPublished {
  readonly end: PublishEnd
  readonly detail: string
}

export const publishEnd = (cause: unknown): NotPublished => {
  if (cause instanceof JetStreamApiError) return { end: endOfCode(cause.code), detail: cause.message }
  if (isUnheard(cause)) return { end: "no-stream", detail: "no stream takes the subject" }
  if (cause instanceof errors.InvalidArgumentError || cause instanceof errors.InvalidSubjectError) {
    return { end: "refused", detail: cause.message }
  }
  return { end: "unknown", detail: cause instanceof Error ? cause.message : String(cause) }
}

/** Nobody listens on the subject. The client takes that for a server without JetStream. */
const isUnheard = (cause: unknown): boolean =>
  cause instanceof Error && cause.cause instanceof errors.RequestError && cause.cause.isNoResponders()

/**
 * What a refusal of the server means; a number nobody here knows may pass, so the same is worth another try.
 * @see https://github.com/nats-io/nats-server/blob/main/server/errors.json
 */
export const endOfCode = (code: number): PublishEnd => {
  switch (code) {
    // Another number, or another message id, than expected.
    case 10070:
    case 10071:
    case 10164:
      return "wrong-last-sequence"
    // The server's memory or disk, the stream's limits, the account's limits.
    case 10023:
    case 10047:
    case 10028:
    case 10077:
    case 10002:
      return "full"
    // Larger than the stream takes; headers that it does not take.
    case 10054:
    case 10097:
      return "refused"
    default:
      return "unknown"
  }
}
