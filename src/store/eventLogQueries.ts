/** The queries over the log that more than one operation of `SqlEventLog` uses, or that only report. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { ConsumerInfo, StoredEvent, StreamInfo } from "../streams/EventLog.ts"
import type { StreamName } from "../streams/names.ts"

interface MessageRow {
  readonly sequence: number
  readonly partition: number
  readonly subject: string
  readonly headers: Record<string, string>
  readonly payload: Uint8Array
}

export const messagesAfter = Effect.fnUntraced(function* (
  stream: StreamName,
  partition: number | undefined,
  afterSequence: number,
  limit: number,
) {
  const sql = yield* SqlClient.SqlClient
  const rows = partition === undefined
    ? yield* sql<MessageRow>`
      SELECT sequence, partition, subject, headers, payload FROM outbox
      WHERE stream = ${stream} AND sequence > ${afterSequence} ORDER BY sequence LIMIT ${limit}`
    : yield* sql<MessageRow>`
      SELECT sequence, partition, subject, headers, payload FROM outbox
      WHERE stream = ${stream} AND partition = ${partition} AND sequence > ${afterSequence}
      ORDER BY sequence LIMIT ${limit}`
  return rows.map((row): StoredEvent => ({ stream, ...row }))
})

export const streamInfo = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<StreamInfo>`
    SELECT stream, last_sequence AS "lastSequence", created_at_ms AS "createdAtMs", first AS "firstSequence",
      CASE WHEN last_sequence < first THEN 0 ELSE last_sequence - first + 1 END AS messages
    FROM streams CROSS JOIN LATERAL (
      SELECT coalesce(min(sequence), last_sequence + 1) AS first FROM outbox WHERE outbox.stream = streams.stream
    ) AS oldest
    ORDER BY stream`
})

export const consumerInfo = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<ConsumerInfo>`
    SELECT durable, stream, sum(behind)::bigint AS lag, sum(in_flight)::bigint AS "inFlight",
      count(*) FILTER (WHERE head_attempts > 1 AND pulled_until > cursor)::int AS retrying
    FROM (
      SELECT lanes.durable, lanes.stream, lanes.head_attempts, lanes.pulled_until, lanes.cursor,
        count(outbox.position) AS behind,
        count(outbox.sequence) FILTER (WHERE outbox.sequence <= lanes.pulled_until) AS in_flight
      FROM lanes LEFT JOIN outbox
        -- what has no number yet is behind too
        ON outbox.stream = lanes.stream AND (outbox.sequence > lanes.cursor OR outbox.sequence IS NULL)
        AND (lanes.whole_stream OR outbox.partition = lanes.lane)
      GROUP BY lanes.durable, lanes.lane
    ) AS lane
    GROUP BY durable, stream ORDER BY durable`
})

export const sequenceAt = Effect.fnUntraced(function* (stream: StreamName, atMs: number) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly sequence: number }>`
    SELECT coalesce(
      (SELECT min(sequence) FROM outbox WHERE stream = ${stream} AND appended_at_ms >= ${atMs}),
      (SELECT last_sequence + 1 FROM streams WHERE stream = ${stream})) AS sequence`
  return row?.sequence ?? 1
})
