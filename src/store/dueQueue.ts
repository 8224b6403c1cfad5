/** Whose sync is due: an index over connections, from which schedulers take without waiting for each other. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { UserSyncStore } from "../actors/UserSyncStore.ts"
import { ownerOf } from "./connectionRows.ts"
import type { OwnerRow } from "./connectionRows.ts"
import { orUnavailable } from "./unavailable.ts"

/**
 * The actors of those a webhook is about are told at once. Should nobody tell them, the due queue brings them round
 * after this long, well over what an actor takes, so that one webhook is one sync.
 */
export const webhookPickUpMs = 5_000

export const dueQueue = (
  sql: SqlClient.SqlClient,
): Pick<UserSyncStore["Service"], "claimDue" | "unclaim" | "noteWebhook"> => ({
  claimDue: Effect.fnUntraced(function* (provider, nowMs, claimMs, { healthy, failing }) {
    const claimedUntilMs = nowMs + claimMs
    const rows = yield* sql<OwnerRow & { readonly due_at_ms: number; readonly is_failing: boolean }>`
      WITH healthy AS MATERIALIZED (
        SELECT tenant_id, user_id, next_sync_at_ms AS due_at_ms, false AS is_failing FROM connections
        WHERE provider = ${provider} AND failures = 0 AND next_sync_at_ms <= ${nowMs}
        ORDER BY next_sync_at_ms LIMIT ${healthy} FOR UPDATE SKIP LOCKED
      ), failing AS MATERIALIZED (
        SELECT tenant_id, user_id, next_sync_at_ms AS due_at_ms, true AS is_failing FROM connections
        WHERE provider = ${provider} AND failures > 0 AND next_sync_at_ms <= ${nowMs}
        ORDER BY next_sync_at_ms LIMIT ${failing} FOR UPDATE SKIP LOCKED
      ), due AS MATERIALIZED (
        SELECT * FROM healthy UNION ALL SELECT * FROM failing
      ), taken AS (
        UPDATE connections SET next_sync_at_ms = ${claimedUntilMs}
        FROM due
        WHERE connections.tenant_id = due.tenant_id AND connections.user_id = due.user_id
          AND connections.provider = ${provider}
      )
      SELECT tenant_id, user_id, due_at_ms, is_failing FROM due ORDER BY due_at_ms`
    return rows.map((row) => ({
      owner: ownerOf(row),
      provider,
      isFailing: row.is_failing,
      dueAtMs: row.due_at_ms,
      claimedUntilMs,
    }))
  }, orUnavailable("connections.claimDue")),

  unclaim: Effect.fnUntraced(function* (users) {
    if (users.length === 0) return
    const rows = users.map(({ owner, provider, dueAtMs, claimedUntilMs }) => ({
      tenant_id: owner.tenantId,
      user_id: owner.userId,
      provider,
      due_at_ms: dueAtMs,
      claimed_until_ms: claimedUntilMs,
    }))
    yield* sql`
      UPDATE connections SET next_sync_at_ms = claim.due_at_ms
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
        AS claim(tenant_id text, user_id text, provider text, due_at_ms bigint, claimed_until_ms bigint)
      WHERE connections.tenant_id = claim.tenant_id AND connections.user_id = claim.user_id
        AND connections.provider = claim.provider AND connections.next_sync_at_ms = claim.claimed_until_ms`
  }, orUnavailable("connections.unclaim")),

  noteWebhook: Effect.fnUntraced(function* (provider, deliveryId, accountId, nowMs) {
    const rows = yield* sql<{ readonly is_new: boolean; readonly tenant_id: string | null; readonly user_id: string }>`
      WITH noted AS (
        INSERT INTO webhook_deliveries (provider, delivery_id, seen_at_ms)
        VALUES (${provider}, ${deliveryId}, ${nowMs})
        ON CONFLICT DO NOTHING RETURNING 1
      ), of_account AS (
        UPDATE connections SET next_sync_at_ms = CASE
          WHEN failures = 0 THEN least(next_sync_at_ms, ${nowMs + webhookPickUpMs}) ELSE next_sync_at_ms END
        FROM noted
        WHERE provider = ${provider} AND account_id = ${accountId} AND status = 'connected'
        RETURNING tenant_id, user_id
      )
      SELECT EXISTS (SELECT FROM noted) AS is_new, of_account.tenant_id, of_account.user_id
      FROM (VALUES (1)) AS one LEFT JOIN of_account ON true`
    if (rows[0]?.is_new !== true) return "seen"
    return rows.flatMap(({ tenant_id, user_id }) => tenant_id === null ? [] : [ownerOf({ tenant_id, user_id })])
  }, orUnavailable("webhooks.note")),
})
