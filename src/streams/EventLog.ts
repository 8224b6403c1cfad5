/**
 * The log of all events, as consumers and operators see it. Written only through the `Outbox`.
 *
 * What every adapter guarantees (`EventLog.contract.ts` holds them to it):
 * - events stand in commit order, numbered 1, 2, 3 … per stream, and never change;
 * - a consumer sees each lane in order, at least once; what is pulled and not settled comes again, to this process or
 *   to the next one, with its attempt counted, also when the process died;
 * - a message is given up only after its dead letter is stored.
 * A lane is one partition of a stream, or the whole stream for a consumer that needs total order.
 */
import { Context, Schema } from "effect"
import type { Effect, Stream } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { TenantId, UserId } from "../../schemas/ids.ts"
import type { DeathCause } from "./DeadLetters.ts"
import type { StoredMessage } from "./envelope.ts"
import type { StreamName } from "./names.ts"

/** What a consumer is; equal on every replica. */
export interface ConsumerContract {
  /** Its name is its position in the log: renaming means replaying. */
  readonly durable: string
  readonly stream: StreamName
  /** `stream`: one lane with total order (the learner). `partition`: order per user, one lane a partition. */
  readonly ordering: "partition" | "stream"
  /** Bound of one pull, and so of what is in flight per lane. */
  readonly batchMax: number
}

export interface Delivery extends StoredMessage {
  readonly sequence: number
  /** 1 for the first time; counted before the handler runs, so a crash counts. A refusal may give it back. */
  readonly attempt: number
}

export interface StoredEvent extends StoredMessage {
  readonly sequence: number
}

export interface StreamInfo {
  readonly stream: StreamName
  readonly firstSequence: number
  readonly lastSequence: number
  readonly messages: number
  readonly createdAtMs: number
}

export interface ConsumerInfo {
  readonly durable: string
  readonly stream: StreamName
  /** Messages behind the end of the stream, over all lanes. */
  readonly lag: number
  readonly inFlight: number
  /** Lanes whose head failed at least once and is being tried again. */
  readonly retrying: number
}

/** Another process may hold the lane by now: what was pulled must have no effect here. */
export class LaneLost extends Schema.TaggedError<LaneLost>()("LaneLost", {
  durable: Schema.String,
  lane: Schema.Int,
}) {
  override get message() {
    return `lane ${this.lane} of ${this.durable} is held by another process`
  }
}

/** A part of the log, fixed before it is read, so that reading it twice gives the same. */
export interface ReplayRange {
  readonly stream: StreamName
  readonly fromSequence: number
  /** Inclusive. */
  readonly toSequence: number
  /** Only what matches; left out means all. */
  readonly tenantId?: TenantId
  readonly userId?: UserId
  /** `<class>.<entity>.<event>`. */
  readonly type?: string
}

/** The range could not be read whole: events that were in it are gone, or the stream is another one now. */
export class ReplayGap extends Schema.TaggedError<ReplayGap>()("ReplayGap", {
  stream: Schema.String,
  problem: Schema.String,
}) {
  override get message() {
    return `${this.stream} cannot be replayed: ${this.problem}`
  }
}

/** How the log itself is, for probes and operators. Never asks the network: adapters keep it up to date. */
export interface LogState {
  readonly kind: "embedded" | "jetstream" | "memory"
  /** False when events cannot reach the log or consumers cannot reach theirs, for longer than a hiccup. */
  readonly isUp: boolean
  /** One sentence each; empty when all is well. */
  readonly problems: ReadonlyArray<string>
  /** Committed events that are not on the log yet. */
  readonly waiting: number
}

export class EventLog extends Context.Service<EventLog, {
  /** Number of partitions of every stream. */
  readonly partitions: number
  /**
   * The next messages of a lane, oldest first; empty when there are none now, when the head rests after a refusal,
   * or when another replica holds the lane. Returns at once.
   */
  readonly pull: (
    consumer: ConsumerContract,
    lane: number,
  ) => Effect.Effect<ReadonlyArray<Delivery>, StoreUnavailable>
  /**
   * Ask before pulling, wait after: the inner effect completes when the lane may have something that was not there at
   * the time of asking, or after a second.
   */
  readonly awaitNew: (consumer: ConsumerContract, lane: number) => Effect.Effect<Effect.Effect<void>>
  /** All messages of the lane up to and including this one are done with. */
  readonly settle: (
    consumer: ConsumerContract,
    lane: number,
    sequence: number,
  ) => Effect.Effect<void, StoreUnavailable>
  /** What is in flight comes again after the delay; unless this `counts`, without having spent an attempt. */
  readonly refuse: (
    consumer: ConsumerContract,
    lane: number,
    delayMs: number,
    counts: boolean,
  ) => Effect.Effect<void, StoreUnavailable>
  /** Stores the dead letter, then settles the message, both or neither. Burying twice keeps the first. */
  readonly bury: (
    consumer: ConsumerContract,
    lane: number,
    delivery: Delivery,
    cause: DeathCause,
  ) => Effect.Effect<void, StoreUnavailable>
  /**
   * To be run in the transaction of an effect: fails when another process may hold the lane, and keeps it from taking
   * the lane before the transaction ends.
   */
  readonly guard: (consumer: ConsumerContract, lane: number) => Effect.Effect<void, LaneLost | StoreUnavailable>
  /** Lets go of all lanes held by this process, so that another may take them at once. */
  readonly release: Effect.Effect<void>
  /** Up to `limit` events after a sequence, oldest first; sees only what has its number. */
  readonly read: (
    stream: StreamName,
    afterSequence: number,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<StoredEvent>, StoreUnavailable>
  /** The range in order, in pieces of bounded size; each event once. Has no effect on any consumer. */
  readonly replay: (range: ReplayRange) => Stream.Stream<ReadonlyArray<StoredEvent>, StoreUnavailable | ReplayGap>
  /** Of the first event stored at or after this instant; one past the last when there is none. */
  readonly sequenceAt: (stream: StreamName, atMs: number) => Effect.Effect<number, StoreUnavailable>
  readonly streams: Effect.Effect<ReadonlyArray<StreamInfo>, StoreUnavailable>
  readonly consumers: Effect.Effect<ReadonlyArray<ConsumerInfo>, StoreUnavailable>
  readonly state: Effect.Effect<LogState>
}>()("tipstream/streams/EventLog") {}

/** The lanes of a consumer, by number. */
export const lanesOf = (consumer: ConsumerContract, partitions: number): ReadonlyArray<number> =>
  consumer.ordering === "stream" ? [0] : Array.from({ length: partitions }, (_, lane) => lane)
