/** Where the learned state of a tenant's policy is kept, with its position in the log. */
import { Context } from "effect"
import type { Effect } from "effect"
import type { TenantId } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export interface SavedState {
  /** Sequence in FEEDBACK of the last event learned from. */
  readonly position: number
  readonly hash: string
  readonly model: Uint8Array
  readonly updates: number
}

export class PolicyStates extends Context.Service<PolicyStates, {
  readonly load: (tenantId: TenantId) => Effect.Effect<SavedState | undefined, StoreUnavailable>
  /** Joins the transaction it is called in; `committed` runs after its commit, not at all after a rollback. */
  readonly save: (
    tenantId: TenantId,
    state: SavedState,
    committed: Effect.Effect<void>,
  ) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/recommender/PolicyStates") {}
