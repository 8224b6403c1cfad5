/**
 * Which process handles which lane, where the broker does not say. A lane is held by one process at a time, by a lease
 * with an epoch that grows whenever the lane changes hands. Replicas share the lanes of a durable evenly.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { LaneLost } from "./EventLog.ts"
import type { StreamName } from "./names.ts"

export interface LaneName {
  readonly durable: string
  readonly stream: StreamName
  readonly lane: number
  /** The lane is the whole stream. */
  readonly isWhole: boolean
}

export interface LaneLease extends LaneName {
  readonly epoch: number
}

export class LaneLeases extends Context.Service<LaneLeases, {
  /** How long a lease lasts from the moment `renew` is asked for. */
  readonly leaseMs: number
  /**
   * Says that this process is alive, renews what it holds, and takes what is free, as long as it holds no more than its
   * fair share. `held` is what it holds now; `surplus` is the part of it that others are waiting for: to be finished,
   * then released.
   */
  readonly renew: (lanes: ReadonlyArray<LaneName>) => Effect.Effect<
    { readonly held: ReadonlyArray<LaneLease>; readonly surplus: ReadonlyArray<LaneLease> },
    StoreUnavailable
  >
  /** Lets go at once; a lease that is somebody else's by now is left alone. */
  readonly release: (leases: ReadonlyArray<LaneLease>) => Effect.Effect<void, StoreUnavailable>
  /**
   * At the end of this process, after its last renewal: lets go of whatever it still holds, also of what it does not
   * know it got, and others no longer count it when they share.
   */
  readonly leave: Effect.Effect<void, StoreUnavailable>
  /** In the caller's transaction: fails unless this lease still stands, and keeps it standing until the end of it. */
  readonly guard: (lease: LaneLease) => Effect.Effect<void, LaneLost | StoreUnavailable>
}>()("tipstream/streams/LaneLeases") {}
