/** Credentials a tool is still to be told to take back. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Provider } from "../../schemas/Task.ts"
import type { UserSyncStore } from "../actors/UserSyncStore.ts"
import { ownerOf } from "./connectionRows.ts"
import type { OwnerRow } from "./connectionRows.ts"
import { orUnavailable } from "./unavailable.ts"

interface RevocationRow extends OwnerRow {
  readonly revocation_id: string
  readonly provider: Provider
  readonly sealed_token: Uint8Array
  readonly attempts: number
}

export const revocations = (
  sql: SqlClient.SqlClient,
): Pick<UserSyncStore["Service"], "claimRevocations" | "revoked"> => ({
  claimRevocations: Effect.fnUntraced(function* (nowMs, retryMs, limit) {
    const rows = yield* sql<RevocationRow>`
      WITH expired AS (
        DELETE FROM revocations WHERE next_try_at_ms <= ${nowMs} AND expires_at_ms <= ${nowMs}
      ), due AS MATERIALIZED (
        SELECT revocation_id FROM revocations WHERE next_try_at_ms <= ${nowMs} AND expires_at_ms > ${nowMs}
        ORDER BY next_try_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
      )
      UPDATE revocations SET next_try_at_ms = ${nowMs + retryMs}, attempts = attempts + 1
      FROM due WHERE revocations.revocation_id = due.revocation_id
      RETURNING revocations.revocation_id, tenant_id, user_id, provider, sealed_token, attempts`
    return rows.map((row) => ({
      revocationId: row.revocation_id,
      owner: ownerOf(row),
      provider: row.provider,
      sealed: row.sealed_token,
      attempts: row.attempts,
    }))
  }, orUnavailable("revocations.claim")),

  revoked: (revocationId) =>
    sql`DELETE FROM revocations WHERE revocation_id = ${revocationId}`.pipe(
      Effect.asVoid,
      orUnavailable("revocations.done"),
    ),
})
