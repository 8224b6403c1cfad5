/** What servers do, old and new, that the relay and the lanes rely on or guard against. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import { inject } from "vitest"
import { eventually } from "../../../test/support/eventually.ts"
import { nats as startedNats, natsOfFile, versionOf } from "../../../test/support/nats.ts"
import {
  addLane,
  addStream,
  fill,
  laneInfo,
  messageOf,
  ms,
  reading,
  sequences,
  sideOf,
  until,
} from "./serverSide.fixture.ts"
import type { Side } from "./serverSide.fixture.ts"

const file = natsOfFile()
const [major, minor] = versionOf(inject("natsServer"))
const isOld = major === 2 && minor < 10

const test = (fact: string, body: (side: Side) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(fact, () => Effect.scoped(Effect.flatMap(Effect.suspend(() => sideOf(file.server)), body)))

/** The server has worked through all that was said to it before. */
const settled = (side: Side, stream: string, floor: number) =>
  Effect.promise(() =>
    eventually(`${stream} is settled up to ${floor}`, async () => {
      const { ackFloor } = await Effect.runPromise(laneInfo(side, stream))
      return ackFloor.sequence === floor || undefined
    })
  )

describe("message ids", () => {
  test("hold for one stream, whatever subject or body comes with them", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "IDS")
      yield* addStream(side, "OTHERS")
      const body = (text: string) => new TextEncoder().encode(text)
      expect(yield* side.broker.publish({ ...messageOf("IDS", "one"), payload: body("first") })).toBe(1)
      expect(yield* side.broker.publish({ ...messageOf("IDS", "one"), payload: body("second") })).toBe(1)
      expect(yield* side.broker.publish(messageOf("IDS", "one", "IDS.another.tenant"))).toBe(1)
      expect(yield* side.broker.streamInfo("IDS")).toMatchObject({ messages: 1, lastSequence: 1 })
      yield* side.broker.publish(messageOf("OTHERS", "zero"))
      expect(yield* side.broker.publish(messageOf("OTHERS", "one"))).toBe(2)
    }))

  test("are forgotten after the window; what is published in order stays once all the same", (side) =>
    Effect.gen(function* () {
      const window = { duplicate_window: 100 * ms }
      yield* addStream(side, "ORDERED", window)
      yield* side.broker.publishInOrder([messageOf("ORDERED", "m1"), messageOf("ORDERED", "m2")], 0)
      yield* addStream(side, "WINDOW", window)
      yield* side.broker.publish(messageOf("WINDOW", "m1"))
      const again = yield* Effect.promise(() =>
        eventually("the id is forgotten", async () => {
          const sequence = await Effect.runPromise(side.broker.publish(messageOf("WINDOW", "m1")))
          return sequence === 1 ? undefined : sequence
        })
      )
      expect(again).toBe(2)
      yield* side.broker.publishInOrder([messageOf("ORDERED", "m1"), messageOf("ORDERED", "m2")], 0)
      expect(yield* side.broker.streamInfo("ORDERED")).toMatchObject({ messages: 2, lastSequence: 2 })
    }))

  test("cannot be remembered longer than messages", (side) =>
    Effect.gen(function* () {
      const add = side.nats.manager.streams.add({
        name: "SHORT",
        subjects: ["SHORT.>"],
        max_age: 60_000 * ms,
        duplicate_window: 120_000 * ms,
      })
      expect(yield* Effect.promise(() => add.then(() => "taken", ({ code }) => code))).toBe(10052)
    }))

  it.live("are known again after the server was killed", () =>
    Effect.scoped(Effect.gen(function* () {
      const server = yield* startedNats
      const side = yield* sideOf(server)
      yield* addStream(side, "KEPT")
      yield* fill(side, "KEPT", 3)
      const seen = side.nats.reconnected.count()
      yield* Effect.promise(() => server.kill())
      yield* Effect.promise(() => server.start())
      yield* side.nats.reconnected.after(seen)
      expect(yield* side.broker.publish(messageOf("KEPT", "m2"))).toBe(2)
      expect(yield* side.broker.publish(messageOf("KEPT", "m4"))).toBe(4)
    })))
})

describe("what a server stores", () => {
  test("is a wildcard too, as a plain subject: so publishing in order refuses it before it is sent", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "WILD")
      yield* Effect.promise(() => side.nats.jetstream.publish("WILD.*", "hostile"))
      const [stored] = yield* side.broker.messages("WILD", { fromSequence: 1, toSequence: 1, limit: 1 })
      expect(stored?.subject).toBe("WILD.*")
      expect(yield* side.broker.publishInOrder([messageOf("WILD", "w", "WILD.*")], 1)).toMatchObject({ end: "refused" })
    }))

  test("has headers by the letter: another case is another header", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "CASE")
      yield* addLane(side, "CASE")
      const headers = { "Nats-Msg-Id": "one", "Tenant-Id": "theirs" }
      yield* side.broker.publish({ ...messageOf("CASE", "one"), headers })
      const given = yield* reading(side, "CASE")
      yield* until("it is delivered", () => given.length === 1)
      const [stored] = yield* side.broker.messages("CASE", { fromSequence: 1, toSequence: 1, limit: 1 })
      for (const found of [stored!.headers, given[0]!.headers]) {
        expect(found).toMatchObject({ "Tenant-Id": "theirs" })
        expect(found["tenant-id"]).toBeUndefined()
      }
    }))

  test("goes unread and unsaid when the stream discards what is old, and only the first number tells", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "OLD", { max_msgs: 2, discard: "old" })
      yield* addLane(side, "OLD")
      yield* fill(side, "OLD", 5)
      expect(yield* laneInfo(side, "OLD")).toMatchObject({ pending: 2, ackPending: 0 })
      const given = yield* reading(side, "OLD")
      yield* until("the rest is delivered", () => given.length === 2)
      expect(sequences(given)).toEqual([4, 5])
      expect(given.map(({ deliverySequence }) => deliverySequence)).toEqual([1, 2])
      expect(yield* side.broker.streamInfo("OLD")).toMatchObject({ firstSequence: 4, messages: 2 })
    }))

  test("stays when a stream that discards what is new is full, and is read on", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "NEW", { max_msgs: 2, discard: "new" })
      yield* addLane(side, "NEW")
      yield* fill(side, "NEW", 2)
      expect(yield* Effect.flip(side.broker.publish(messageOf("NEW", "m3")))).toMatchObject({ end: "full" })
      const given = yield* reading(side, "NEW")
      yield* until("both are delivered", () => given.length === 2)
    }))
})

describe("deliveries", () => {
  test("of one durable to two readers never exceed its bound, and an acknowledgement makes room for one", (side) =>
    Effect.gen(function* () {
      const other = yield* sideOf(file.server)
      yield* addStream(side, "BOUND")
      yield* addLane(side, "BOUND", { max_ack_pending: 5 })
      yield* fill(side, "BOUND", 12)
      const [one, two] = [yield* reading(side, "BOUND"), yield* reading(other, "BOUND")]
      yield* until("five are out", () => one.length + two.length === 5)
      expect(yield* laneInfo(side, "BOUND")).toMatchObject({ ackPending: 5, pending: 7 })
      ;(one[0] ?? two[0])!.ack()
      yield* until("a sixth is out", () => one.length + two.length === 6)
      expect(yield* laneInfo(side, "BOUND")).toMatchObject({ ackPending: 5, pending: 6 })
      expect(sequences([...one, ...two]).toSorted()).toEqual([1, 2, 3, 4, 5, 6])
    }))

  test("come again at once after a plain nak, whatever the ack wait", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "NAK")
      yield* addLane(side, "NAK")
      yield* fill(side, "NAK", 1)
      const given = yield* reading(side, "NAK")
      yield* until("it is delivered", () => given.length === 1)
      given[0]!.nak()
      yield* until("it comes again", () => given.length === 2)
      expect(given[1]).toMatchObject({ sequence: 1, deliveryCount: 2, deliverySequence: 2 })
    }))

  test("come again after the delay of a nak: the shorter first", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "DELAY")
      yield* addLane(side, "DELAY")
      yield* fill(side, "DELAY", 2)
      const given = yield* reading(side, "DELAY")
      yield* until("both are delivered", () => given.length === 2)
      given[0]!.nak(700)
      given[1]!.nak(100)
      yield* until("both come again", () => given.length === 4)
      expect(sequences(given)).toEqual([1, 2, 2, 1])
    }))

  test("do not follow a backoff after a plain nak, and it takes the place of the ack wait: we have none", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "BACKOFF")
      const backoff = [30_000 * ms, 40_000 * ms]
      const { config } = yield* addLane(side, "BACKOFF", { ack_wait: 1_000 * ms, backoff, max_deliver: 5 })
      expect(config.ack_wait).toBe(backoff[0])
      yield* fill(side, "BACKOFF", 1)
      const given = yield* reading(side, "BACKOFF")
      yield* until("it is delivered", () => given.length === 1)
      given[0]!.nak()
      yield* until("it comes again", () => given.length === 2)
    }))

  test("do not come again while somebody works on them", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "WORKING")
      yield* addLane(side, "WORKING", { ack_wait: 1_000 * ms })
      yield* fill(side, "WORKING", 2)
      const given = yield* reading(side, "WORKING")
      yield* until("both are delivered", () => given.length === 2)
      // The second measures the time: its ack wait runs out.
      yield* Effect.acquireRelease(
        Effect.sync(() => setInterval(() => given[0]!.working(), 100)),
        (prolonging) => Effect.sync(() => clearInterval(prolonging)),
      )
      yield* until("the other comes again", () => given.length === 3)
      expect(sequences(given)).toEqual([1, 2, 2])
    }))

  test("are settled by an acknowledgement of an earlier delivery, though they came again", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "LATE")
      yield* addLane(side, "LATE", { ack_wait: 200 * ms })
      yield* fill(side, "LATE", 1)
      const given = yield* reading(side, "LATE")
      yield* until("it came again", () => given.length === 2)
      given[0]!.ack()
      yield* settled(side, "LATE", 1)
      expect(yield* laneInfo(side, "LATE")).toMatchObject({ ackPending: 0, pending: 0, redelivered: 0 })
    }))

  test("end with a plain term on every server; one with a reason is nothing to an old one", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "TERM")
      yield* addLane(side, "TERM", { ack_wait: 300 * ms })
      yield* fill(side, "TERM", 1)
      const given = yield* reading(side, "TERM")
      yield* until("the first is delivered", () => given.length === 1)
      given[0]!.term()
      yield* settled(side, "TERM", 1)
      yield* side.broker.publish(messageOf("TERM", "m2"))
      yield* until("the second is delivered", () => given.length >= 2)
      const settings = { durable_name: "reasons", ack_policy: "explicit", ack_wait: 300 * ms } as const
      yield* Effect.promise(() => side.nats.manager.consumers.add("TERM", settings))
      const consumer = yield* Effect.promise(() => side.nats.jetstream.consumers.get("TERM", "reasons"))
      const next = Effect.promise(() => consumer.next({ expires: 5_000 }))
      ;(yield* next)?.term("a reason")
      ;(yield* next)?.ack()
      if (isOld) expect(yield* next).toMatchObject({ seq: 1 })
      else {yield* Effect.promise(() =>
          eventually("both are settled", async () => {
            const { ack_floor: floor } = await side.nats.manager.consumers.info("TERM", "reasons")
            return floor.stream_seq === 2 || undefined
          })
        )}
    }))
})

describe("what a durable gives up", () => {
  test("is told by an advisory alone, counts as nothing, and no higher bound brings it back", (side) =>
    Effect.gen(function* () {
      yield* Effect.promise(() =>
        side.nats.manager.streams.add({ name: "ADVISORIES", subjects: ["$JS.EVENT.ADVISORY.CONSUMER.>"] })
      )
      yield* addStream(side, "GIVEN_UP")
      yield* addLane(side, "GIVEN_UP", { max_deliver: 2, ack_wait: 200 * ms })
      yield* fill(side, "GIVEN_UP", 1)
      const given = yield* reading(side, "GIVEN_UP")
      const told = Effect.promise(() =>
        eventually("the advisory", async () => {
          const range = { fromSequence: 1, toSequence: 99, limit: 99 }
          const all = await Effect.runPromise(side.broker.messages("ADVISORIES", range))
          return all.find(({ subject }) => subject.endsWith(".MAX_DELIVERIES.GIVEN_UP.lane"))
        })
      )
      const advisory = JSON.parse(new TextDecoder().decode((yield* told).payload))
      expect(advisory).toMatchObject({
        type: "io.nats.jetstream.advisory.v1.max_deliver",
        stream: "GIVEN_UP",
        consumer: "lane",
        stream_seq: 1,
        deliveries: 2,
      })
      expect(given.length).toBe(2)
      const info = yield* laneInfo(side, "GIVEN_UP")
      expect(info).toMatchObject({ pending: 0, ackPending: 0, ackFloor: { sequence: 0 }, delivered: { sequence: 1 } })
      yield* Effect.promise(() => side.nats.manager.consumers.update("GIVEN_UP", "lane", { max_deliver: 9 }))
      yield* side.broker.publish(messageOf("GIVEN_UP", "m2"))
      yield* until("what comes next is delivered as often as is allowed now", () => given.length >= 5)
      expect(sequences(given).slice(2)).not.toContain(1)
    }))
})
