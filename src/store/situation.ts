/** All that is known of a user at the moment of deciding, in one round trip. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Candidate } from "../../schemas/Candidate.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Situation } from "../recommender/Decisions.ts"

const weekMs = 7 * 86_400_000

interface SituationRow {
  readonly time_zone: string
  readonly connected: boolean
  readonly synced_at_ms: number | null
  readonly done: number
  readonly dismissed: number
  readonly sleeps: ReadonlyArray<readonly [candidateId: string, untilMs: number]>
  readonly candidates: ReadonlyArray<Candidate>
}

/** A user unknown to us has no zone, no tasks and nothing to sleep. */
const nobody: Situation = {
  candidates: [],
  sleeps: new Map(),
  timeZone: "UTC",
  connected: false,
  syncedAtMs: null,
  doneLast7Days: 0,
  dismissedLast7Days: 0,
}

export const situationOf = Effect.fnUntraced(function* (owner: Owner, nowMs: number) {
  const sql = yield* SqlClient.SqlClient
  const { tenantId, userId } = owner
  const [row] = yield* sql<SituationRow>`
    SELECT users.time_zone, coalesce(link.connected, false) AS connected, link.synced_at_ms,
      recent.done, recent.dismissed, asleep.sleeps, awake.candidates
    FROM users
    CROSS JOIN LATERAL (
      SELECT bool_or(status = 'connected') AS connected, max(synced_at_ms) AS synced_at_ms FROM connections
      WHERE tenant_id = ${tenantId} AND user_id = ${userId}
    ) AS link
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE reaction = 'done')::int AS done,
        count(*) FILTER (WHERE reaction = 'dismiss')::int AS dismissed
      FROM reactions
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND reacted_at_ms > ${nowMs - weekMs}
    ) AS recent
    CROSS JOIN LATERAL (
      SELECT coalesce(jsonb_agg(jsonb_build_array(candidate_id, until_ms)), '[]') AS sleeps FROM sleeps
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND until_ms > ${nowMs}
    ) AS asleep
    CROSS JOIN LATERAL (
      SELECT coalesce(jsonb_agg(candidate), '[]') AS candidates FROM candidates
      WHERE tenant_id = ${tenantId} AND user_id = ${userId}
    ) AS awake
    WHERE users.tenant_id = ${tenantId} AND users.user_id = ${userId}`
  if (row === undefined) return nobody
  const sleeps = new Map(row.sleeps)
  return {
    candidates: row.candidates.map((one) => ({ ...one, sleepsUntilMs: sleeps.get(one.candidateId) ?? null })),
    sleeps,
    timeZone: row.time_zone,
    connected: row.connected,
    syncedAtMs: row.synced_at_ms,
    doneLast7Days: row.done,
    dismissedLast7Days: row.dismissed,
  }
})
