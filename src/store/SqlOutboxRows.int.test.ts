import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { eventually } from "../streams/EventLog.contract.ts"
import { OutboxRows } from "../streams/OutboxRows.ts"
import * as SqlOutboxRows from "./SqlOutboxRows.ts"

const database = SqlOutboxRows.layer({ partitions: 4, holder: "one" }).pipe(Layer.provideMerge(MigratedDatabase.layer))

const append = (id: string, bytes: number) =>
  SqlClient.SqlClient.use((sql) =>
    sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
      VALUES (${id}, 'SIGNALS', 0, 's', '{}', ${new Uint8Array(bytes)}, 0)`
  )
const waiting = (rows: number, bytes: number) =>
  OutboxRows.use((outbox) => outbox.waiting("SIGNALS", { rows, bytes })).pipe(
    Effect.map(({ rows, isHeldBack }) => ({ ids: rows.map(({ eventId }) => eventId), isHeldBack })),
  )

layer(database, { excludeTestServices: true })("the outbox as the relay reads it", (it) => {
  it.effect("a read is bounded by rows and by bytes, and has at least one row when one waits", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`TRUNCATE outbox`
      expect(yield* waiting(10, 10)).toEqual({ ids: [], isHeldBack: false })
      for (const [id, bytes] of [["a", 500], ["b", 10], ["c", 400], ["d", 10]] as const) yield* append(id, bytes)
      // The oldest transaction of the whole server holds rows back, so a neighbour's test can too.
      yield* eventually(waiting(10, 10_000), ({ ids }) => ids.length === 4)
      expect(yield* waiting(10, 100)).toEqual({ ids: ["a"], isHeldBack: false })
      expect(yield* waiting(10, 510)).toMatchObject({ ids: ["a", "b"] })
      expect(yield* waiting(3, 10_000)).toMatchObject({ ids: ["a", "b", "c"] })
      expect(yield* waiting(10, 10_000)).toMatchObject({ ids: ["a", "b", "c", "d"] })
    }))

  it.effect("what a running transaction holds back is said to be there, and is not given", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`TRUNCATE outbox`
      const [begun, mayEnd] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const older = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
        yield* sql`SELECT pg_current_xact_id()`
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(mayEnd)
      })))
      yield* Deferred.await(begun)
      yield* append("e", 1)
      expect(yield* waiting(10, 10)).toEqual({ ids: [], isHeldBack: true })
      yield* Deferred.succeed(mayEnd, undefined)
      yield* Fiber.join(older)
    }))
})

layer(database, { excludeTestServices: true })("the outbox when the planner's counts are old", (it) => {
  const rows = 20_000

  /** What this connection has read of the table and through any index, and not told the statistics yet. */
  const readSoFar = SqlClient.SqlClient.use((sql) =>
    Effect.map(
      sql<{ readonly rows: number }>`
        SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
        FROM pg_stat_xact_user_tables WHERE relname = 'outbox'`,
      ([read]) => read!.rows,
    )
  )
  const readBy = <A, E, R>(plan: string, look: Effect.Effect<A, E, R>) =>
    SqlClient.SqlClient.use((sql) =>
      sql.withTransaction(Effect.gen(function* () {
        yield* sql`SET LOCAL plan_cache_mode = ${sql.literal(plan)}`
        const before = yield* readSoFar
        yield* look
        return (yield* readSoFar) - before
      }))
    )
  /** However the planner comes to its plan: for the values given, or for any. */
  const rowsRead = <A, E, R>(look: Effect.Effect<A, E, R>) =>
    Effect.map(
      Effect.all([readBy("force_generic_plan", look), readBy("force_custom_plan", look)]),
      (read) => Math.max(...read),
    )

  it.effect("a look reads what waits of its stream, not what waits of others, nor what is published", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* OutboxRows
      const idle = outbox.waiting("FEEDBACK", { rows: 10, bytes: 10_000 })
      const piledUp = outbox.waiting("SIGNALS", { rows: 10, bytes: 10_000 })
      yield* sql`TRUNCATE outbox`
      yield* sql`
        INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
        SELECT 'n' || n, 'SIGNALS', 0, 's', '{}', '\\x00', 0 FROM generate_series(1, ${rows}::int) AS n`
      yield* sql`ANALYZE outbox`
      yield* eventually(piledUp, ({ rows }) => rows.length > 0)
      expect(yield* rowsRead(idle)).toBeLessThan(10)
      expect(yield* rowsRead(piledUp)).toBeLessThan(100)
      yield* sql`
        UPDATE outbox SET sequence = numbered.n, published_at_ms = 0
        FROM (SELECT position, row_number() OVER (ORDER BY position) AS n FROM outbox) AS numbered
        WHERE outbox.position = numbered.position`
      yield* sql`
        UPDATE streams SET published_until = ${rows}, last_sequence = ${rows} WHERE stream = 'SIGNALS'`
      // As it is until the next ANALYZE: by its counts everything still waits.
      expect(yield* rowsRead(idle)).toBeLessThan(10)
      expect(yield* rowsRead(piledUp)).toBeLessThan(10)
      expect(yield* rowsRead(outbox.backlog)).toBeLessThan(10)
      expect(yield* outbox.backlog).toEqual({ rows: 0, oldestAtMs: null })
    }))
})
