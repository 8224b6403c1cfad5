import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { accountOpened } from "../../schemas/events.ts"
import { uuidv5 } from "../../schemas/uuid.ts"
import { Outbox } from "../streams/Outbox.ts"
import { sequenceOnce } from "./sequencer.ts"
import { newUser } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

/** Appends that many events, each in a transaction of its own. */
const append = Effect.fnUntraced(function* (count: number) {
  const outbox = yield* Outbox
  const owner = yield* newUser
  const events = Array.from({ length: count }, (_, index) =>
    accountOpened(
      { ...owner, id: uuidv5(owner.userId, String(index)), atMs: 0, correlationId: "c" },
      { issuer: "test" },
    ))
  yield* Effect.forEach(events, (event) => outbox.append([event]), { concurrency: 3, discard: true })
})

/** A transaction of anyone on the same server holds numbering back for as long as it runs. */
const sequenceAll = Effect.repeat(sequenceOnce, {
  until: ({ sequenced, waiting }) => sequenced.length === 0 && !waiting,
})

const expectDense = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly sequence: number; readonly inOrder: number }>`
    SELECT sequence, row_number() OVER (ORDER BY transaction_id, position) AS "inOrder"
    FROM outbox WHERE stream = 'ACCOUNTS' ORDER BY sequence`
  const dense = rows.map((_, index) => index + 1)
  expect(rows.map(({ sequence }) => sequence)).toEqual(dense)
  expect(rows.map(({ inOrder }) => inOrder)).toEqual(dense)
  const [head] = yield* sql<{ readonly last: number }>`
    SELECT last_sequence AS last FROM streams WHERE stream = 'ACCOUNTS'`
  expect(head!.last).toBe(rows.length)
})

layer(Store.layer)("sequencer", (it) => {
  it.effect("several at once, as replicas are, give every event one number, in commit order and without a gap", () =>
    Effect.gen(function* () {
      const numbering = Effect.repeat(sequenceOnce, { times: 60 })
      yield* Effect.all([append(120), numbering, numbering, numbering], { concurrency: "unbounded", discard: true })
      yield* sequenceAll
      yield* expectDense
    }))

  it.effect("one that waited for another numbers nothing that the other has numbered meanwhile", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* append(5)
      const numbered = yield* Deferred.make<void>()
      const finish = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
        const { sequenced } = yield* Effect.repeat(sequenceOnce, { until: ({ sequenced }) => sequenced.length > 0 })
        yield* Deferred.succeed(numbered, undefined)
        yield* Deferred.await(finish)
        return sequenced
      })))
      yield* Deferred.await(numbered)
      const second = yield* Effect.forkChild(sequenceOnce)
      yield* sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
        .pipe(Effect.repeat({ until: (rows) => rows.length === 1 }))
      yield* Deferred.succeed(finish, undefined)
      expect((yield* Fiber.join(first)).length).toBeGreaterThan(0)
      expect((yield* Fiber.join(second)).sequenced).toEqual([])
      yield* append(2)
      yield* sequenceAll
      yield* expectDense
    }))

  it.effect("where nothing waits it does not read what is numbered, also with the planner's counts of before", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sequenceAll
      const rowsRead = sql<{ readonly rows: number }>`
        SELECT seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE relname = 'outbox'`
      yield* sql.withTransaction(Effect.gen(function* () {
        yield* sql`UPDATE outbox SET sequence = NULL`
        yield* sql`ANALYZE outbox`
        yield* sql`UPDATE outbox SET sequence = position`
        const [before] = yield* rowsRead
        expect(yield* sequenceOnce).toEqual({ sequenced: [], waiting: false })
        expect((yield* rowsRead)[0]).toEqual(before)
      }))
    }))
})
