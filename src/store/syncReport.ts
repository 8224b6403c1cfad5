/** How syncing goes, for operators. Reads every connection: for a page and a measurement now and then. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Provider } from "../../schemas/Task.ts"
import type { ConnectionStatus, UserSyncStore } from "../actors/UserSyncStore.ts"
import { ownerOf } from "./connectionRows.ts"
import type { OwnerRow } from "./connectionRows.ts"
import { orUnavailable } from "./unavailable.ts"

/** Somebody is always due this second. Late is who was not taken for much longer than schedulers take. */
const lateAfterMs = 60_000

interface SummaryRow {
  readonly provider: Provider
  readonly connected: number
  readonly needs_reconnect: number
  readonly failing: number
  readonly due: number
  readonly lag_ms: number
  readonly problems: Readonly<Record<string, number>> | null
}

interface LateRow extends OwnerRow {
  readonly provider: Provider
  readonly status: ConnectionStatus
  readonly synced_at_ms: number | null
  readonly next_sync_at_ms: number | null
  readonly failures: number
  readonly problem_code: string | null
  readonly last_problem: string | null
}

export const syncReport = (sql: SqlClient.SqlClient): Pick<UserSyncStore["Service"], "summary" | "late"> => ({
  summary: Effect.fnUntraced(function* (nowMs) {
    const rows = yield* sql<SummaryRow>`
      WITH counted AS (
        SELECT provider, status, status = 'connected' AND failures > 0 AS failing,
          coalesce(problem_code, 'unknown') AS problem, count(*) AS users,
          count(*) FILTER (WHERE next_sync_at_ms <= ${nowMs}) AS due, min(next_sync_at_ms) AS next_sync_at_ms
        FROM connections GROUP BY 1, 2, 3, 4
      )
      SELECT provider,
        coalesce(sum(users) FILTER (WHERE status = 'connected'), 0)::bigint AS connected,
        coalesce(sum(users) FILTER (WHERE status = 'needs-reconnect'), 0)::bigint AS needs_reconnect,
        coalesce(sum(users) FILTER (WHERE failing), 0)::bigint AS failing,
        sum(due)::bigint AS due,
        greatest(0, ${nowMs}::bigint - min(next_sync_at_ms)) AS lag_ms,
        jsonb_object_agg(problem, users) FILTER (WHERE failing) AS problems
      FROM counted GROUP BY provider ORDER BY provider`
    return rows.map((row) => ({
      provider: row.provider,
      connected: row.connected,
      needsReconnect: row.needs_reconnect,
      failing: row.failing,
      due: row.due,
      lagMs: row.lag_ms,
      problems: row.problems ?? {},
    }))
  }, orUnavailable("connections.summary")),

  late: Effect.fnUntraced(function* (nowMs, limit) {
    const rows = yield* sql<LateRow>`
      SELECT tenant_id, user_id, provider, status, synced_at_ms, next_sync_at_ms, failures, problem_code, last_problem
      FROM connections
      WHERE status = 'needs-reconnect'
        OR status = 'connected' AND (failures > 0 OR next_sync_at_ms <= ${nowMs - lateAfterMs})
      ORDER BY coalesce(synced_at_ms, connected_at_ms), tenant_id, user_id, provider LIMIT ${limit}`
    return rows.map((row) => ({
      owner: ownerOf(row),
      provider: row.provider,
      status: row.status,
      syncedAtMs: row.synced_at_ms,
      nextSyncAtMs: row.next_sync_at_ms,
      failures: row.failures,
      problemCode: row.problem_code,
      lastProblem: row.last_problem,
    }))
  }, orUnavailable("connections.late")),
})
