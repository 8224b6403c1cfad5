/**
 * One reaction, in one transaction: tip locked, judged, and everything that follows from the judgement written.
 *
 * The lock makes two requests for one tip wait for each other, so the second sees what the first did; an idempotency
 * key is looked up under it.
 */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { dueKey } from "../actors/UserSyncState.ts"
import { IdempotencyKeyReused, TipUnknown } from "../recommender/Decisions.ts"
import type { PastDecision, ReactRequest } from "../recommender/Decisions.ts"
import { completeActId } from "../recommender/Feedback.ts"
import type { Accepted, Verdict } from "../recommender/reactionState.ts"
import { Outbox } from "../streams/Outbox.ts"
import { decisionColumns, pastDecisionOf } from "./decisionRows.ts"
import type { DecisionRow } from "./decisionRows.ts"
import { unavailable } from "./unavailable.ts"

/**
 * The actor is told of an act at once. Should the process end before it has carried it out, the due queue brings the
 * user round after this long, well over what the actor takes, and not only after a whole sync interval. A user whose
 * syncs fail is due by the backoff already.
 */
export const actPickUpMs = 5_000

type Answer = { readonly verdict: Verdict; readonly tip: PastDecision }

export const reactIn = Effect.fnUntraced(
  function* (
    request: ReactRequest,
    judge: (tip: PastDecision) => Verdict,
    eventOf: (tip: PastDecision, accepted: Accepted) => Envelope,
  ) {
    const sql = yield* SqlClient.SqlClient
    return yield* sql.withTransaction(react(request, judge, eventOf))
  },
  Effect.catchTag("SqlError", (error) => unavailable("decisions.react", error)),
)

const react = Effect.fnUntraced(function* (
  request: ReactRequest,
  judge: (tip: PastDecision) => Verdict,
  eventOf: (tip: PastDecision, accepted: Accepted) => Envelope,
) {
  const sql = yield* SqlClient.SqlClient
  const outbox = yield* Outbox
  const { owner: { tenantId, userId }, decisionId } = request
  // All tips of one candidate, so that what is said to two of them at once is said to one after the other.
  yield* sql`
    SELECT pg_advisory_xact_lock(hashtextextended(tenant_id || '/' || user_id || '/' || candidate_id, 0))
    FROM decisions WHERE decision_id = ${decisionId} AND tenant_id = ${tenantId} AND user_id = ${userId}`
  const [row] = yield* sql<DecisionRow>`
    SELECT ${sql.literal(decisionColumns)} FROM decisions
    WHERE decision_id = ${decisionId} AND tenant_id = ${tenantId} AND user_id = ${userId} FOR UPDATE`
  if (row === undefined) return yield* new TipUnknown({ tipId: decisionId })
  const earlier = yield* answerGivenBefore(request)
  if (earlier !== undefined) return earlier
  const tip = yield* supersededOrNot(request, pastDecisionOf(row))
  const verdict = judge(tip)
  const answer: Answer = { verdict, tip }
  if (verdict._tag === "Accepted") {
    yield* write(request, tip, verdict)
    yield* outbox.append([eventOf(tip, verdict)])
  }
  yield* remember(request, answer)
  return answer
})

/**
 * A tip whose candidate was answered under another one since it was served is settled by that, also when it was
 * committed in the very moment of the answer: a recurring task closed for two tips would skip an occurrence.
 */
const supersededOrNot = Effect.fnUntraced(function* ({ owner: { tenantId, userId } }: ReactRequest, tip: PastDecision) {
  if (tip.state !== "open") return tip
  const sql = yield* SqlClient.SqlClient
  const { decisionId, servedAtMs } = tip
  const [answer] = yield* sql`
    SELECT FROM decisions
    WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND served_at_ms >= ${servedAtMs - windowMsOf(tip)}
      AND candidate_id = ${tip.tip.meta.candidateId} AND decision_id <> ${decisionId}
      AND reacted_at_ms >= ${servedAtMs}
    LIMIT 1`
  return answer === undefined ? tip : { ...tip, state: "superseded" as const }
})

/** A tip that could still be answered when this one was served was itself served at most this long before. */
const windowMsOf = ({ expiresAtMs, servedAtMs }: PastDecision): number => expiresAtMs - servedAtMs

/** The other open tips of the candidate: answered with this one. */
const supersede = Effect.fnUntraced(function* ({ owner, decisionId }: ReactRequest, tip: PastDecision) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    UPDATE decisions SET state = 'superseded'
    WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId}
      AND served_at_ms >= ${tip.servedAtMs - windowMsOf(tip)}
      AND candidate_id = ${tip.tip.meta.candidateId} AND decision_id <> ${decisionId} AND state = 'open'`
})

const write = Effect.fnUntraced(function* (request: ReactRequest, past: PastDecision, accepted: Accepted) {
  const { tip } = past
  const sql = yield* SqlClient.SqlClient
  const { owner: { tenantId, userId }, decisionId, reaction, nowMs } = request
  const { candidateId } = tip.meta
  if (accepted.completes) {
    // Connections before sleeps, the order of a sync's commit, so that the two wait for each other and never deadlock.
    // Written also when nothing is brought forward: a sync or a disconnection that commits now would not see the act
    // otherwise, nor be seen by it.
    yield* sql`UPDATE connections SET next_sync_at_ms = CASE
        WHEN failures = 0 AND next_sync_at_ms IS NOT NULL THEN least(next_sync_at_ms, ${nowMs + actPickUpMs})
        ELSE next_sync_at_ms END
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${tip.source}`
  }
  yield* sql`UPDATE decisions SET state = ${accepted.state},
      reacted_at_ms = ${accepted.state === "open" ? null : nowMs}
    WHERE decision_id = ${decisionId}`
  yield* sql`INSERT INTO reactions (event_id, decision_id, tenant_id, user_id, reaction, reacted_at_ms)
    VALUES (${request.eventId}, ${decisionId}, ${tenantId}, ${userId}, ${reaction}, ${nowMs})`
  if (accepted.undone === null) yield* supersede(request, past)
  if (accepted.sleepsUntilMs === null) {
    // Only the sleep this very tip caused: a later tip of the same candidate may have put it to sleep again.
    yield* sql`DELETE FROM sleeps
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND candidate_id = ${candidateId}
        AND decision_id = ${decisionId}`
  } else {
    yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
      VALUES (${tenantId}, ${userId}, ${candidateId}, ${accepted.sleepsUntilMs}, ${reaction}, ${decisionId})
      ON CONFLICT (tenant_id, user_id, candidate_id) DO UPDATE
        SET until_ms = excluded.until_ms, reaction = excluded.reaction, decision_id = excluded.decision_id`
  }
  if (accepted.completes) {
    // A tool that was disconnected meanwhile is not acted on, nor when it is connected again weeks later. One that only
    // can be read is asked all the same: its connector knows, and answers.
    yield* sql`INSERT INTO acts (act_id, tenant_id, user_id, provider, task_id, requested_at_ms, expected_due)
      SELECT ${completeActId(decisionId)}::uuid, tenant_id, user_id, provider,
        ${candidateId.slice(tip.source.length + 1)}, ${nowMs}::bigint, ${dueSeen(tip)}
      FROM connections
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${tip.source} AND status <> 'disconnected'
      ON CONFLICT (act_id) DO NOTHING`
  }
})

/** Which occurrence of a recurring task the user said done to: the tip showed its due date. */
const dueSeen = ({ meta: { dueAt, dueDate, isRecurring } }: PastDecision["tip"]): string | null =>
  dueDate === null ? null : dueKey({ date: dueDate, atMs: dueAt === null ? null : Date.parse(dueAt), isRecurring })

const answerGivenBefore = Effect.fnUntraced(function* (request: ReactRequest) {
  if (request.idempotencyKey === null) return undefined
  const sql = yield* SqlClient.SqlClient
  const { owner } = request
  const [row] = yield* sql<{ readonly request_hash: string; readonly response: Answer }>`
    SELECT request_hash, response FROM idempotency_keys
    WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId} AND key = ${request.idempotencyKey}`
  if (row === undefined) return undefined
  if (row.request_hash !== requestHash(request)) return yield* new IdempotencyKeyReused()
  return row.response
})

const remember = Effect.fnUntraced(function* (request: ReactRequest, answer: Answer) {
  if (request.idempotencyKey === null) return
  const sql = yield* SqlClient.SqlClient
  const { owner } = request
  // Two requests for two tips under one key do not wait for each other above; the second must not be lost in silence.
  const rows = yield* sql`
    INSERT INTO idempotency_keys (tenant_id, user_id, key, request_hash, response, used_at_ms)
    VALUES (${owner.tenantId}, ${owner.userId}, ${request.idempotencyKey}, ${requestHash(request)},
      ${JSON.stringify(answer)}::text::jsonb, ${request.nowMs})
    ON CONFLICT DO NOTHING RETURNING key`
  if (rows.length === 0) return yield* new IdempotencyKeyReused()
})

/** What makes a repeated request the same request; the time of it does not. */
const requestHash = ({ decisionId, reaction, snoozeUntilMs }: ReactRequest): string =>
  createHash("sha256").update(JSON.stringify([decisionId, reaction, snoozeUntilMs])).digest("hex")
