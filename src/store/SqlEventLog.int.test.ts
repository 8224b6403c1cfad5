import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { contractPartitions, eventually, suite } from "../streams/EventLog.contract.ts"
import { EventLog } from "../streams/EventLog.ts"
import type { ConsumerContract } from "../streams/EventLog.ts"
import { Outbox } from "../streams/Outbox.ts"
import * as LogSignals from "./LogSignals.ts"
import { sequenceOnce } from "./sequencer.ts"
import * as SqlDeadLetters from "./SqlDeadLetters.ts"
import * as SqlEventLog from "./SqlEventLog.ts"
import * as SqlInbox from "./SqlInbox.ts"
import * as SqlOutbox from "./SqlOutbox.ts"
import { orUnavailable } from "./unavailable.ts"

const partitions = contractPartitions
const logOf = (holder: string, count = partitions) => SqlEventLog.layer({ partitions: count, holder })
const layerOf = (holder: string) =>
  Layer.mergeAll(logOf(holder), SqlDeadLetters.layer, SqlInbox.layer, SqlOutbox.layer({ partitions })).pipe(
    Layer.provide(LogSignals.layer),
    Layer.provideMerge(MigratedDatabase.layer),
  )

suite("sql", () => layerOf("one"))

const event = (id: string) =>
  accountOpened(
    { id, atMs: 0, correlationId: "c", tenantId: defaultTenant, userId: UserId.make("u") },
    { issuer: "test" },
  )
const consumer: ConsumerContract = { durable: "test", stream: "ACCOUNTS", ordering: "stream", batchMax: 10 }

/** The oldest running transaction of the whole server holds numbers back, so a neighbour's test can too: wait. */
const numbered = (count: number) =>
  Effect.flatMap(EventLog, (log) => eventually(log.read("ACCOUNTS", 0, 10), (events) => events.length >= count))

describe("sql event log", () => {
  it.live(
    "an append that is rolled back is never seen",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        yield* sql.withTransaction(Effect.andThen(outbox.append([event("lost")]), Effect.fail("no"))).pipe(Effect.flip)
        yield* outbox.append([event("kept")])
        const events = yield* numbered(1)
        expect(events.map((one) => one.headers["Nats-Msg-Id"])).toEqual(["kept"])
      }).pipe(Effect.provide(layerOf("one"))),
  )

  it.live(
    "nothing is numbered past a transaction that appended earlier and commits later",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const log = yield* EventLog
        const started = yield* Deferred.make<void>()
        const finish = yield* Deferred.make<void>()
        const slow = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
          yield* outbox.append([event("slow")])
          yield* Deferred.succeed(started, undefined)
          yield* Deferred.await(finish)
        })))
        yield* Deferred.await(started)
        yield* outbox.append([event("quick")])
        expect((yield* sequenceOnce).sequenced).toEqual([])
        expect(yield* log.read("ACCOUNTS", 0, 10)).toEqual([])
        yield* Deferred.succeed(finish, undefined)
        yield* Fiber.join(slow)
        const events = yield* numbered(2)
        expect(events.map((one) => [one.sequence, one.headers["Nats-Msg-Id"]])).toEqual([[1, "slow"], [2, "quick"]])
      }).pipe(Effect.provide(layerOf("one"))),
  )

  it.live(
    "a lane belongs to one process until it is released, and then hands over what was in flight",
    () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const one = yield* EventLog
        yield* outbox.append([event("a")])
        yield* numbered(1)
        expect(yield* one.pull(consumer, 0)).toHaveLength(1)
        yield* Effect.gen(function* () {
          const two = yield* EventLog
          expect(yield* two.pull(consumer, 0)).toEqual([])
          yield* two.settle(consumer, 0, 1) // a zombie's word about a lane it does not hold
          yield* one.release
          expect((yield* two.pull(consumer, 0)).map(({ sequence, attempt }) => [sequence, attempt])).toEqual([[1, 2]])
        }).pipe(Effect.provide(logOf("two").pipe(Layer.provide(LogSignals.layer)), { local: true }))
      }).pipe(Effect.provide(layerOf("one"))),
  )

  it.live(
    "a lane whose very first pull fails delivers when the cause is gone",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const log = yield* EventLog
        yield* (yield* Outbox).append([event("a")])
        yield* numbered(1)
        yield* sql`ALTER TABLE outbox RENAME TO outbox_away`
        expect((yield* Effect.flip(log.pull(consumer, 0))).operation).toBe("pull")
        yield* sql`ALTER TABLE outbox_away RENAME TO outbox`
        expect((yield* log.pull(consumer, 0)).map((one) => [one.sequence, one.attempt])).toEqual([[1, 1]])
      }).pipe(Effect.provide(layerOf("one"))),
  )

  it.live(
    "the data is at fault when the database refuses a value, and not when a table is missing or nobody may read it",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const failures = [
          sql`SELECT 'x'::int`,
          sql`SELECT 1 / 0`,
          sql`INSERT INTO lanes (durable, lane, stream, whole_stream) VALUES ('d', 0, 'NONE', true)`,
          sql`INSERT INTO streams SELECT * FROM streams`,
          sql`SELECT * FROM missing`,
          sql`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '25006'; END $$`,
          sql`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$`,
          sql`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '42501'; END $$`,
          sql`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53300'; END $$`,
        ]
        const problems = yield* Effect.forEach(failures, (failure) => Effect.flip(orUnavailable("test")(failure)))
        const isData = (one: (typeof problems)[number]) => one.dataAtFault === true
        expect(problems.map(isData)).toEqual([true, true, true, true, false, false, false, false, false])
      }).pipe(Effect.provide(layerOf("one"))),
  )

  it.live(
    "another number of partitions than the installation's is refused",
    () =>
      Effect.gen(function* () {
        const problem = yield* Layer.build(logOf("one", 5).pipe(Layer.provide(LogSignals.layer))).pipe(Effect.flip)
        expect(problem.message).toContain("PARTITIONS=4")
      }).pipe(Effect.scoped, Effect.provide(layerOf("one"))),
  )
})
