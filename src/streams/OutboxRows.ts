/**
 * The outbox as the relay sees it. A row has its sequence from the moment the broker acknowledged it, or from before,
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
  /** Undefined until it was acknowledged once. */
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
  readonly marks: Effect.Effect<ReadonlyArray<StreamMark>, StoreUnavailable>
  /**
   * What is not on the broker, in the order it has to get there: first what was numbered before, by number, then what
   * was committed since, in commit order and only behind the oldest running transaction (`pg_snapshot_xmin`).
   */
  readonly waiting: (
    streams: ReadonlyArray<StreamName>,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<OutboxRow>, StoreUnavailable>
  /** The broker has these, under these numbers. Idempotent. */
  readonly published: (
    stream: StreamName,
    acknowledged: ReadonlyArray<Acknowledged>,
  ) => Effect.Effect<void, StoreUnavailable>
  /** The broker has what is called so, under these numbers: as found by looking. How many of them are rows here. */
  readonly found: (
    stream: StreamName,
    messages: ReadonlyArray<{ readonly eventId: string; readonly sequence: number }>,
  ) => Effect.Effect<number, StoreUnavailable>
  /**
   * The broker ends at `lastSequence`: what stood behind it waits again. How many rows that is, the first number
   * among them (undefined when none), and how many were forgotten here already and so cannot come back.
   */
  readonly lost: (
    stream: StreamName,
    lastSequence: number,
  ) => Effect.Effect<
    { readonly rows: number; readonly firstSequence: number | undefined; readonly missing: number },
    StoreUnavailable
  >
  /** Rows that are not on the broker, and the time the oldest was appended; null when there are none. */
  readonly backlog: Effect.Effect<{ readonly rows: number; readonly oldestAtMs: number | null }, StoreUnavailable>
}>()("tipstream/streams/OutboxRows") {}
