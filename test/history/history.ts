/**
 * What happened in a run, as one list in the order it was seen: the vocabulary that the simulation and the fault suite
 * write, and that `checkHistory.ts` judges. Plain data, so that it can be kept beside a failing run and read again.
 */

interface Message {
  readonly stream: string
  readonly sequence: number
  /** `Nats-Msg-Id`; empty for a message that has none. */
  readonly messageId: string
}

export type HistoryRecord =
  /** Committed to the outbox. `committed` grows in the order of the commits. */
  | {
    readonly kind: "appended"
    readonly eventId: string
    readonly stream: string
    readonly tenantId: string
    readonly userId: string
    readonly committed: number
  }
  /** The broker acknowledged it, or the relay found it there, under this number. */
  | { readonly kind: "published" } & Message
  /** Reached a replica; `deliveryCount` as the server says. */
  | {
    readonly kind: "delivered"
    readonly durable: string
    readonly replica: string
    readonly deliveryCount: number
  } & Message
  /** Committed together with its inbox row; tenant and user as the handler was told. */
  | {
    readonly kind: "effect"
    readonly durable: string
    readonly replica: string
    readonly eventId: string
    readonly tenantId: string
    readonly userId: string
  }
  /** Acknowledged or terminated: the broker does not deliver it to this durable again. */
  | { readonly kind: "settled"; readonly durable: string } & Message
  | { readonly kind: "deadLetter"; readonly durable: string } & Message
  /** Sent again by an operator, under a new message id. */
  | { readonly kind: "redriven"; readonly eventId: string; readonly messageId: string }
  /** `at` in milliseconds since the run began. */
  | { readonly kind: "fault"; readonly name: string; readonly at: number }
  /** Read from the broker at the end: all that stands in the stream. */
  | { readonly kind: "stored" } & Message
  /** Read from the broker at the end: messages this durable has not settled, delivered or not. */
  | { readonly kind: "remaining"; readonly durable: string; readonly messages: number }

export type History = ReadonlyArray<HistoryRecord>

/** A redriven event goes under `<event id>:redrive:<n>`. */
export const eventIdOf = (messageId: string): string => messageId.replace(/:redrive:\d+$/, "")
