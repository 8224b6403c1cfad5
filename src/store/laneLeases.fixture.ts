/** Holders over one database, whose time passes by hand: what is stored until some time ends that much sooner. */
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { LaneLeases } from "../streams/LaneLeases.ts"
import type { LaneName } from "../streams/LaneLeases.ts"
import * as SqlLaneLeases from "./SqlLaneLeases.ts"

/** Far longer than a test takes, so that time passes only by hand. */
export const leaseMs = 1_000_000

export const holder = (name: string) =>
  Effect.map(
    Layer.build(Layer.fresh(SqlLaneLeases.layer({ holder: name, leaseMs, ackWaitMs: 5_000, renewMs: 1_000 }))),
    (context) => Context.get(context, LaneLeases),
  )

export const passTime = Effect.fnUntraced(function* (ms: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE lanes SET held_until_ms = held_until_ms - ${ms}`
  yield* sql`UPDATE replicas SET alive_until_ms = alive_until_ms - ${ms}`
})

export const prepareStream = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES ('SIGNALS', 8, 0) ON CONFLICT DO NOTHING`
})

export const lanesNamed = (durable: string, count: number): ReadonlyArray<LaneName> =>
  Array.from({ length: count }, (_, lane) => ({ durable, stream: "SIGNALS", lane, isWhole: false }))
