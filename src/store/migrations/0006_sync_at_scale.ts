/** Leases of users, whose account a connection is, the way in by OAuth, webhooks, and revocations still owed. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Who may write for a user, until when by the database's clock. The epoch rises with each taking and fences writes.
  yield* sql`
    CREATE TABLE user_leases (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      holder text,
      epoch bigint NOT NULL,
      held_until_ms bigint NOT NULL,
      PRIMARY KEY (tenant_id, user_id)
    )`
  // account_id is the provider's; family_id the grant the credential descends from; scopes null when nobody said.
  yield* sql`
    ALTER TABLE connections
      ADD COLUMN account_id text,
      ADD COLUMN family_id text,
      ADD COLUMN scopes jsonb,
      ADD COLUMN expires_at_ms bigint,
      ADD COLUMN problem_code text`
  yield* sql`CREATE INDEX connections_account ON connections (provider, account_id) WHERE account_id IS NOT NULL`
  // Each provider's due are taken on their own, so that one that stands still is not in the way of another.
  yield* sql`DROP INDEX connections_due`
  yield* sql`
    CREATE INDEX connections_due ON connections (provider, next_sync_at_ms) WHERE next_sync_at_ms IS NOT NULL`
  yield* sql`CREATE INDEX connections_failing ON connections (failures DESC) WHERE failures > 0`
  // Ids of tasks that ended, so that one that comes back is known to have been there.
  yield* sql`
    CREATE TABLE gone_tasks (
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      task_id text NOT NULL,
      gone_as text NOT NULL,
      gone_at_ms bigint NOT NULL,
      PRIMARY KEY (tenant_id, user_id, provider, task_id)
    )`
  yield* sql`CREATE INDEX gone_tasks_age ON gone_tasks (gone_at_ms)`
  // The due date the user saw when they said done, of a recurring task only: "2026-12-01" or "2026-12-01@<epoch ms>".
  // sent_at_ms: it may have been carried out, though no answer came.
  yield* sql`ALTER TABLE acts ADD COLUMN expected_due text, ADD COLUMN sent_at_ms bigint`
  yield* sql`CREATE INDEX acts_echo ON acts (tenant_id, user_id, provider, task_id) WHERE outcome = 'done'`
  // One row per way to a tool that was begun. Only digests: the secret parts are in the browser and in the address.
  yield* sql`
    CREATE TABLE oauth_attempts (
      state_hash bytea PRIMARY KEY,
      session_hash bytea NOT NULL,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      redirect_uri text NOT NULL,
      expires_at_ms bigint NOT NULL,
      FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
    )`
  yield* sql`CREATE INDEX oauth_attempts_age ON oauth_attempts (expires_at_ms)`
  yield* sql`CREATE INDEX oauth_attempts_owner ON oauth_attempts (tenant_id, user_id, expires_at_ms)`
  yield* sql`
    CREATE TABLE webhook_deliveries (
      provider text NOT NULL,
      delivery_id text NOT NULL,
      seen_at_ms bigint NOT NULL,
      PRIMARY KEY (provider, delivery_id)
    )`
  yield* sql`CREATE INDEX webhook_deliveries_age ON webhook_deliveries (seen_at_ms)`
  // What the tool could not be told when the user disconnected. Tried again for a while, then forgotten.
  yield* sql`
    CREATE TABLE revocations (
      revocation_id uuid PRIMARY KEY,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      provider text NOT NULL,
      sealed_token bytea NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      next_try_at_ms bigint NOT NULL,
      expires_at_ms bigint NOT NULL
    )`
  yield* sql`CREATE INDEX revocations_due ON revocations (next_try_at_ms)`
})
