import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { database } from "../../test/support/postgres.ts"
import { migrate } from "./migrate.ts"
import * as PostgresClient from "./PostgresClient.ts"

const all = [
  "event_log",
  "users_and_tips",
  "reactions_of_decisions",
  "jetstream",
  "relay",
  "sync_at_scale",
  "due_apart",
  "vault_witness",
]

/** As another process would: with a pool of its own. */
const aProcess = <A, E>(url: Effect.Success<typeof database>, effect: Effect.Effect<A, E, SqlClient.SqlClient>) =>
  Effect.provide(effect, PostgresClient.layer({ url, poolMax: 2, applicationName: "tipstream test" }), { local: true })

const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly name: string }>`
    SELECT table_name || '.' || column_name || ' ' || data_type AS name FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY name`
  return rows.map(({ name }) => name)
})

describe("migrating", () => {
  it.live("an empty database runs every migration, and a second start none", () =>
    Effect.gen(function* () {
      const url = yield* database
      expect(yield* aProcess(url, migrate)).toEqual(all)
      const made = yield* aProcess(url, tables)
      expect(made).toContain("outbox.sequence bigint")
      expect(yield* aProcess(url, migrate)).toEqual([])
      expect(yield* aProcess(url, tables)).toEqual(made)
    }))

  it.live("from many processes at once runs each migration once, and none of them fails", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 3; round++) {
        const url = yield* database
        const done = yield* Effect.all(Array.from({ length: 6 }, () => aProcess(url, migrate)), {
          concurrency: "unbounded",
        })
        expect(done.flat().toSorted()).toEqual(all.toSorted())
        const applied = yield* aProcess(
          url,
          SqlClient.SqlClient.use((sql) => sql`SELECT name FROM migrations ORDER BY migration_id`),
        )
        expect(applied.map((row) => row["name"])).toEqual(all)
      }
    }))

  it.live("that fails half way leaves nothing of itself, and the next start does it", () =>
    Effect.gen(function* () {
      const url = yield* database
      // A table of the second migration is in the way.
      yield* aProcess(url, SqlClient.SqlClient.use((sql) => sql`CREATE TABLE candidates (mine int)`))
      yield* Effect.flip(Effect.sandbox(aProcess(url, migrate)))
      expect((yield* aProcess(url, tables)).filter((name) => /^(outbox|users|tasks)\./.test(name))).toEqual([])
      yield* aProcess(url, SqlClient.SqlClient.use((sql) => sql`DROP TABLE candidates`))
      expect(yield* aProcess(url, migrate)).toEqual(all)
    }))
})
