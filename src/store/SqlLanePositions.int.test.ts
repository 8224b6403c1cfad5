import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
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
    let inside = 0
    const turn = Effect.gen(function* () {
      inside++
      yield* Effect.yieldNow
      yield* SqlClient.SqlClient.pipe(Effect.flatMap((sql) => sql`SELECT 1`))
      expect(inside--).toBe(1)
      return yield* Effect.fail("no" as const)
    })
    const said = yield* Effect.forEach([1, 2, 3, 4], () => Effect.flip(alone(turn)), { concurrency: 4 })
    expect(said).toEqual(["no", "no", "no", "no"])
  }).pipe(Effect.provide(SqlLanePositions.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))))
