/** Ways to a tool that were begun, as rows, found by the digests of their state and session. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Provider } from "../../schemas/Task.ts"
import { attemptsMax, OAuthAttempts } from "../connectors/OAuthAttempts.ts"
import { ownerOf } from "./connectionRows.ts"
import type { OwnerRow } from "./connectionRows.ts"
import { orUnavailable } from "./unavailable.ts"

/** Of anybody, forgotten with each beginning: more than begin, and never a long statement. */
const expiredMax = 100

interface AttemptRow extends OwnerRow {
  readonly provider: Provider
  readonly redirect_uri: string
  readonly expires_at_ms: number
}

export const layer = Layer.effect(
  OAuthAttempts,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return OAuthAttempts.of({
      begin: Effect.fnUntraced(function* ({ stateHash, sessionHash }, attempt, nowMs) {
        const { owner: { tenantId, userId }, provider, redirectUri, expiresAtMs } = attempt
        yield* sql`
          WITH expired AS (
            DELETE FROM oauth_attempts WHERE state_hash IN (
              SELECT state_hash FROM oauth_attempts WHERE expires_at_ms <= ${nowMs} LIMIT ${expiredMax}
              FOR UPDATE SKIP LOCKED)
          ), older AS (
            DELETE FROM oauth_attempts WHERE state_hash IN (
              SELECT state_hash FROM oauth_attempts WHERE tenant_id = ${tenantId} AND user_id = ${userId}
                AND expires_at_ms > ${nowMs}
              ORDER BY expires_at_ms DESC OFFSET ${attemptsMax - 1})
          )
          INSERT INTO oauth_attempts (state_hash, session_hash, tenant_id, user_id, provider, redirect_uri,
            expires_at_ms)
          VALUES (${stateHash}, ${sessionHash}, ${tenantId}, ${userId}, ${provider}, ${redirectUri}, ${expiresAtMs})`
      }, orUnavailable("oauth.begin")),

      take: Effect.fnUntraced(function* ({ stateHash, sessionHash }, nowMs) {
        const [row] = yield* sql<AttemptRow>`
          DELETE FROM oauth_attempts
          WHERE state_hash = ${stateHash} AND session_hash = ${sessionHash} AND expires_at_ms > ${nowMs}
          RETURNING tenant_id, user_id, provider, redirect_uri, expires_at_ms`
        return row && {
          owner: ownerOf(row),
          provider: row.provider,
          redirectUri: row.redirect_uri,
          expiresAtMs: row.expires_at_ms,
        }
      }, orUnavailable("oauth.take")),
    })
  }),
)
