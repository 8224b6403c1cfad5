/**
 * The outbox as the relay sees it. Rows get their `sequence` the moment the broker acknowledged it, or from before,
 * when the embedded log numbered it; per stream everything up to `publishedUntil` is on the broker.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { StoredMessage } from "./envelope.ts"
import type { StreamName } from "./names.ts"

export interface OutboxRow extends StoredMessage {
  /** Identity of the row; says nothing about order. */
  readonly position: number
  readonly eventId: string
  /** Undefined until it was numbered once. */
  readonly sequence: number | undefined
}

export interface Acknowledged {
  readonly position: number
  readonly sequence: number
}

export interface StreamMark {
  readonly stream: StreamName
  /** On the broker, as far as is known here. */
  readonly publishedUntil: number
  /** The highest number ever given, by the embedded log or by the broker. */
  readonly lastSequence: number
}

export class OutboxRows extends Context.Service<OutboxRows, {
  /** Made known to every process by the database: from now on a broker carries the log. */
  readonly carriedByBroker: Effect.Effect<void, StoreUnavailable>
  /**
   * Whether this process is the one that should publish, for the next seconds. To spare the others the work: two that
   * publish at once do no harm.
   */
  readonly lead: Effect.Effect<boolean, StoreUnavailable>
  /** Lets another lead at once. */
  readonly resign: Effect.Effect<void, StoreUnavailable>
  readonly mark: (stream: StreamName) => Effect.Effect<StreamMark, StoreUnavailable>
  /**
   * What is not on the broker, in the order it has to get there: first what was numbered before, by number, then what
   * was committed since, in commit order and only behind the oldest running transaction (`pg_snapshot_xmin`). At least
   * one row when there is one, else no more than both bounds. `isHeldBack`: none, but some behind that transaction.
   */
  readonly waiting: (
    stream: StreamName,
    bounds: { readonly rows: number; readonly bytes: number },
  ) => Effect.Effect<{ readonly rows: ReadonlyArray<OutboxRow>; readonly isHeldBack: boolean }, StoreUnavailable>
  /** Rows with numbers from one to another, as far as they are still here. */
  readonly numbered: (
    stream: StreamName,
    fromSequence: number,
    toSequence: number,
  ) => Effect.Effect<ReadonlyArray<{ readonly sequence: number; readonly eventId: string }>, StoreUnavailable>
  /** The broker has these under these numbers, and nothing is missing up to `until`. Idempotent. */
  readonly published: (
    stream: StreamName,
    acknowledged: ReadonlyArray<Acknowledged>,
    until: number,
  ) => Effect.Effect<void, StoreUnavailable>
  /**
   * The broker has what is called so, under these numbers, and has been looked at up to `until`. How many of them are
   * rows here. Rows that wait for a number another message took wait for the next free ones, in their order.
   */
  readonly found: (
    stream: StreamName,
    messages: ReadonlyArray<{ readonly eventId: string; readonly sequence: number }>,
    until: number,
  ) => Effect.Effect<number, StoreUnavailable>
  /**
   * The broker ends at `lastSequence`: what stood behind it waits again, under its number. How many rows that is, and
   * how many numbers nobody here has a row for any more.
   */
  readonly lost: (
    stream: StreamName,
    lastSequence: number,
  ) => Effect.Effect<{ readonly rows: number; readonly missing: number }, StoreUnavailable>
  /** For good; its dead letter is stored before. */
  readonly discard: (position: number) => Effect.Effect<void, StoreUnavailable>
  /** Rows that are not on the broker, and the time the oldest was appended; null when there are none. */
  readonly backlog: Effect.Effect<{ readonly rows: number; readonly oldestAtMs: number | null }, StoreUnavailable>
}>()("tipstream/streams/OutboxRows") {}
