/**
 * Decisions as rows. Serving and its event are one statement, so one round trip and one commit, shared with the
 * decisions for other users that come at the same time.
 */
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"
import { seal } from "../streams/envelope.ts"
import { Outbox } from "../streams/Outbox.ts"
import { Decisions, TipUnknown } from "../recommender/Decisions.ts"
import type { ChosenRow, PastDecision } from "../recommender/Decisions.ts"
import type { Owner } from "../../schemas/ids.ts"
import { decisionColumns, ownerOf, pastDecisionOf } from "./decisionRows.ts"
import type { DecisionRow } from "./decisionRows.ts"
import { makeGrouped } from "./grouped.ts"
import { insertDecisions } from "./insertDecisions.ts"
import type { DecisionAndEvent } from "./insertDecisions.ts"
import { LogSignals } from "./LogSignals.ts"
import { reactIn } from "./reactIn.ts"
import { makeSituations } from "./situation.ts"
import { currentTraceparent } from "./SqlOutbox.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = (options: { readonly partitions: number }) =>
  Layer.effect(
    Decisions,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const signals = yield* LogSignals
      const isInTransaction = Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)
      /** In a transaction a statement is its own; any other goes together with those of the same moment. */
      const together = <A, B>(run: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, SqlError.SqlError>) =>
        Effect.map(
          makeGrouped({ run, isRefusal: ({ reason }: SqlError.SqlError) => reason._tag !== "ConnectionError" }),
          (grouped) => (item: A) =>
            Effect.flatMap(
              isInTransaction,
              (alone) => alone ? Effect.map(run([item]), ([one]) => one!) : grouped(item),
            ),
        )
      const situationOf = yield* together(yield* makeSituations)
      const insert = yield* together((rows: ReadonlyArray<DecisionAndEvent>) =>
        insertDecisions(rows).pipe(
          Effect.andThen(sql.afterCommit(signals.appended.signal)),
          Effect.as(rows),
          Effect.provideService(SqlClient.SqlClient, sql),
        )
      )
      const context = yield* Effect.context<SqlClient.SqlClient | Outbox>()

      /** Its task was completed, deleted or disconnected since: there is nothing left to answer. */
      const isGone = Effect.fnUntraced(function* (owner: Owner, { tip }: PastDecision) {
        if (tip.kind === "advice") return false
        const rows = yield* sql`SELECT FROM candidates
          WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId} AND candidate_id = ${tip.meta.candidateId}`
        return rows.length === 0
      })

      return Decisions.of({
        situation: (owner, nowMs) => situationOf({ owner, nowMs }).pipe(orUnavailable("decisions.situation")),

        commit: Effect.fnUntraced(function* (decision, served) {
          const event = seal(served, options.partitions, yield* currentTraceparent)
          yield* insert({ decision, eventId: served.id, event })
        }, orUnavailable("decisions.commit")),

        react: (request, judge, eventOf) => reactIn(request, judge, eventOf).pipe(Effect.provideContext(context)),

        expire: (nowMs, limit, eventOf) =>
          sql.withTransaction(Effect.gen(function* () {
            const rows = yield* sql<DecisionRow>`
              UPDATE decisions SET state = CASE WHEN EXISTS (
                SELECT FROM decisions AS later
                WHERE later.tenant_id = decisions.tenant_id AND later.user_id = decisions.user_id
                  AND later.served_at_ms BETWEEN decisions.served_at_ms AND decisions.expires_at_ms
                  AND (later.served_at_ms, later.decision_id) > (decisions.served_at_ms, decisions.decision_id)
              ) THEN 'superseded' ELSE 'expired' END
              WHERE decision_id IN (
                SELECT decision_id FROM decisions WHERE state = 'open' AND expires_at_ms <= ${nowMs}
                ORDER BY expires_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
              )
              RETURNING ${sql.literal(decisionColumns)}`
            // Only the last tip shown was there to be answered all the time: its silence is an answer.
            const silent = rows.filter((row) => row.state === "expired")
            yield* outbox.append(silent.map((row) => eventOf(ownerOf(row), pastDecisionOf(row))))
            return rows.length
          })).pipe(orUnavailable("decisions.expire")),

        find: Effect.fnUntraced(function* (owner, id) {
          const [row] = yield* sql<DecisionRow>`
            SELECT ${sql.literal(decisionColumns)} FROM decisions
            WHERE decision_id = ${id} AND tenant_id = ${owner.tenantId} AND user_id = ${owner.userId}`
            .pipe(orUnavailable("decisions.find"))
          if (row === undefined) return yield* new TipUnknown({ tipId: id })
          return pastDecisionOf(row)
        }),

        history: Effect.fnUntraced(function* (owner, beforeMs, limit) {
          const rows = yield* sql<DecisionRow>`
            SELECT ${sql.literal(decisionColumns)} FROM decisions
            WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId} AND served_at_ms < ${beforeMs}
            ORDER BY served_at_ms DESC FETCH FIRST ${limit} ROWS WITH TIES`
          return rows.map(pastDecisionOf)
        }, orUnavailable("decisions.history")),

        openTip: Effect.fnUntraced(function* (owner, nowMs) {
          const [row] = yield* sql<DecisionRow>`
            SELECT ${sql.literal(decisionColumns)} FROM decisions
            WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId}
            ORDER BY served_at_ms DESC, decision_id DESC LIMIT 1`
          if (row === undefined || row.state !== "open" || row.expires_at_ms <= nowMs) return undefined
          const past = pastDecisionOf(row)
          return (yield* isGone(owner, past)) ? undefined : past
        }, orUnavailable("decisions.openTip")),

        chosenRows: Effect.fnUntraced(function* (decisionIds) {
          const rows = yield* sql<
            { readonly decision_id: string; readonly features: Array<number>; readonly feature_schema: string }
          >`
            SELECT decision_id, features, feature_schema
            FROM decisions JOIN jsonb_array_elements_text(${JSON.stringify(decisionIds)}::text::jsonb) AS wanted(id)
              ON decision_id = id::uuid`
          return new Map(rows.map((row): [string, ChosenRow] => [
            row.decision_id,
            { features: Float64Array.from(row.features), featureSchema: row.feature_schema },
          ]))
        }, orUnavailable("decisions.chosenRows")),
      })
    }),
  )
