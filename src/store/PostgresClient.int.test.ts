import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { database } from "../../test/support/postgres.ts"
import { eventually } from "../streams/EventLog.contract.ts"
import * as PostgresClient from "./PostgresClient.ts"

const aProcess = <A, E>(url: Effect.Success<typeof database>, effect: Effect.Effect<A, E, SqlClient.SqlClient>) =>
  Effect.provide(effect, PostgresClient.layer({ url, poolMax: 2, applicationName: "tipstream test" }), { local: true })

const idle = (ms: number) => (sql: SqlClient.SqlClient) =>
  sql`SET LOCAL idle_in_transaction_session_timeout = ${sql.literal(String(ms))}`

describe("the client of Postgres", () => {
  it.live("a process that falls silent inside a transaction is cut off, and its rows are free again", () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* aProcess(
        url,
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const [set] = yield* sql`SHOW idle_in_transaction_session_timeout`
          expect(set).toEqual({ idle_in_transaction_session_timeout: "15s" })
          yield* sql`CREATE TABLE held AS SELECT 1 AS id`
          // The same with less patience, so that nobody waits for it here.
          const silent = Effect.gen(function* () {
            yield* idle(50)(sql)
            yield* sql`SELECT FROM held FOR UPDATE`
            return yield* Effect.never
          })
          const fiber = yield* Effect.forkChild(sql.withTransaction(silent))
          const free = aProcess(
            url,
            SqlClient.SqlClient.use((other) => other`SELECT id FROM held FOR UPDATE SKIP LOCKED`),
          )
          yield* eventually(sql`SELECT FROM pg_locks WHERE mode = 'RowShareLock'`, (rows) => rows.length > 0)
          yield* eventually(free, (rows) => rows.length === 1)
          yield* Fiber.interrupt(fiber)
        }),
      )
    }))

  it.live("what follows the loss of a transaction's connection is not committed by itself", () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* aProcess(
        url,
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE written (id int)`
          const exit = yield* Effect.exit(sql.withTransaction(Effect.gen(function* () {
            const [own] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
            yield* sql`INSERT INTO written VALUES (1)`
            const [gone] = yield* aProcess(
              url,
              SqlClient.SqlClient.use((other) => other`SELECT pg_terminate_backend(${own!.pid}, 5000) AS gone`),
            )
            expect(gone).toEqual({ gone: true })
            // Others of this process open the connection again.
            yield* Effect.forEach(
              [1, 2, 3, 4],
              () =>
                Effect.flatMap(sql.reserve, (other) => other.execute("SELECT 1", [], undefined)).pipe(Effect.scoped),
              { concurrency: 4 },
            )
            yield* sql`INSERT INTO written VALUES (2)`
          })))
          expect(exit._tag).toBe("Failure")
          expect(yield* sql`SELECT id FROM written`).toEqual([])
        }),
      )
    }))
})
