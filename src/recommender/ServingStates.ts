/**
 * The learned state that decisions are made with: one per tenant, in memory, read without waiting.
 *
 * `publish` swaps it whole, after the transaction that learned it; a decision sees one state or the next, never a mix.
 * What is published is never changed again.
 */
import { Context, Effect, Layer } from "effect"
import type { TenantId } from "../../schemas/ids.ts"
import { initialLearner } from "./Learner.ts"
import type { LearnerState } from "./Learner.ts"
import { LinearModel } from "./LinearModel.ts"
import { PolicyStates } from "./PolicyStates.ts"
import { featureSchemaHash } from "./features.ts"

export interface Serving {
  readonly learner: LearnerState
  /** Of the encoded model. */
  readonly hash: string
}

export const servingOf = (learner: LearnerState): Serving => ({ learner, hash: learner.model.hash() })

export class ServingStates extends Context.Service<ServingStates, {
  /** The state in force; that of a newborn policy until `publish` or `refresh` has brought another. */
  readonly current: (tenantId: TenantId) => Serving
  readonly publish: (tenantId: TenantId, serving: Serving) => void
  /** Takes over what another process has learned, when it is newer. */
  readonly refresh: (tenantId: TenantId) => Effect.Effect<void>
}>()("tipstream/recommender/ServingStates") {}

export const layer = Layer.effect(
  ServingStates,
  Effect.gen(function* () {
    const store = yield* PolicyStates
    // Bounded by the number of tenants, each a few kilobytes.
    const states = new Map<TenantId, Serving>()
    const newborn = servingOf(initialLearner())
    const current = (tenantId: TenantId) => states.get(tenantId) ?? newborn
    const publish = (tenantId: TenantId, serving: Serving) => {
      if (serving.learner.position >= current(tenantId).learner.position) states.set(tenantId, serving)
    }
    const refresh = Effect.fnUntraced(
      function* (tenantId: TenantId) {
        const saved = yield* store.load(tenantId)
        if (saved === undefined || saved.position <= current(tenantId).learner.position) return
        const model = LinearModel.decode(saved.model, featureSchemaHash)
        publish(tenantId, {
          learner: { model, position: saved.position, updates: saved.updates, undosRefused: 0 },
          hash: saved.hash,
        })
      },
      Effect.catchCause((cause) =>
        Effect.logWarning("the learned state could not be read; serving with the one at hand", cause)
      ),
    )
    return ServingStates.of({ current, publish, refresh })
  }),
)
