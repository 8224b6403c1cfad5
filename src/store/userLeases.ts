/**
 * Who may write for a user: a row per user says which process, until when, and under which epoch.
 *
 * Times are the database's, so clocks of nodes may differ as they like. Taking, renewing and giving back update the one
 * row, and so does a commit (syncCommit.ts) for as long as it runs: who takes a lease waits for a running commit, and
 * finds it held on to.
 */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { LeaseLost, UserHeld } from "../actors/UserSyncStore.ts"
import type { UserLease, UserSyncStore } from "../actors/UserSyncStore.ts"
import { connectionColumns, connectionOf } from "./connectionRows.ts"
import type { ConnectionRow } from "./connectionRows.ts"
import { orUnavailable } from "./unavailable.ts"

export interface UserLeaseOptions {
  /** Names this process among all that share the database; no two that run at once have the same. */
  readonly holder: string
  readonly leaseMs: number
}

/** Epoch milliseconds of the database, later in a statement that waited for a lock. */
export const databaseNow = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

type SessionRow =
  & { readonly epoch: number; readonly active_at_ms: number | null; readonly has_pending_acts: boolean }
  & (ConnectionRow | { readonly provider: null })

export const userLeases = (
  sql: SqlClient.SqlClient,
  { holder, leaseMs }: UserLeaseOptions,
): Pick<UserSyncStore["Service"], "open" | "renew" | "sending" | "close"> => {
  const now = sql.literal(databaseNow)

  const renewed = ({ owner: { tenantId, userId }, epoch }: UserLease) =>
    sql`UPDATE user_leases SET held_until_ms = ${now} + ${leaseMs}::bigint
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND holder = ${holder} AND epoch = ${epoch}
        AND held_until_ms > ${now}
      RETURNING 1`

  return {
    // What is read is as of the beginning of the statement. Had it to wait for a commit, it may be old by that one; the
    // version says so to whoever writes from it.
    open: Effect.fnUntraced(function* (owner) {
      const { tenantId, userId } = owner
      const rows = yield* sql<SessionRow>`
        WITH taken AS (
          INSERT INTO user_leases AS lease (tenant_id, user_id, holder, epoch, held_until_ms)
          VALUES (${tenantId}, ${userId}, ${holder}, 1, ${now} + ${leaseMs}::bigint)
          ON CONFLICT (tenant_id, user_id) DO UPDATE
            SET holder = excluded.holder, epoch = lease.epoch + 1, held_until_ms = ${now} + ${leaseMs}::bigint
            WHERE lease.holder IS NULL OR lease.holder = excluded.holder OR lease.held_until_ms <= ${now}
          RETURNING epoch
        )
        SELECT taken.epoch, (
            SELECT served_at_ms FROM decisions WHERE tenant_id = ${tenantId} AND user_id = ${userId}
            ORDER BY served_at_ms DESC LIMIT 1
          ) AS active_at_ms, EXISTS (
            SELECT FROM acts WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND settled_at_ms IS NULL
          ) AS has_pending_acts, ${sql.literal(connectionColumns)}
        FROM taken
        LEFT JOIN connections AS connection ON connection.tenant_id = ${tenantId} AND connection.user_id = ${userId}
        ORDER BY connection.provider`.pipe(orUnavailable("leases.open"))
      const [first] = rows
      if (first === undefined) return yield* new UserHeld()
      return {
        lease: { owner, epoch: first.epoch },
        connections: rows.flatMap((row) => row.provider === null ? [] : [connectionOf(row)]),
        activeAtMs: first.active_at_ms,
        hasPendingActs: first.has_pending_acts,
      }
    }),

    renew: (lease) =>
      renewed(lease).pipe(
        orUnavailable("leases.renew"),
        Effect.filterOrFail((rows) => rows.length > 0, () => new LeaseLost({ epoch: lease.epoch })),
        Effect.asVoid,
      ),

    sending: ({ owner: { tenantId, userId }, epoch }, actIds, nowMs) =>
      sql`
        WITH lease AS (
          UPDATE user_leases SET held_until_ms = ${now} + ${leaseMs}::bigint
          WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND holder = ${holder} AND epoch = ${epoch}
            AND held_until_ms > ${now}
          RETURNING 1
        ), marked AS (
          UPDATE acts SET sent_at_ms = ${nowMs} FROM lease
          WHERE act_id IN (SELECT value::uuid FROM jsonb_array_elements_text(${JSON.stringify(actIds)}::text::jsonb))
        )
        SELECT FROM lease`.pipe(
        orUnavailable("leases.sending"),
        Effect.filterOrFail((rows) => rows.length > 0, () => new LeaseLost({ epoch })),
        Effect.asVoid,
      ),

    close: ({ owner: { tenantId, userId }, epoch }) =>
      sql`UPDATE user_leases SET holder = NULL, held_until_ms = 0
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND holder = ${holder} AND epoch = ${epoch}`.pipe(
        Effect.asVoid,
        orUnavailable("leases.close"),
      ),
  }
}
