/**
 * All that is known of users at the moment of deciding, in one round trip for all who are asked about at once.
 *
 * Candidates change rarely and are read often, so those of the last users asked about are kept, under a fingerprint of
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

interface Question {
  readonly owner: Owner
  readonly nowMs: number
}

interface SituationRow {
  /** Of the question, among those asked. */
  readonly place: number
  readonly time_zone: string
  readonly connected: boolean
  readonly synced_at_ms: number | null
  readonly readable: Situation["readable"]
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
  readable: [],
  doneLast7Days: 0,
  dismissedLast7Days: 0,
}

/** Answers questions in their order. */
export const makeSituations = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const kept = new Map<string, Kept>()

  /** What the row names as unchanged is what was kept when it was asked for, whatever came meanwhile. */
  const candidatesOf = (owner: Owner, row: SituationRow, asked: Kept | undefined): ReadonlyArray<Candidate> => {
    const candidates = row.candidates ?? asked!.candidates
    // Deleted and set again: the map's order is that of use, and its first entry the one to forget.
    kept.delete(keyOf(owner))
    kept.set(keyOf(owner), { fingerprint: row.fingerprint, candidates })
    if (kept.size > usersKeptMax) kept.delete(kept.keys().next().value!)
    return candidates
  }

  return Effect.fnUntraced(function* (questions: ReadonlyArray<Question>) {
    const asked = questions.map(({ owner }) => kept.get(keyOf(owner)))
    const rows = yield* situationRows(sql, questions, asked)
    const situations: Array<Situation> = questions.map(() => nobody)
    for (const row of rows) {
      const candidates = candidatesOf(questions[row.place]!.owner, row, asked[row.place])
      situations[row.place] = situationOf(row, candidates)
    }
    return situations
  })
})

const keyOf = ({ tenantId, userId }: Owner): string => `${tenantId}/${userId}`

const situationRows = (
  sql: SqlClient.SqlClient,
  questions: ReadonlyArray<Question>,
  asked: ReadonlyArray<Kept | undefined>,
) => {
  const relation = questions.map(({ owner: { tenantId, userId }, nowMs }, place) => ({
    place,
    tenant_id: tenantId,
    user_id: userId,
    now_ms: nowMs,
    fingerprint: asked[place]?.fingerprint,
  }))
  // OFFSET 0 keeps the planner, which cannot know how few are asked about, from reading all users for a hash join.
  return sql<SituationRow>`
    SELECT asked.place, users.time_zone, coalesce(link.connected, false) AS connected, link.synced_at_ms,
      link.readable, recent.done, recent.dismissed, asleep.sleeps, awake.fingerprint,
      CASE WHEN awake.fingerprint IS DISTINCT FROM asked.fingerprint THEN (
        SELECT coalesce(json_agg(candidate), '[]') FROM candidates
        WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id
      ) END AS candidates
    FROM jsonb_to_recordset(${JSON.stringify(relation)}::text::jsonb)
      AS asked(place int, tenant_id text, user_id text, now_ms bigint, fingerprint text)
    CROSS JOIN LATERAL (
      SELECT time_zone FROM users WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id OFFSET 0
    ) AS users
    CROSS JOIN LATERAL (
      SELECT bool_or(status = 'connected') AS connected,
        min(synced_at_ms) FILTER (WHERE status <> 'disconnected') AS synced_at_ms,
        coalesce(
          json_agg(json_build_object('provider', provider, 'syncedAtMs', synced_at_ms) ORDER BY provider) FILTER (
            WHERE status = 'connected' AND (failures = 0 OR next_sync_at_ms IS NULL OR next_sync_at_ms <= asked.now_ms)
          ),
          '[]'
        ) AS readable
      FROM connections
      WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id
    ) AS link
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE reaction = 'done')::int AS done,
        count(*) FILTER (WHERE reaction = 'dismiss')::int AS dismissed
      FROM reactions
      WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id AND reacted_at_ms > asked.now_ms - ${weekMs}::bigint
    ) AS recent
    CROSS JOIN LATERAL (
      SELECT coalesce(json_agg(json_build_array(candidate_id, until_ms)), '[]') AS sleeps FROM sleeps
      WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id AND until_ms > asked.now_ms
    ) AS asleep
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(hashtextextended(candidate_id || xmin, 0)), 0)::text AS fingerprint FROM candidates
      WHERE tenant_id = asked.tenant_id AND user_id = asked.user_id
    ) AS awake`
}

const situationOf = (row: SituationRow, candidates: ReadonlyArray<Candidate>): Situation => {
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
    readable: row.readable,
    doneLast7Days: row.done,
    dismissedLast7Days: row.dismissed,
  }
}
