/** Positions of lanes and streams, from the tables of the log. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { LanePositions } from "../streams/LanePositions.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  LanePositions,
  Effect.map(SqlClient.SqlClient, (sql) =>
    LanePositions.of({
      read: Effect.gen(function* () {
        const lanes = yield* sql<{ readonly durable: string; readonly lane: number; readonly cursor: number }>`
          SELECT durable, lane::int AS lane, cursor::float8 AS cursor FROM lanes WHERE cursor > 0`
        const streams = yield* sql<{ readonly stream: string; readonly until: number }>`
          SELECT stream, published_until::float8 AS until FROM streams`
        return {
          startAfter: (durable: string, lane: number) =>
            lanes.find((one) => one.durable === durable && one.lane === lane)?.cursor,
          publishedUntil: (stream: string) => streams.find((one) => one.stream === stream)?.until ?? 0,
        }
      }).pipe(Effect.withSpan("LanePositions.read"), orUnavailable("lanePositions.read")),
      advance: (settled) =>
        sql`
          UPDATE lanes SET cursor = greatest(cursor, settled."settledUntil")
          FROM jsonb_to_recordset(${JSON.stringify(settled)}::text::jsonb)
            AS settled (durable text, lane smallint, "settledUntil" bigint)
          WHERE lanes.durable = settled.durable AND lanes.lane = settled.lane`.pipe(
          orUnavailable("lanePositions.advance"),
          Effect.asVoid,
        ),
      alone: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        sql.withTransaction(Effect.andThen(turn(sql), Effect.exit(effect))).pipe(
          orUnavailable("lanePositions.alone"),
          Effect.flatten,
        ),
      knows: (eventId) =>
        sql`SELECT 1 FROM outbox WHERE event_id = ${eventId}`.pipe(
          Effect.map((rows) => rows.length > 0),
          orUnavailable("lanePositions.knows"),
        ),
    })),
)

/** Any constant of our own, that no other lock has. */
const lockKey = 7_190_003

/** What takes its turn is done in a second, or has a broker that does not answer and gives up after some. */
const waitMaxMs = 30_000

/** Longer than the session's own limit, as all of a turn is idle time to the database. */
const turnMaxMs = 60_000

/** Limits first: a statement has those it began with. */
const turn = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* sql`SELECT set_config('lock_timeout', ${`${waitMaxMs}ms`}, true),
    set_config('idle_in_transaction_session_timeout', ${`${turnMaxMs}ms`}, true)`
  yield* sql`SELECT pg_advisory_xact_lock(${lockKey})`
})
