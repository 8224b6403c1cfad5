/**
 * What the log needs of a broker with JetStream's semantics, no more: so that the relay and the lanes run the same over
 * a real server and over a simulated one whose clock and faults come from a seed.
 *
 * Delivery is at least once and may be out of order after a fault; acknowledgements may be lost. `Relay` and
 * `LaneReader` make order and exactly one effect of that.
 */
import { Context, Schema } from "effect"
import type { Effect, Scope } from "effect"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"

export interface BrokerMessage {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

export interface NewMessage {
  readonly subject: string
  /** With `Nats-Msg-Id`: within the duplicate window the same id is stored once. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** A message handed to a lane, with what the server says of this delivery of it. */
export interface LaneMessage extends BrokerMessage {
  /** Dense per durable over all deliveries: a hole is a delivery that was lost on its way. */
  readonly deliverySequence: number
  /** 1 for the first. */
  readonly deliveryCount: number
  /** Fire and forget, as are the next three: a lost one means another delivery. */
  readonly ack: () => void
  /** Comes again after the delay; at once without one. */
  readonly nak: (delayMs?: number) => void
  /** Never comes again. Its dead letter is stored before. */
  readonly term: () => void
  /** Begins the ack wait anew. */
  readonly working: () => void
}

/** Called synchronously, in the order the server's messages arrive. */
export interface LaneSink {
  readonly onMessage: (message: LaneMessage) => void
  /**
   * `interrupted`: deliveries may have been lost; the lane goes on by itself. `gone`: the durable or its stream is not
   * there any more; nothing comes until it is back.
   */
  readonly onTrouble: (trouble: "interrupted" | "gone") => void
}

export interface LaneInfo {
  /** Last delivery made: its number, and the message it was of. */
  readonly delivered: { readonly deliverySequence: number; readonly sequence: number }
  /** Everything up to here is settled. */
  readonly ackFloor: { readonly deliverySequence: number; readonly sequence: number }
  readonly ackPending: number
  /** Delivered more than once and not settled. */
  readonly redelivered: number
  /** Not delivered yet. */
  readonly pending: number
}

export interface BrokerStream {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly messages: number
  readonly createdAtMs: number
}

/** What a publish ended with, when not with an acknowledgement. */
export type PublishEnd =
  /** The server refused this message: its last sequence is another than expected (JetStream error 10071). */
  | "wrong-last-sequence"
  /** No stream takes the subject. */
  | "no-stream"
  /** Full: the stream by its limits, or the disk (10077, 10023). */
  | "full"
  /** The message will never be taken: too large, say. */
  | "refused"
  /** No answer in time, or no connection: stored or not, nobody knows. */
  | "unknown"

export interface Published {
  /** Of the longest stored prefix, in order. */
  readonly sequences: ReadonlyArray<number>
  /** Why it is not all; undefined when it is. */
  readonly end: PublishEnd | undefined
  /** The server's words, for the log. */
  readonly detail: string
  /** With `wrong-last-sequence`: under which number the stream has the refused message already, where it says so. */
  readonly storedAs?: number
}

/** A message could not be stored, and the same again will not be either. */
export class PublishRefused extends Schema.TaggedError<PublishRefused>()("PublishRefused", {
  end: Schema.String,
  detail: Schema.String,
}) {
  override get message() {
    return `the broker did not take the message: ${this.end}: ${this.detail}`
  }
}

export class Broker extends Context.Service<Broker, {
  /**
   * Pipelined, with a bounded window, for one stream: each message is stored only directly after the one before it,
   * the first only directly after `expectedLastSequence`. Never fails: what was not acknowledged is told.
   */
  readonly publishInOrder: (
    messages: ReadonlyArray<NewMessage>,
    expectedLastSequence: number,
  ) => Effect.Effect<Published>
  /** One message, wherever the stream ends; completes with its acknowledged sequence. */
  readonly publish: (message: NewMessage) => Effect.Effect<number, PublishRefused | StoreUnavailable>
  /** Deliveries of one durable, until the scope closes; at most the durable's `max_ack_pending` unacknowledged. */
  readonly openLane: (
    lane: { readonly stream: string; readonly durable: string },
    sink: LaneSink,
  ) => Effect.Effect<void, StoreUnavailable, Scope.Scope>
  /** Undefined when there is none of that name. */
  readonly laneInfo: (stream: string, durable: string) => Effect.Effect<LaneInfo | undefined, StoreUnavailable>
  readonly streamInfo: (stream: string) => Effect.Effect<BrokerStream | undefined, StoreUnavailable>
  /** The messages from one sequence to another that are there, oldest first; at most `limit`. */
  readonly messages: (
    stream: string,
    range: { readonly fromSequence: number; readonly toSequence: number; readonly limit: number },
  ) => Effect.Effect<ReadonlyArray<BrokerMessage>, StoreUnavailable>
  /** Makes the next message of an empty stream get this number; changes nothing else. */
  readonly beginAt: (stream: string, sequence: number) => Effect.Effect<void, StoreUnavailable>
  /** Whether a broker can be asked now, and one sentence on why not; keeps itself up to date, with hysteresis. */
  readonly state: Effect.Effect<{ readonly isUp: boolean; readonly problem: string | undefined }>
}>()("tipstream/streams/jetstream/Broker") {}
