/**
 * Gives committed events their sequence numbers: dense, per stream, in commit order.
 *
 * Only rows behind the oldest transaction still running are numbered (`pg_snapshot_xmin`): a transaction that began
 * earlier and commits later can then never slip in before a number already given. An advisory lock keeps two
 * processes from numbering at once; the one that waited looks at rows as they were before it waited, so it takes a
 * stream only as far as that stream's head has not moved since. The numbers need no flush of their own: after a power
 * loss they are given again, the same, because the order is decided by columns that were flushed with the event.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { StreamName } from "../streams/names.ts"

/** Events numbered in one transaction: some milliseconds of work, so that lanes hear of the first soon. */
const batchMax = 1_000

/** Any constant of our own. */
const lockKey = 7_190_001

export interface Sequenced {
  readonly stream: StreamName
  readonly partition: number
}

/** Numbers one batch, in one statement: on a busy log it runs all the time. */
const numberBatch = (sql: SqlClient.SqlClient) =>
  sql<Sequenced>`
    WITH turn AS MATERIALIZED (
      SELECT pg_advisory_xact_lock(${lockKey}), set_config('synchronous_commit', 'off', true)
    ), fresh AS (
      SELECT position, stream, row_number() OVER (PARTITION BY stream ORDER BY transaction_id, position) AS n
      FROM (
        SELECT position, stream, transaction_id FROM outbox
        WHERE sequence IS NULL AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY transaction_id, position
        LIMIT ${batchMax}
      ) AS oldest
    ), heads AS (
      UPDATE streams SET last_sequence = streams.last_sequence + added.n
      FROM turn CROSS JOIN (
        SELECT stream, max(n) AS n, seen.last_sequence AS base
        FROM fresh JOIN streams AS seen USING (stream) GROUP BY stream, seen.last_sequence
      ) AS added
      -- Numbers are the broker's to give where one carries the log, also while a replica of before still runs.
      WHERE streams.stream = added.stream AND streams.last_sequence = added.base AND streams.carried_by = 'embedded'
      RETURNING streams.stream, added.base
    )
    UPDATE outbox SET sequence = heads.base + fresh.n
    FROM fresh JOIN heads USING (stream)
    WHERE outbox.position = fresh.position
    RETURNING outbox.stream, outbox.partition`

/** Numbers one batch. `waiting` says that there are events, but none it could number yet. */
export const sequenceOnce = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const sequenced = yield* numberBatch(sql)
  if (sequenced.length > 0) return { sequenced, waiting: false }
  // Ordered, and not EXISTS, of which the planner drops the order: with counts of before many were numbered, it would
  // look for the first of none through the whole table.
  const [left] = yield* sql<{ readonly waiting: boolean }>`
    SELECT (SELECT true FROM outbox WHERE sequence IS NULL ORDER BY transaction_id, position LIMIT 1)
      IS NOT NULL AS waiting`
  return { sequenced, waiting: left?.waiting === true }
})
