import { expect, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import { SqlClient } from "effect/sql"
import { database } from "../../test/support/postgres.ts"
import * as PostgresClient from "./PostgresClient.ts"

it.live("a pool gets over connections that are lost inside transactions", () =>
  Effect.gen(function* () {
    const url = yield* database
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (let round = 0; round < 6; round++) {
        yield* Effect.exit(sql.withTransaction(Effect.gen(function* () {
          const [row] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
          yield* Effect.exit(sql`SELECT pg_terminate_backend(${row!.pid})`)
          yield* sql`SELECT 1`
        })))
      }
      const answers = yield* Effect.forEach([1, 2, 3, 4], () => sql.withTransaction(sql`SELECT 1 AS one`), {
        concurrency: 4,
      })
      expect(answers).toEqual([1, 2, 3, 4].map(() => [{ one: 1 }]))
    }).pipe(Effect.provide(PostgresClient.layer({ url, poolMax: 2, applicationName: "test" })))
  }), 25_000)

it.live(
  "who waits for a connection gets one, also when the one that was awaited is lost",
  () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const begun = yield* Latch.make()
        const losing = sql.withTransaction(Effect.gen(function* () {
          const [row] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
          yield* begun.open
          yield* sql`SELECT pg_sleep(0.2), pg_terminate_backend(${row!.pid})`
        }))
        // The server may say of the lost connection that it ends only to who has it next; that one asks again.
        const once = Effect.retry(sql.withTransaction(sql`SELECT 1 AS one`), { times: 2 })
        const waiting = Effect.andThen(begun.await, once)
        const [, ...answers] = yield* Effect.all([Effect.exit(losing), waiting, waiting], { concurrency: "unbounded" })
        expect(answers).toEqual([[{ one: 1 }], [{ one: 1 }]])
      }).pipe(Effect.provide(PostgresClient.layer({ url, poolMax: 1, applicationName: "test" })))
    }),
  25_000,
)
