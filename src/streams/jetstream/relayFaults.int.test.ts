import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { jetstream } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import fs from "node:fs/promises"
import { names, numbered, reaches, storedOn, subjectOf, withWorld } from "./relay.fixture.ts"
import type { RelayWorld, RunningRelay } from "./relay.fixture.ts"

const isSame = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

const connectedAgain = ({ nats }: RunningRelay) =>
  reaches("connected", Effect.sync(nats.isConnected), (isConnected) => isConnected, 30_000)

const signalsOf = ({ state }: RunningRelay) =>
  Effect.map(state, ({ streams }) => streams.find(({ stream }) => stream === "SIGNALS")!)

const marked = (world: RelayWorld, ids: ReadonlyArray<string>, from = 1) =>
  reaches("all are marked", world.rows(), (rows) => isSame(rows, numbered(ids, from)), 40_000)

const publishByHand = ({ broker }: RunningRelay, id: string) =>
  broker.publish({ subject: subjectOf("SIGNALS"), headers: { "Nats-Msg-Id": id }, payload: new Uint8Array() })

/** Does something to the store while no server runs on it. */
const whileDown = Effect.fnUntraced(function* ({ server }: RelayWorld, change: (storeDir: string) => Promise<void>) {
  yield* Effect.promise(async () => {
    await server.kill()
    await change(server.storeDir)
    await server.start()
  })
})

describe("relay and a broker that fails", () => {
  it.live(
    "killed in the middle: every event is there once, and something was in doubt",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const ids = names("e", 12_000)
          yield* world.append(ids)
          yield* reaches("some are there", relay.broker.streamInfo("SIGNALS"), (info) => info!.lastSequence > 2_000)
          yield* Effect.promise(() => world.server.kill())
          yield* reaches("it is noticed", Effect.sync(() => relay.ends), (ends) => ends.includes("unknown"))
          yield* world.append(["meanwhile"])
          yield* reaches("it waits", relay.state, ({ waiting }) => waiting > 0)
          yield* Effect.promise(() => world.server.start())
          yield* marked(world, [...ids, "meanwhile"])
          expect(yield* storedOn(relay)).toEqual(numbered([...ids, "meanwhile"]))
        })
      ),
    90_000,
  )

  it.live("frozen and thawed: every event is there once", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const relay = yield* world.start()
        yield* world.addStreams(relay)
        yield* world.append(["a"])
        yield* marked(world, ["a"])
        world.server.freeze()
        yield* world.append(["b", "c"])
        yield* reaches("it is noticed", Effect.sync(() => relay.ends), (ends) => ends.includes("unknown"), 30_000)
        world.server.thaw()
        yield* marked(world, ["a", "b", "c"])
        expect(yield* storedOn(relay)).toEqual(numbered(["a", "b", "c"]))
      })
    ), 90_000)

  it.live(
    "a stream that is missing is named and waited for, and does not stop the others",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* Effect.promise(() => relay.nats.manager.streams.delete("SIGNALS"))
          yield* world.append(names("s", 5))
          yield* world.append(["f"], { stream: "FEEDBACK" })
          yield* reaches("the other goes on", world.rows("FEEDBACK"), (rows) => isSame(rows, [["f", 1]]))
          const { problems } = yield* reaches(
            "it says so",
            relay.state,
            ({ problems }) => problems.some((problem) => problem.startsWith("SIGNALS takes no events: ")),
          )
          expect(problems.filter((problem) => problem.includes("takes no events"))).toHaveLength(1)
          yield* world.addStreams(relay)
          yield* marked(world, names("s", 5))
          yield* reaches("it is well", relay.state, ({ streams }) =>
            streams.every(({ blocked }) =>
              blocked === undefined
            ))
        })
      ),
    60_000,
  )

  it.live(
    "a full stream is named, keeps its order, and goes on when it may take more",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay, { SIGNALS: { max_msgs: 30, discard: "new" } })
          const ids = names("s", 100)
          yield* world.append(ids)
          yield* reaches(
            "it is full",
            relay.state,
            ({ streams }) => streams.some(({ blocked }) => blocked?.startsWith("full")),
          )
          yield* reaches("it waits", relay.state, ({ waiting }) => waiting === 70)
          yield* Effect.promise(() => relay.nats.manager.streams.update("SIGNALS", { max_msgs: 1_000 }))
          yield* marked(world, ids)
          expect(yield* storedOn(relay)).toEqual(numbered(ids))
        })
      ),
    60_000,
  )

  it.live(
    "set back by a power failure: what it lost is published again under the same numbers",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const copy = `${world.server.storeDir}-copy`
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const ids = names("e", 700)
          yield* world.append(ids.slice(0, 300))
          yield* marked(world, ids.slice(0, 300))
          yield* Effect.promise(() => world.server.stop())
          yield* Effect.promise(() => fs.cp(world.server.storeDir, copy, { recursive: true }))
          yield* Effect.promise(() => world.server.start())
          yield* connectedAgain(relay)
          yield* world.append(ids.slice(300))
          yield* marked(world, ids)
          yield* whileDown(world, async (storeDir) => {
            await fs.rm(storeDir, { recursive: true })
            await fs.rename(copy, storeDir)
          })
          yield* reaches("it is all there", storedOn(relay), (stored) => isSame(stored, numbered(ids)), 30_000)
          yield* world.append(["next"])
          yield* marked(world, [...ids, "next"])
          expect(yield* signalsOf(relay)).toMatchObject({ publishedAgain: 400, lost: 0, foreign: 0 })
        })
      ),
    90_000,
  )

  it.live(
    "wiped and made anew: what is kept comes back under its numbers, what is not is counted as lost",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          const ids = names("e", 50)
          yield* world.append(ids)
          yield* marked(world, ids)
          yield* world.sql`DELETE FROM outbox WHERE sequence <= 20`
          yield* whileDown(world, (storeDir) => fs.rm(storeDir, { recursive: true }))
          yield* connectedAgain(relay)
          yield* world.addStreams(relay)
          yield* world.append(["next"])
          yield* marked(world, [...ids.slice(20), "next"], 21)
          expect(yield* storedOn(relay)).toEqual(numbered([...ids.slice(20), "next"], 21))
          expect(yield* signalsOf(relay)).toMatchObject({ publishedAgain: 30, lost: 20 })
        })
      ),
    90_000,
  )

  it.live(
    "wiped when nothing is kept: numbers go on behind those that were given",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* world.append(names("e", 9))
          yield* marked(world, names("e", 9))
          yield* world.sql`DELETE FROM outbox`
          yield* whileDown(world, (storeDir) => fs.rm(storeDir, { recursive: true }))
          yield* connectedAgain(relay)
          yield* world.addStreams(relay)
          yield* world.append(["next"])
          yield* marked(world, ["next"], 10)
          expect(yield* storedOn(relay)).toEqual([["next", 10]])
        })
      ),
    90_000,
  )

  it.live(
    "set back behind what is kept: stand-ins take the places of what is gone, and numbers stay",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const copy = `${world.server.storeDir}-copy`
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* world.append(names("e", 10))
          yield* marked(world, names("e", 10))
          yield* Effect.promise(() => world.server.stop())
          yield* Effect.promise(() => fs.cp(world.server.storeDir, copy, { recursive: true }))
          yield* Effect.promise(() => world.server.start())
          yield* connectedAgain(relay)
          yield* world.append(names("e", 10, 11))
          yield* marked(world, names("e", 20))
          yield* world.sql`DELETE FROM outbox WHERE sequence <= 15`
          yield* whileDown(world, async (storeDir) => {
            await fs.rm(storeDir, { recursive: true })
            await fs.rename(copy, storeDir)
          })
          yield* reaches(
            "it is as long as it was",
            relay.broker.streamInfo("SIGNALS"),
            (info) => info!.lastSequence === 20,
            30_000,
          )
          const gone = names("lost:SIGNALS:", 5, 11)
          expect(yield* storedOn(relay)).toEqual(numbered([...names("e", 10), ...gone, ...names("e", 5, 16)]))
          expect(yield* signalsOf(relay)).toMatchObject({ publishedAgain: 5, lost: 5, foreign: 0 })
        })
      ),
    90_000,
  )

  it.live(
    "what somebody else published takes its number, is counted, and the events go on behind it",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* world.append(["a", "b"])
          yield* marked(world, ["a", "b"])
          yield* publishByHand(relay, "by-hand")
          yield* world.append(["c"])
          yield* reaches(
            "it went on",
            storedOn(relay),
            (stored) => isSame(stored, numbered(["a", "b", "by-hand", "c"])),
          )
          yield* reaches("it is marked", world.rows(), (rows) => isSame(rows, [["a", 1], ["b", 2], ["c", 4]]))
          expect(yield* signalsOf(relay)).toMatchObject({ foreign: 1, lost: 0 })
        })
      ),
    60_000,
  )

  it.live(
    "set back, and somebody else's messages under the lost numbers: nothing is lost, and what is there stays",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const copy = `${world.server.storeDir}-copy`
          const early = names("early", 5)
          const late = names("late", 5)
          yield* Effect.scoped(Effect.gen(function* () {
            const relay = yield* world.start()
            yield* world.addStreams(relay)
            yield* world.append(early)
            yield* marked(world, early)
            yield* Effect.promise(() => world.server.stop())
            yield* Effect.promise(() => fs.cp(world.server.storeDir, copy, { recursive: true }))
            yield* Effect.promise(() => world.server.start())
            yield* connectedAgain(relay)
            yield* world.append(late)
            yield* marked(world, [...early, ...late])
          }))
          yield* whileDown(world, async (storeDir) => {
            await fs.rm(storeDir, { recursive: true })
            await fs.rename(copy, storeDir)
          })
          const byHand = names("hand", 5)
          yield* Effect.promise(async () => {
            const stranger = await connect({ servers: world.server.url })
            for (const msgID of byHand) await jetstream(stranger).publish(subjectOf("SIGNALS"), "", { msgID })
            await stranger.close()
          })
          const relay = yield* world.start()
          yield* reaches(
            "all is there",
            storedOn(relay),
            (stored) => isSame(stored, numbered([...early, ...byHand, ...late])),
          )
          expect(yield* signalsOf(relay)).toMatchObject({ publishedAgain: 5, lost: 0, foreign: 5 })
        })
      ),
    90_000,
  )

  it.live(
    "what an operator removed from a stream is not published again",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const ids = names("e", 5)
          yield* Effect.scoped(Effect.gen(function* () {
            const relay = yield* world.start()
            yield* world.addStreams(relay)
            yield* world.append(ids)
            yield* marked(world, ids)
            yield* Effect.promise(() => relay.nats.manager.streams.purge("SIGNALS"))
          }))
          const relay = yield* world.start()
          yield* world.append(["next"])
          yield* reaches("it went on", storedOn(relay), (stored) => isSame(stored, [["next", 6]]))
          expect(yield* signalsOf(relay)).toMatchObject({ publishedAgain: 0, lost: 0, foreign: 0 })
        })
      ),
    60_000,
  )

  it.live(
    "a number that somebody else's message took before its event got there is given up",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          yield* Effect.scoped(Effect.gen(function* () {
            const early = yield* world.start()
            yield* world.addStreams(early)
            yield* publishByHand(early, "by-hand")
            yield* reaches("it leads", early.state, ({ isLeading }) => isLeading)
          }))
          yield* world.sql`UPDATE streams SET published_until = 0, last_sequence = 0`
          yield* world.append(["a", "b", "c"], { numberedFrom: 1 })
          yield* world.append(["d"])
          const relay = yield* world.start()
          yield* marked(world, ["a", "b", "c", "d"], 2)
          expect(yield* storedOn(relay)).toEqual(numbered(["by-hand", "a", "b", "c", "d"]))
        })
      ),
    60_000,
  )
})
