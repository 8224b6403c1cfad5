/** Learned states as rows: one per tenant, replaced by its successor. */
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { PolicyStates } from "../recommender/PolicyStates.ts"
import type { SavedState } from "../recommender/PolicyStates.ts"
import { orUnavailable } from "./unavailable.ts"

/** All policies of today share one linear model. */
const policy = "linear"

export const layer = Layer.effect(
  PolicyStates,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return PolicyStates.of({
      load: Effect.fnUntraced(function* (tenantId) {
        const [row] = yield* sql<SavedState>`
          SELECT position, hash, model, updates FROM policy_states
          WHERE tenant_id = ${tenantId} AND policy = ${policy}`
        return row
      }, orUnavailable("policyStates.load")),

      save: Effect.fnUntraced(function* (tenantId, { position, hash, model, updates }, committed) {
        const learnedAtMs = yield* Clock.currentTimeMillis
        yield* sql`
          INSERT INTO policy_states (tenant_id, policy, position, hash, model, updates, learned_at_ms)
          VALUES (${tenantId}, ${policy}, ${position}, ${hash}, ${model}, ${updates}, ${learnedAtMs})
          ON CONFLICT (tenant_id, policy) DO UPDATE SET position = excluded.position, hash = excluded.hash,
            model = excluded.model, updates = excluded.updates, learned_at_ms = excluded.learned_at_ms`
        yield* sql.afterCommit(committed)
      }, orUnavailable("policyStates.save")),
    })
  }),
)
