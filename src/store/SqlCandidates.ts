/** Candidates as rows. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Candidate } from "../../schemas/Candidate.ts"
import { Candidates, keyText } from "../recommender/Candidates.ts"
import type { CandidateKey } from "../recommender/Candidates.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { orUnavailable } from "./unavailable.ts"

interface CandidateRow {
  readonly tenant_id: string
  readonly user_id: string
  readonly candidate_id: string
  readonly candidate: Candidate
}

export const layer = Layer.effect(
  Candidates,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    /** The keys as a relation, so that one statement serves any number of them. */
    const relation = (keys: ReadonlyArray<CandidateKey>) =>
      sql`jsonb_to_recordset(${JSON.stringify(keys.map(rowOf))}::text::jsonb)
        AS key(tenant_id text, user_id text, candidate_id text)`

    return Candidates.of({
      load: Effect.fnUntraced(function* (keys) {
        const rows = yield* sql<CandidateRow>`
          SELECT tenant_id, user_id, candidate_id, candidate
          FROM candidates JOIN ${relation(keys)} USING (tenant_id, user_id, candidate_id)`
        return new Map(rows.map((row) => [
          keyText({
            owner: { tenantId: TenantId.make(row.tenant_id), userId: UserId.make(row.user_id) },
            candidateId: row.candidate_id,
          }),
          row.candidate,
        ]))
      }, orUnavailable("candidates.load")),

      apply: Effect.fnUntraced(function* ({ upserts, removes, wakes }) {
        if (upserts.length > 0) {
          const rows = upserts.map((upsert) => ({ ...rowOf(upsert), candidate: upsert.candidate }))
          yield* sql`
            INSERT INTO candidates (tenant_id, user_id, candidate_id, candidate)
            SELECT tenant_id, user_id, candidate_id, candidate
            FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
              AS row(tenant_id text, user_id text, candidate_id text, candidate jsonb)
            ON CONFLICT (tenant_id, user_id, candidate_id) DO UPDATE SET candidate = excluded.candidate`
        }
        if (removes.length > 0) {
          yield* sql`DELETE FROM candidates USING ${relation(removes)}
            WHERE candidates.tenant_id = key.tenant_id AND candidates.user_id = key.user_id
              AND candidates.candidate_id = key.candidate_id`
        }
        if (wakes.length > 0) {
          yield* sql`DELETE FROM sleeps USING ${relation(wakes)}
            WHERE sleeps.tenant_id = key.tenant_id AND sleeps.user_id = key.user_id
              AND sleeps.candidate_id = key.candidate_id AND sleeps.reaction = 'done'`
        }
      }, orUnavailable("candidates.apply")),
    })
  }),
)

const rowOf = ({ owner, candidateId }: CandidateKey) => ({
  tenant_id: owner.tenantId,
  user_id: owner.userId,
  candidate_id: candidateId,
})
