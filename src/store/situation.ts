/**
 * All that is known of a user at the moment of deciding, in one round trip.
 *
 * Candidates change rarely and are read often, so those of the last users asked for are kept, under a fingerprint of
 * the rows they came from. The database compares it and sends them again only when it differs: what is kept is never
 * served when it is old, whoever wrote, in whatever process.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Candidate } from "../../schemas/Candidate.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Situation } from "../recommender/Decisions.ts"

const weekMs = 7 * 86_400_000

/** Some 40 KB each. */
const usersKeptMax = 500

interface SituationRow {
  readonly time_zone: string
  readonly connected: boolean
  readonly synced_at_ms: number | null
  readonly done: number
  readonly dismissed: number
  readonly sleeps: ReadonlyArray<readonly [candidateId: string, untilMs: number]>
  readonly fingerprint: string
  /** Null when the fingerprint is the one asked about. */
  readonly candidates: ReadonlyArray<Candidate> | null
}

interface Kept {
  readonly fingerprint: string
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

export const makeSituationOf = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const kept = new Map<string, Kept>()

  return Effect.fnUntraced(function* (owner: Owner, nowMs: number) {
    const { tenantId, userId } = owner
    const key = `${tenantId}/${userId}`
    const known = kept.get(key)
    const [row] = yield* sql<SituationRow>`
      SELECT users.time_zone, coalesce(link.connected, false) AS connected, link.synced_at_ms,
        recent.done, recent.dismissed, asleep.sleeps, awake.fingerprint,
        CASE WHEN awake.fingerprint IS DISTINCT FROM ${known?.fingerprint ?? ""} THEN (
          SELECT coalesce(json_agg(candidate), '[]') FROM candidates
          WHERE tenant_id = ${tenantId} AND user_id = ${userId}
        ) END AS candidates
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
        SELECT coalesce(json_agg(json_build_array(candidate_id, until_ms)), '[]') AS sleeps FROM sleeps
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND until_ms > ${nowMs}
      ) AS asleep
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(hashtextextended(candidate_id || xmin, 0)), 0)::text AS fingerprint FROM candidates
        WHERE tenant_id = ${tenantId} AND user_id = ${userId}
      ) AS awake
      WHERE users.tenant_id = ${tenantId} AND users.user_id = ${userId}`
    if (row === undefined) return nobody
    const candidates = row.candidates ?? known!.candidates
    // Deleted and set again: the map's order is that of use, and its first entry the one to forget.
    kept.delete(key)
    kept.set(key, { fingerprint: row.fingerprint, candidates })
    if (kept.size > usersKeptMax) kept.delete(kept.keys().next().value!)
    const sleeps = new Map(row.sleeps)
    return {
      candidates: sleeps.size === 0 ? candidates : candidates.map((one) => {
        const sleepsUntilMs = sleeps.get(one.candidateId)
        return sleepsUntilMs === undefined ? one : { ...one, sleepsUntilMs }
      }),
      sleeps,
      timeZone: row.time_zone,
      connected: row.connected,
      syncedAtMs: row.synced_at_ms,
      doneLast7Days: row.done,
      dismissedLast7Days: row.dismissed,
    } satisfies Situation
  })
})
