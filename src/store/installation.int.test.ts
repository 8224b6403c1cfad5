import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { OutboxRows } from "../streams/OutboxRows.ts"
import * as LogSignals from "./LogSignals.ts"
import { eventually } from "../streams/EventLog.contract.ts"
import { sequenceOnce } from "./sequencer.ts"
import * as SqlEventLog from "./SqlEventLog.ts"
import * as SqlOutboxRows from "./SqlOutboxRows.ts"

const embedded = Layer.build(
  Layer.fresh(SqlEventLog.layer({ partitions: 4, holder: "one" }).pipe(Layer.provide(LogSignals.layer))),
)
const onBroker = (partitions = 4) =>
  Effect.scoped(Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(SqlOutboxRows.layer({ partitions, holder: "one" })))
    yield* OutboxRows.use((outbox) => outbox.carriedByBroker).pipe(Effect.provide(context))
  }))
const insert = SqlClient.SqlClient.use((sql) =>
  sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
    VALUES (gen_random_uuid(), 'SIGNALS', 0, 's', '{}', '', 0)`
)

const onEmpty = <A, E>(test: Effect.Effect<A, E, SqlClient.SqlClient>) =>
  Effect.provide(test, Layer.fresh(MigratedDatabase.layer))

describe("what an installation's log stands on", () => {
  it.live("a log that a broker has events of does not start without it, and says how", () =>
    onEmpty(Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* onBroker()
      yield* sql`UPDATE streams SET published_until = 7 WHERE stream = 'SIGNALS'`
      const problem = yield* Effect.flip(Effect.scoped(embedded))
      expect(problem).toMatchObject({ _tag: "LogIsOnBroker", message: expect.stringContaining("set NATS_URL") })
    })))

  it.live("a broker that never got an event may be left again", () =>
    onEmpty(Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* onBroker()
      yield* Effect.scoped(embedded)
      expect(yield* sql`SELECT DISTINCT carried_by FROM streams`).toEqual([{ carried_by: "embedded" }])
    })))

  it.live("numbers are given here only while no broker gives them", () =>
    onEmpty(Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* onBroker()
      yield* insert
      expect((yield* sequenceOnce).sequenced).toEqual([])
      yield* sql`UPDATE streams SET carried_by = 'embedded'`
      // The oldest running transaction of the whole server holds numbers back, so a neighbour's test can too: wait.
      yield* eventually(sequenceOnce, ({ sequenced }) => sequenced.length === 1)
    })))

  it.live("another number of partitions is refused on a broker too", () =>
    onEmpty(Effect.gen(function* () {
      yield* onBroker()
      expect(yield* Effect.flip(onBroker(5))).toMatchObject({ _tag: "PartitionsChanged" })
    })))
})
