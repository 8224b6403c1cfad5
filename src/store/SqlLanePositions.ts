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
      knows: (eventId) =>
        sql`SELECT 1 FROM outbox WHERE event_id = ${eventId}`.pipe(
          Effect.map((rows) => rows.length > 0),
          orUnavailable("lanePositions.knows"),
        ),
    })),
)
