/**
 * Remembers how often a message was tried by processes that died of it, where the broker cannot say: a delivery is not
 * an attempt, because what waited behind the message was delivered just as often.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { LaneLease } from "./LaneLeases.ts"

export class LaneAttempts extends Context.Service<LaneAttempts, {
  /**
   * Counts an attempt before it is made, of the message at the head of a lane; whoever holds the lane next finds it
   * counted. How many there are with this one. Only the latest head of a lane is remembered.
   */
  readonly begin: (lease: LaneLease, sequence: number) => Effect.Effect<number, StoreUnavailable>
  /** The attempt was none: the message was not to blame for its end. */
  readonly giveBack: (lease: LaneLease, sequence: number) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/streams/LaneAttempts") {}
