/**
 * How far the lanes and streams of this installation had come, by what the database knows of it: where a durable that
 * the broker does not have begins, and whether the broker should have a stream.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export interface Positions {
  /** Everything up to this sequence is settled; undefined when the lane never handled anything. */
  readonly startAfter: (durable: string, lane: number) => number | undefined
  /** Everything up to this sequence was on a broker; 0 when nothing ever was. */
  readonly publishedUntil: (stream: string) => number
}

/** Of an installation that has no past. */
export const noPositions: Positions = { startAfter: () => undefined, publishedUntil: () => 0 }

export class LanePositions extends Context.Service<LanePositions, {
  readonly read: Effect.Effect<Positions, StoreUnavailable>
  /** Everything up to here is settled. Never goes back; a lane nobody ever held is left out. */
  readonly advance: (
    lanes: ReadonlyArray<{ readonly durable: string; readonly lane: number; readonly settledUntil: number }>,
  ) => Effect.Effect<void, StoreUnavailable>
  /**
   * One at a time among all processes of the installation. Not for what waits: it keeps a transaction open, and is cut
   * off after a minute. Fails when its turn does not come.
   */
  readonly alone: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StoreUnavailable, R>
  /** Whether the outbox has, or lately had, an event of this id. */
  readonly knows: (eventId: string) => Effect.Effect<boolean, StoreUnavailable>
}>()("tipstream/streams/LanePositions") {}
