/**
 * Makes an effect happen once per event, however often the event is delivered.
 *
 * The ids and the effect commit together; a delivery that was handled before is not among the fresh ones.
 * Keyed by event id, not by sequence: a redriven event or a rebuilt stream has other sequences.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export class Inbox extends Context.Service<Inbox, {
  /** Runs `effect` with the ids not seen before by this durable; not at all when there are none. */
  readonly once: <E, R>(
    durable: string,
    eventIds: ReadonlyArray<string>,
    effect: (fresh: ReadonlySet<string>) => Effect.Effect<void, E, R>,
  ) => Effect.Effect<void, E | StoreUnavailable, R>
  /** Whether this durable has had its effect of the event. */
  readonly handled: (durable: string, eventId: string) => Effect.Effect<boolean, StoreUnavailable>
}>()("tipstream/streams/Inbox") {}
