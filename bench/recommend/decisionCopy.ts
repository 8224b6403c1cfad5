/**
 * What one decision writes, as plain values: taken from a decision the service made, and written again by bare
 * postgres.js into tables of the same shape, indexes and keys. They stand beside the service's own, so that its
 * sequencer and expiry have nothing to do with them.
 */
import postgres from "postgres"

/** A connection pool as the service has it. */
export const connect = (url: string): postgres.Sql =>
  postgres(url, {
    max: 16,
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: Number } },
  })

export interface DecisionCopy {
  readonly tenant_id: string
  readonly user_id: string
  readonly candidate_id: string
  readonly tip: string
  readonly features: string
  readonly feature_schema: string
  readonly policy: string
  readonly policy_version: string
  readonly state_position: number
  readonly context: string
  readonly propensity: number
  readonly considered: number
  readonly served_at_ms: number
  readonly expires_at_ms: number
  readonly stream: string
  readonly partition: number
  readonly subject: string
  readonly headers: string
  readonly payload: Uint8Array
}

export async function createCopyTables(sql: postgres.Sql): Promise<void> {
  await sql`CREATE SCHEMA bench`
  await sql`CREATE TABLE bench.decisions (LIKE decisions INCLUDING ALL)`
  await sql`CREATE TABLE bench.outbox (LIKE outbox INCLUDING ALL, FOREIGN KEY (stream) REFERENCES streams)`
}

/** The newest decision and its event. */
export async function latestDecision(sql: postgres.Sql): Promise<DecisionCopy> {
  const [row] = await sql<Array<DecisionCopy>>`
    SELECT tenant_id, user_id, candidate_id, tip::text, features::text, feature_schema, policy, policy_version,
      state_position, context::text, propensity, considered, served_at_ms, expires_at_ms,
      stream, partition, subject, headers::text, payload
    FROM decisions JOIN outbox ON event_id = decision_id::text
    ORDER BY served_at_ms DESC LIMIT 1`
  if (row === undefined) throw new Error("the service has made no decision to copy")
  return row
}

/** The same two rows in one statement, under an id of their own; resolves when they are committed. */
export async function insertCopy(sql: postgres.Sql, copy: DecisionCopy, id: string): Promise<void> {
  await sql`
    WITH decision AS (
      INSERT INTO bench.decisions (decision_id, tenant_id, user_id, candidate_id, tip, features, feature_schema,
        policy, policy_version, state_position, context, propensity, considered, served_at_ms, expires_at_ms)
      VALUES (${id}, ${copy.tenant_id}, ${copy.user_id}, ${copy.candidate_id}, ${copy.tip}::text::jsonb,
        ${copy.features}::text::double precision[], ${copy.feature_schema}, ${copy.policy}, ${copy.policy_version},
        ${copy.state_position}, ${copy.context}::text::jsonb, ${copy.propensity}, ${copy.considered},
        ${copy.served_at_ms}, ${copy.expires_at_ms})
    )
    INSERT INTO bench.outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
    VALUES (${id}, ${copy.stream}, ${copy.partition}, ${copy.subject}, ${copy.headers}::text::jsonb, ${copy.payload},
      ${copy.served_at_ms})`
}
