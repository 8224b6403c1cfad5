/** Connections as they stand in their table. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Connection, ConnectionStatus, UserSyncStore } from "../actors/UserSyncStore.ts"
import { orUnavailable } from "./unavailable.ts"

/** Of `connections AS connection`. */
export const connectionColumns = `
  connection.provider, connection.status, connection.sealed_token, connection.family_id, connection.scopes,
  connection.expires_at_ms, connection.account_id, connection.cursor, connection.version, connection.connected_at_ms,
  connection.synced_at_ms, connection.next_sync_at_ms, connection.failures, connection.last_problem,
  connection.problem_code`

export interface ConnectionRow {
  readonly provider: Provider
  readonly status: ConnectionStatus
  readonly sealed_token: Uint8Array | null
  readonly family_id: string | null
  readonly scopes: ReadonlyArray<string> | null
  readonly expires_at_ms: number | null
  readonly account_id: string | null
  readonly cursor: string | null
  readonly version: number
  readonly connected_at_ms: number
  readonly synced_at_ms: number | null
  readonly next_sync_at_ms: number | null
  readonly failures: number
  readonly last_problem: string | null
  readonly problem_code: string | null
}

export const connectionOf = (row: ConnectionRow): Connection => ({
  provider: row.provider,
  status: row.status,
  sealedToken: row.sealed_token,
  familyId: row.family_id,
  scopes: row.scopes,
  expiresAtMs: row.expires_at_ms,
  accountId: row.account_id,
  cursor: row.cursor,
  version: row.version,
  connectedAtMs: row.connected_at_ms,
  syncedAtMs: row.synced_at_ms,
  nextSyncAtMs: row.next_sync_at_ms,
  failures: row.failures,
  lastProblem: row.last_problem,
  problemCode: row.problem_code,
})

export interface OwnerRow {
  readonly tenant_id: string
  readonly user_id: string
}

export const ownerOf = (row: OwnerRow): Owner => ({
  tenantId: TenantId.make(row.tenant_id),
  userId: UserId.make(row.user_id),
})

export const connectionReads = (
  sql: SqlClient.SqlClient,
): Pick<UserSyncStore["Service"], "load" | "connections"> => ({
  load: Effect.fnUntraced(function* ({ tenantId, userId }, provider) {
    const [row] = yield* sql<ConnectionRow>`
      SELECT ${sql.literal(connectionColumns)} FROM connections AS connection
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
    return row === undefined ? undefined : connectionOf(row)
  }, orUnavailable("connections.load")),

  connections: Effect.fnUntraced(function* ({ tenantId, userId }) {
    const rows = yield* sql<ConnectionRow>`
      SELECT ${sql.literal(connectionColumns)} FROM connections AS connection
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} ORDER BY provider`
    return rows.map(connectionOf)
  }, orUnavailable("connections.list")),
})
