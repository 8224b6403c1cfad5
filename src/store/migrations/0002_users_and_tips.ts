/** Users, what is known of their tasks, and what was decided for them. Times are epoch milliseconds. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE users (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      issuer text NOT NULL,
      subject text NOT NULL,
      display_name text NOT NULL,
      time_zone text NOT NULL,
      created_at_ms bigint NOT NULL,
      PRIMARY KEY (tenant_id, user_id),
      UNIQUE (tenant_id, issuer, subject)
    )`
  yield* sql`
    CREATE TABLE sessions (
      token_hash bytea PRIMARY KEY,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      created_at_ms bigint NOT NULL,
      expires_at_ms bigint NOT NULL,
      FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
    )`
  yield* sql`CREATE INDEX sessions_expiry ON sessions (expires_at_ms)`
  // version is the epoch of the compare-and-set: every commit of a sync names the version it started from.
  yield* sql`
    CREATE TABLE connections (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      status text NOT NULL,
      sealed_token bytea,
      cursor text,
      version bigint NOT NULL DEFAULT 0,
      connected_at_ms bigint NOT NULL,
      synced_at_ms bigint,
      next_sync_at_ms bigint,
      failures integer NOT NULL DEFAULT 0,
      last_problem text,
      PRIMARY KEY (tenant_id, user_id, provider),
      FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
    )`
  yield* sql`CREATE INDEX connections_due ON connections (next_sync_at_ms) WHERE next_sync_at_ms IS NOT NULL`
  yield* sql`
    CREATE TABLE tasks (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      task_id text NOT NULL,
      task jsonb NOT NULL,
      times_postponed integer NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant_id, user_id, provider, task_id)
    )`
  // What a user asked for in a connected tool; performed by the sync actor, once, under this id.
  yield* sql`
    CREATE TABLE acts (
      act_id uuid PRIMARY KEY,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      task_id text NOT NULL,
      requested_at_ms bigint NOT NULL,
      settled_at_ms bigint,
      outcome text
    )`
  yield* sql`CREATE INDEX acts_pending ON acts (tenant_id, user_id, provider, requested_at_ms)
    WHERE settled_at_ms IS NULL`
  yield* sql`
    CREATE TABLE candidates (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      candidate_id text NOT NULL,
      candidate jsonb NOT NULL,
      PRIMARY KEY (tenant_id, user_id, candidate_id)
    )`
  yield* sql`
    CREATE TABLE sleeps (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      candidate_id text NOT NULL,
      until_ms bigint NOT NULL,
      reaction text NOT NULL,
      decision_id uuid NOT NULL,
      PRIMARY KEY (tenant_id, user_id, candidate_id)
    )`
  // The whole record (context, all candidates, all probabilities) stands in the event; here is what serving needs.
  yield* sql`
    CREATE TABLE decisions (
      decision_id uuid PRIMARY KEY,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      candidate_id text NOT NULL,
      tip jsonb NOT NULL,
      features double precision[] NOT NULL,
      feature_schema text NOT NULL,
      policy text NOT NULL,
      policy_version text NOT NULL,
      state_position bigint NOT NULL,
      context jsonb NOT NULL,
      propensity double precision NOT NULL,
      considered integer NOT NULL,
      served_at_ms bigint NOT NULL,
      expires_at_ms bigint NOT NULL,
      state text NOT NULL DEFAULT 'open',
      reacted_at_ms bigint
    )`
  yield* sql`CREATE INDEX decisions_history ON decisions (tenant_id, user_id, served_at_ms DESC)`
  yield* sql`CREATE INDEX decisions_expiry ON decisions (expires_at_ms) WHERE state = 'open'`
  yield* sql`
    CREATE TABLE reactions (
      event_id text PRIMARY KEY,
      decision_id uuid NOT NULL REFERENCES decisions ON DELETE CASCADE,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      reaction text NOT NULL,
      reacted_at_ms bigint NOT NULL
    )`
  yield* sql`CREATE INDEX reactions_recent ON reactions (tenant_id, user_id, reacted_at_ms)`
  yield* sql`
    CREATE TABLE idempotency_keys (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      key text NOT NULL,
      request_hash text NOT NULL,
      response jsonb NOT NULL,
      used_at_ms bigint NOT NULL,
      PRIMARY KEY (tenant_id, user_id, key)
    )`
  yield* sql`CREATE INDEX idempotency_keys_age ON idempotency_keys (used_at_ms)`
  yield* sql`
    CREATE TABLE policy_states (
      tenant_id text NOT NULL,
      policy text NOT NULL,
      position bigint NOT NULL,
      hash text NOT NULL,
      model bytea NOT NULL,
      updates bigint NOT NULL,
      learned_at_ms bigint NOT NULL,
      PRIMARY KEY (tenant_id, policy)
    )`
})
