/** Decisions and their events as rows: one statement for any number of them, so one round trip and one commit. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Decision } from "../recommender/Decisions.ts"
import type { StoredMessage } from "../streams/envelope.ts"

export interface DecisionAndEvent {
  readonly decision: Decision
  readonly eventId: string
  readonly event: StoredMessage
}

export const insertDecisions = Effect.fnUntraced(function* (rows: ReadonlyArray<DecisionAndEvent>) {
  const sql = yield* SqlClient.SqlClient
  const decisions = rows.map(({ decision: { owner, tip, ...one } }) =>
    sql`(${one.decisionId}, ${owner.tenantId}, ${owner.userId}, ${tip.meta.candidateId},
      ${JSON.stringify(tip)}::text::jsonb, ${arrayText(one.features)}::text::double precision[],
      ${one.featureSchema}, ${one.policy}, ${one.policyVersion}, ${one.statePosition},
      ${JSON.stringify(one.context)}::text::jsonb, ${one.propensity}, ${one.considered},
      ${one.servedAtMs}, ${one.expiresAtMs})`
  )
  const events = rows.map(({ decision, eventId, event }) =>
    sql`(${eventId}, ${event.stream}, ${event.partition}, ${event.subject},
      ${JSON.stringify(event.headers)}::text::jsonb, ${event.payload}, ${decision.servedAtMs})`
  )
  yield* sql`
    WITH decision AS (
      INSERT INTO decisions (decision_id, tenant_id, user_id, candidate_id, tip, features, feature_schema,
        policy, policy_version, state_position, context, propensity, considered, served_at_ms, expires_at_ms)
      VALUES ${sql.csv(decisions)}
    )
    INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
    VALUES ${sql.csv(events)}`
})

/** Postgres' own text form; its shortest round-trip digits are JavaScript's too, so no bit is lost either way. */
const arrayText = (values: Float64Array): string =>
  // JavaScript writes a negative zero without its sign.
  `{${Array.from(values, (value) => Object.is(value, -0) ? "-0" : String(value)).join(",")}}`
