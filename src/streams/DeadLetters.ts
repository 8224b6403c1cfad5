/**
 * Messages a consumer gave up, kept until an operator decides: sent again, or dropped. Written through
 * `EventLog.bury`; this is how they are looked at and settled.
 */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { StoredMessage } from "./envelope.ts"

export const DeathReason = Schema.Literals(["undecodable", "attempts-exhausted", "unpublishable"])
export type DeathReason = typeof DeathReason.Type

export interface DeathCause {
  readonly reason: DeathReason
  /** What went wrong, without payload or personal data. */
  readonly detail: string
}

/** A delivery of the log, as far as a letter keeps it. */
export interface DeadMessage extends StoredMessage {
  readonly sequence: number
  readonly attempt: number
}

export class DeadLetter extends Schema.Class<DeadLetter>("tipstream/DeadLetter")({
  id: Schema.Int,
  durable: Schema.String,
  stream: Schema.String,
  sequence: Schema.Int,
  subject: Schema.String,
  /** `Nats-Msg-Id` of the message; empty when it had none. */
  messageId: Schema.String,
  reason: DeathReason,
  detail: Schema.String,
  attempts: Schema.Int,
  diedAtMs: Schema.Int,
  state: Schema.Literals(["open", "redriven"]),
  /** The highest redrive number this event was sent again under; 0 when never. */
  redrives: Schema.Int,
}) {}

/** A letter with what was in it: personal data, for one operator looking at one message. */
export interface OpenedLetter {
  readonly letter: DeadLetter
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** All given parts must match. */
export interface LetterFilter {
  readonly ids?: ReadonlyArray<number>
  readonly durable?: string
  readonly stream?: string
  readonly reason?: DeathReason
  readonly tenantId?: string
  readonly userId?: string
  readonly diedFromMs?: number
  readonly diedToMs?: number
  /** Absent means open ones. */
  readonly state?: DeadLetter["state"] | "any"
}

export interface SettleOptions {
  /** Letters at most, the oldest first. */
  readonly limit: number
  /** Says what it would do, and does nothing. */
  readonly dryRun: boolean
}

export interface RedriveReport {
  /** By letter; letters of one event, from several durables, share one message. */
  readonly redriven: ReadonlyArray<{ readonly id: number; readonly messageId: string }>
  /** They stay open. Letters that were named and are not open stand here too. */
  readonly refused: ReadonlyArray<{ readonly id: number; readonly problem: string }>
}

export class DeadLetters extends Context.Service<DeadLetters, {
  /** For the log: keeps the first letter of each durable, stream, sequence and message id. */
  readonly record: (durable: string, delivery: DeadMessage, cause: DeathCause) => Effect.Effect<void, StoreUnavailable>
  /** Newest first; `beforeId` gives the next page. */
  readonly list: (
    filter: LetterFilter,
    page: { readonly limit: number; readonly beforeId?: number },
  ) => Effect.Effect<ReadonlyArray<DeadLetter>, StoreUnavailable>
  readonly count: (filter: LetterFilter) => Effect.Effect<number, StoreUnavailable>
  readonly find: (id: number) => Effect.Effect<OpenedLetter | undefined, StoreUnavailable>
  /**
   * Appends the messages of open letters to the outbox once more: same subject, same payload, a new message id; all of
   * them or none. Every consumer of the stream gets them, and has no second effect. One at a time per installation, so
   * that two operators at once send a letter once. What dies again is a new letter.
   */
  readonly redrive: (
    filter: Omit<LetterFilter, "state">,
    options: SettleOptions,
  ) => Effect.Effect<RedriveReport, StoreUnavailable>
  /** Forgets letters, and what was in them, for good. Gives their ids. */
  readonly drop: (
    filter: LetterFilter,
    options: SettleOptions,
  ) => Effect.Effect<ReadonlyArray<number>, StoreUnavailable>
}>()("tipstream/streams/DeadLetters") {}
