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
