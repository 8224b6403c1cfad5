/** A row of `decisions` and what it means. */
import { DecisionId, TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Tip } from "../../schemas/Tip.ts"
import type { PastDecision } from "../recommender/Decisions.ts"
import type { TipState } from "../recommender/reactionState.ts"

export interface DecisionRow {
  readonly decision_id: string
  readonly tenant_id: string
  readonly user_id: string
  readonly tip: Tip
  readonly state: TipState
  readonly policy: string
  readonly propensity: number
  readonly considered: number
  readonly served_at_ms: number
  readonly expires_at_ms: number
  readonly reacted_at_ms: number | null
}

export const decisionColumns = `decision_id, tenant_id, user_id, tip, state, policy, propensity, considered,
  served_at_ms, expires_at_ms, reacted_at_ms`

export const ownerOf = (row: DecisionRow): Owner => ({
  tenantId: TenantId.make(row.tenant_id),
  userId: UserId.make(row.user_id),
})

export const pastDecisionOf = (row: DecisionRow): PastDecision => ({
  decisionId: DecisionId.make(row.decision_id),
  tip: row.tip,
  state: row.state,
  policy: row.policy,
  propensity: row.propensity,
  considered: row.considered,
  servedAtMs: row.served_at_ms,
  expiresAtMs: row.expires_at_ms,
  reactedAtMs: row.reacted_at_ms,
})
