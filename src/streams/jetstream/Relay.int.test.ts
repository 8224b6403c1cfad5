import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { names, numbered, reaches, storedOn, subjectOf, withWorld } from "./relay.fixture.ts"

const isSame = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

describe("relay", () => {
  it.live(
    "events get onto the broker in commit order, each stream by itself, and their rows get its numbers",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const signals = names("s", 2_500)
          yield* world.append(signals)
          yield* world.append(["f1", "f2"], { stream: "FEEDBACK" })
          yield* world.append(["s2501"])
          yield* reaches("published", storedOn(relay), (stored) => stored.length === 2_501)
          yield* reaches("marked", world.rows(), (rows) => isSame(rows, numbered([...signals, "s2501"])))
          expect(yield* storedOn(relay)).toEqual(numbered([...signals, "s2501"]))
          yield* reaches("marked", world.rows("FEEDBACK"), (rows) => isSame(rows, numbered(["f1", "f2"])))
          const [first] = yield* relay.broker.messages("SIGNALS", { fromSequence: 1, toSequence: 1, limit: 1 })
          expect(first).toMatchObject({
            subject: subjectOf("SIGNALS"),
            headers: { "tenant-id": "acme", "Nats-Msg-Id": "s1" },
            payload: new Uint8Array(10),
          })
          const state = yield* reaches("seen", relay.state, ({ waiting }) => waiting === 0)
          expect(state).toMatchObject({ isLeading: true, waiting: 0, oldestAgeMs: 0, problems: [] })
        })
      ),
    60_000,
  )

  it.live(
    "an event committed late leaves no gap: what began after it waits for it",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const [inserted, mayCommit] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const late = yield* Effect.forkChild(world.sql.withTransaction(Effect.gen(function* () {
            yield* world.append(["late"])
            yield* Deferred.succeed(inserted, undefined)
            yield* Deferred.await(mayCommit)
          })))
          yield* Deferred.await(inserted)
          yield* world.append(["early"])
          // A stream that is not held back shows that the relay has looked since.
          yield* reaches("it is seen to wait", relay.state, ({ waiting }) => waiting === 1)
          expect(yield* storedOn(relay)).toEqual([])
          yield* Deferred.succeed(mayCommit, undefined)
          yield* Fiber.join(late)
          yield* reaches("both are there", storedOn(relay), (stored) => isSame(stored, numbered(["late", "early"])))
        })
      ),
    60_000,
  )

  it.live("two relays at once make no copy and no gap", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start()
        const second = yield* world.start()
        yield* world.addStreams(first)
        yield* reaches("both lead", Effect.all([first.state, second.state]), (both) =>
          both.every(({ isLeading }) => isLeading))
        const ids = names("e", 3_000)
        for (let from = 0; from < ids.length; from += 100) {
          yield* world.append(ids.slice(from, from + 100))
        }
        yield* reaches("marked", world.rows(), (rows) =>
          isSame(rows, numbered(ids)), 30_000)
        expect(yield* storedOn(first)).toEqual(numbered(ids))
      })
    ), 60_000)

  it.live(
    "of two relays one leads, and the other takes over when it ends",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const staying = yield* Effect.scoped(Effect.gen(function* () {
            const leaving = yield* world.start("leaving")
            yield* world.addStreams(leaving)
            yield* reaches("it leads", leaving.state, ({ isLeading }) => isLeading)
            return undefined
          })).pipe(Effect.andThen(world.start("staying")))
          yield* reaches("it leads", staying.state, ({ isLeading }) => isLeading)
          const other = yield* world.start("other")
          yield* world.append(["a"])
          yield* reaches("published", storedOn(staying), (stored) => stored.length === 1)
          expect(yield* other.state).toMatchObject({ isLeading: false })
        })
      ),
    60_000,
  )

  it.live(
    "a relay that died between the acknowledgement and the mark makes no copy",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const ids = names("e", 200)
          yield* world.append(ids)
          yield* Effect.scoped(Effect.gen(function* () {
            const relay = yield* world.start()
            yield* world.addStreams(relay)
            yield* reaches("marked", world.rows(), (rows) => isSame(rows, numbered(ids)))
          }))
          // As it is when the marks of the last 80 never reached the database.
          yield* world.sql`UPDATE outbox SET sequence = NULL, published_at_ms = NULL WHERE sequence > 120`
          yield* world.sql`UPDATE streams SET published_until = 120, last_sequence = 120 WHERE stream = 'SIGNALS'`
          yield* world.append(["next"])
          const relay = yield* world.start()
          yield* reaches("marked", world.rows(), (rows) => isSame(rows, numbered([...ids, "next"])))
          expect(yield* storedOn(relay)).toEqual(numbered([...ids, "next"]))
          expect(relay.ends).toEqual([])
        })
      ),
    60_000,
  )

  it.live(
    "a log that was numbered before it came to the broker keeps its numbers",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const old = names("old", 1_500, 1_001)
          yield* world.append(old, { numberedFrom: 1_001 })
          yield* world.append(["new1"])
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const all = numbered([...old, "new1"], 1_001)
          yield* reaches("marked", world.rows(), (rows) => isSame(rows, all))
          expect(yield* storedOn(relay)).toEqual(all)
        })
      ),
    60_000,
  )

  it.live(
    "numbers of events that are gone are left out, and those behind them stay",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          yield* world.append(names("e", 20), { numberedFrom: 11 })
          yield* world.sql`DELETE FROM outbox WHERE sequence IN (15, 16, 30)`
          yield* world.append(["new"])
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const kept = numbered(names("e", 20), 11).filter(([, number]) => ![15, 16, 30].includes(number))
          const all = [...kept, ["new", 31] as const]
          yield* reaches("marked", world.rows(), (rows) => isSame(rows, all))
          const stored = yield* storedOn(relay)
          expect(stored.map(([, number]) => number)).toEqual(names("", 21, 11).map(Number))
          expect(stored.filter(([id]) => !id.startsWith("lost:"))).toEqual(all)
        })
      ),
    60_000,
  )

  it.live(
    "a message nobody could publish is put aside with its reason, and the others go on",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* world.append(["before"])
          yield* world.append(["huge"], { bytes: 1_200_000 })
          yield* world.append(["after"])
          yield* reaches("marked", world.rows(), (rows) => isSame(rows, numbered(["before", "after"])))
          expect(
            yield* world.sql`SELECT durable, stream, message_id, reason, sequence < 0 AS unnumbered FROM dead_letters`,
          )
            .toMatchObject([{ durable: "relay", stream: "SIGNALS", reason: "unpublishable", unnumbered: true }])
          expect((yield* relay.state).streams.find(({ stream }) => stream === "SIGNALS")).toMatchObject({
            unpublishable: 1,
            blocked: undefined,
          })
        })
      ),
    60_000,
  )
})
