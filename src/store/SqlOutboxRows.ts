/**
 * The outbox for the relay. Marks do not wait for the disk: one that is lost is found again by looking at the broker.
 *
 * Every change of many rows locks the stream's row first, so two relays take turns and never wait for each other in a
 * circle.
 */
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { StreamName } from "../streams/names.ts"
import { OutboxRows } from "../streams/OutboxRows.ts"
import type { Acknowledged, OutboxRow, StreamMark } from "../streams/OutboxRows.ts"
import { prepareStreams } from "./installation.ts"
import { reconciling } from "./outboxReconciling.ts"
import { orUnavailable } from "./unavailable.ts"

/** A relay that dies is missed for so long at most; one that lives renews five times in that time. */
const leaseMs = 5_000

export interface SqlOutboxRowsOptions {
  readonly partitions: number
  /** Names this process among all that share the database. */
  readonly holder: string
}

export const layer = ({ partitions, holder }: SqlOutboxRowsOptions) =>
  Layer.effect(
    OutboxRows,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* prepareStreams(partitions, "jetstream")

      return OutboxRows.of({
        carriedByBroker: sql`UPDATE streams SET carried_by = 'jetstream' WHERE carried_by <> 'jetstream'`.pipe(
          orUnavailable("outbox.carriedByBroker"),
          Effect.asVoid,
        ),
        lead: sql`
          UPDATE relay_lease SET holder = ${holder}, held_until = clock_timestamp() + ${`${leaseMs} ms`}::interval
          WHERE holder IS NULL OR holder = ${holder} OR held_until < clock_timestamp() RETURNING holder`.pipe(
          Effect.map((rows) => rows.length > 0),
          orUnavailable("outbox.lead"),
        ),
        resign: sql`UPDATE relay_lease SET holder = NULL WHERE holder = ${holder}`.pipe(
          orUnavailable("outbox.resign"),
          Effect.asVoid,
        ),
        ...reading(sql),
        ...reconciling(sql),
        discard: (position) =>
          sql`DELETE FROM outbox WHERE position = ${position}`.pipe(orUnavailable("outbox.discard"), Effect.asVoid),
      })
    }),
  )

/**
 * Of rows without a number, through the one index that holds them by stream, whatever the planner believes. Its counts
 * are of before the last pile-up or the last time it was worked off: with `stream = …` it reads the whole table, or the
 * rows of all streams, as soon as they are wrong. Only that index has the order that goes with a range of streams.
 * Nor is it asked by EXISTS, of which the planner drops the order.
 */
const unnumbered = (sql: SqlClient.SqlClient, stream: StreamName | Fragment) => ({
  condition: sql`stream >= ${stream} AND stream <= ${stream} AND sequence IS NULL`,
  order: sql.literal("ORDER BY stream, transaction_id, position"),
})

const reading = (sql: SqlClient.SqlClient) => ({
  mark: Effect.fn("OutboxRows.mark")(function* (stream: StreamName) {
    const [mark] = yield* sql<StreamMark>`
      SELECT stream, published_until AS "publishedUntil", last_sequence AS "lastSequence"
      FROM streams WHERE stream = ${stream}`
    return mark ?? (yield* new StoreUnavailable({ operation: "outbox.mark", cause: `no stream ${stream}` }))
  }, orUnavailable("outbox.mark")),

  waiting: Effect.fnUntraced(
    function* (stream: StreamName, bounds: { readonly rows: number; readonly bytes: number }) {
      const { condition, order } = unnumbered(sql, stream)
      // One statement, and a row in any case: where nothing waits, it runs ten times a second for each stream.
      const found = yield* sql<WaitingRow | { readonly position: null; readonly isHeldBack: boolean }>`
        SELECT unnumbered."isHeldBack", waiting.* FROM (
          SELECT (SELECT true FROM outbox WHERE ${condition} ${order} LIMIT 1) IS NOT NULL AS "isHeldBack"
        ) AS unnumbered LEFT JOIN (
          SELECT *, sum(octet_length(payload)) OVER (ORDER BY sequence, transaction_id, position) AS bytes FROM (
            (SELECT position, event_id AS "eventId", sequence, partition, subject, headers, payload, transaction_id
            FROM outbox
            WHERE stream = ${stream} AND sequence > (SELECT published_until FROM streams WHERE stream = ${stream})
            ORDER BY sequence LIMIT ${bounds.rows})
            UNION ALL
            (SELECT position, event_id, sequence, partition, subject, headers, payload, transaction_id
            FROM outbox
            WHERE ${condition} AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
            ${order} LIMIT ${bounds.rows})
          ) AS oldest
        ) AS waiting ON bytes <= greatest(${bounds.bytes}, octet_length(payload)::bigint)
        ORDER BY sequence, transaction_id, position LIMIT ${bounds.rows}`
      const rows = found.flatMap((row) => row.position === null ? [] : [outboxRow(stream, row)])
      return { rows, isHeldBack: rows.length === 0 && found[0]?.isHeldBack === true }
    },
    orUnavailable("outbox.waiting"),
  ),

  published: Effect.fnUntraced(
    function* (stream: StreamName, acknowledged: ReadonlyArray<Acknowledged>, until: number) {
      const nowMs = yield* Clock.currentTimeMillis
      yield* sql`
        WITH head AS (
          UPDATE streams SET published_until = greatest(published_until, ${until}),
            last_sequence = greatest(last_sequence, ${until})
          WHERE stream = ${stream} RETURNING set_config('synchronous_commit', 'off', true)
        )
        UPDATE outbox SET sequence = acknowledged.sequence, published_at_ms = ${nowMs}
        FROM head CROSS JOIN unnest(${listOf(acknowledged.map(({ position }) => position))}::text::bigint[],
          ${listOf(acknowledged.map(({ sequence }) => sequence))}::text::bigint[]) AS acknowledged (position, sequence)
        WHERE outbox.position = acknowledged.position AND stream = ${stream}`
    },
    orUnavailable("outbox.published"),
  ),

  backlog: Effect.suspend(() => {
    const { condition, order } = unnumbered(sql, sql.literal("streams.stream"))
    return sql<{ readonly rows: number; readonly oldestAtMs: number | null }>`
      SELECT coalesce(sum(n), 0)::bigint AS rows, min(oldest) AS "oldestAtMs" FROM streams CROSS JOIN LATERAL (
        SELECT count(*) AS n,
          (SELECT appended_at_ms FROM outbox WHERE stream = streams.stream AND sequence > published_until
            ORDER BY sequence LIMIT 1) AS oldest
        -- No number is higher, but a planner that has not seen numbers takes an open end for a third of the table.
        FROM outbox WHERE stream = streams.stream AND sequence > published_until AND sequence <= last_sequence
        UNION ALL
        SELECT count(*), (SELECT appended_at_ms FROM outbox WHERE ${condition} ${order} LIMIT 1)
        FROM (SELECT FROM outbox WHERE ${condition} ${order} OFFSET 0) AS unnumbered
      ) AS waiting`
  }).pipe(
    Effect.map(([found]) => found ?? { rows: 0, oldestAtMs: null }),
    orUnavailable("outbox.backlog"),
  ),
})

interface WaitingRow extends Omit<OutboxRow, "stream" | "sequence"> {
  readonly sequence: number | null
  readonly isHeldBack: boolean
}

const outboxRow = (
  stream: StreamName,
  { position, eventId, sequence, partition, subject, headers, payload }: WaitingRow,
): OutboxRow => ({ position, eventId, sequence: sequence ?? undefined, stream, partition, subject, headers, payload })

/** An array as Postgres reads it. */
const listOf = (values: ReadonlyArray<number>): string => `{${values.join(",")}}`
