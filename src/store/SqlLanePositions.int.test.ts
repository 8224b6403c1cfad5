import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { LanePositions } from "../streams/LanePositions.ts"
import * as SqlLanePositions from "./SqlLanePositions.ts"

it.live("lane positions - a lane begins behind what it settled, and one that never did at the beginning", () =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`INSERT INTO streams (stream, partitions, created_at_ms, published_until) VALUES ('SIGNALS', 2, 0, 9)`
    yield* sql`
      INSERT INTO lanes (durable, lane, stream, whole_stream, cursor)
      VALUES ('parts', 0, 'SIGNALS', false, 7), ('parts', 1, 'SIGNALS', false, 0)`
    const positions = yield* Effect.flatMap(LanePositions, ({ read }) => read)
    expect([0, 1, 2].map((lane) => positions.startAfter("parts", lane))).toEqual([7, undefined, undefined])
    expect(["SIGNALS", "FEEDBACK", "NONE"].map(positions.publishedUntil)).toEqual([9, 0, 0])
  }).pipe(Effect.provide(SqlLanePositions.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))))

it.live("lane positions - what is settled is noted, never goes back, and is no lane's that nobody held", () =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES ('SIGNALS', 2, 0)`
    yield* sql`
      INSERT INTO lanes (durable, lane, stream, whole_stream, cursor)
      VALUES ('parts', 0, 'SIGNALS', false, 7), ('parts', 1, 'SIGNALS', false, 7)`
    const { advance, read } = yield* LanePositions
    const at = (lane: number, settledUntil: number) => ({ durable: "parts", lane, settledUntil })
    yield* advance([at(0, 9), at(1, 5), at(2, 9)])
    yield* advance([])
    const { startAfter } = yield* read
    expect([0, 1, 2].map((lane) => startAfter("parts", lane))).toEqual([9, 7, undefined])
  }).pipe(Effect.provide(SqlLanePositions.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))))

it.live("lane positions - an event of the outbox is known", () =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES ('SIGNALS', 2, 0)`
    yield* sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
      VALUES ('a', 'SIGNALS', 0, 's', '{}', '', 0)`
    const { knows } = yield* LanePositions
    expect([yield* knows("a"), yield* knows("b")]).toEqual([true, false])
  }).pipe(Effect.provide(SqlLanePositions.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))))

it.live("lane positions - turns do not overlap, and one that fails says why and ends its turn", () =>
  Effect.gen(function* () {
    const { alone } = yield* LanePositions
    const sql = yield* SqlClient.SqlClient
    const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const first = yield* Effect.forkChild(
      alone(
        Deferred.succeed(begun, undefined).pipe(Effect.andThen(Deferred.await(go)), Effect.andThen(Effect.fail("no"))),
      ),
    )
    yield* Deferred.await(begun)
    const second = yield* Effect.forkChild(alone(Deferred.isDone(go)))
    yield* sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
      .pipe(Effect.repeat({ until: (rows) => rows.length === 1 }), Effect.timeout(5_000))
    yield* Deferred.succeed(go, undefined)
    expect(yield* Effect.flip(Fiber.join(first))).toBe("no")
    expect(yield* Fiber.join(second)).toBe(true)
  }).pipe(Effect.provide(SqlLanePositions.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))))
