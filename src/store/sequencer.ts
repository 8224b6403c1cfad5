/**
 * Gives committed events their sequence numbers: dense, per stream, in commit order.
 *
 * Only rows behind the oldest transaction still running are numbered (`pg_snapshot_xmin`): a transaction that began
 * earlier and commits later can then never slip in before a number already given. An advisory lock keeps two
 * processes from numbering at once. The numbers need no flush of their own: after a power loss they are given again,
 * the same, because the order is decided by columns that were flushed with the event.
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

/** Numbers one batch. `waiting` says there are events it could not number yet. */
export const sequenceOnce = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql.withTransaction(Effect.gen(function* () {
    yield* sql`SELECT pg_advisory_xact_lock(${lockKey}), set_config('synchronous_commit', 'off', true)`
    return yield* sql<Sequenced>`
      WITH fresh AS (
        SELECT position, stream, row_number() OVER (PARTITION BY stream ORDER BY transaction_id, position) AS n
        FROM (
          SELECT position, stream, transaction_id FROM outbox
          WHERE sequence IS NULL AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
          ORDER BY transaction_id, position
          LIMIT ${batchMax}
        ) AS oldest
      ), heads AS (
        UPDATE streams SET last_sequence = last_sequence + added.n
        FROM (SELECT stream, max(n) AS n FROM fresh GROUP BY stream) AS added
        WHERE streams.stream = added.stream
        RETURNING streams.stream, last_sequence - added.n AS base
      )
      UPDATE outbox SET sequence = heads.base + fresh.n
      FROM fresh JOIN heads USING (stream)
      WHERE outbox.position = fresh.position
      RETURNING outbox.stream, outbox.partition`
  }))
  const [left] = yield* sql<{ readonly waiting: boolean }>`
    SELECT EXISTS (SELECT FROM outbox WHERE sequence IS NULL) AS waiting`
  return { sequenced: rows, waiting: left?.waiting === true }
})
