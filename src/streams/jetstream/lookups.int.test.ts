import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { natsOfFile, urlOf } from "../../../test/support/nats.ts"
import { Broker } from "./Broker.ts"
import * as JetStreamBroker from "./JetStreamBroker.ts"
import * as NatsConnection from "./NatsConnection.ts"

const file = natsOfFile("max_payload: 65536")

const broker = <A, E>(run: (broker: Broker["Service"], nats: NatsConnection.Nats["Service"]) => Effect.Effect<A, E>) =>
  Effect.suspend(() =>
    Effect.gen(function* () {
      return yield* run(yield* Broker, yield* NatsConnection.Nats)
    }).pipe(Effect.provide(JetStreamBroker.layer.pipe(Layer.provideMerge(connected()))))
  )

const connected = () =>
  NatsConnection.layer({ url: urlOf(file.server), credentials: undefined, name: "test", waitMs: 5_000 })

const messageOf = (stream: string, id: string) => ({
  subject: `${stream}.a`,
  headers: { "Nats-Msg-Id": id, "tenant-id": "t" },
  payload: new TextEncoder().encode(id),
})

const add = (nats: NatsConnection.Nats["Service"], name: string, settings: Record<string, unknown> = {}) =>
  Effect.promise(() => nats.manager.streams.add({ name, subjects: [`${name}.>`], ...settings }))

describe("what one asks of a broker", () => {
  it.live("there is nothing to say of a stream or a durable that is not there", () =>
    broker((broker, nats) =>
      Effect.gen(function* () {
        expect(yield* broker.streamInfo("NOWHERE")).toBeUndefined()
        expect(yield* broker.laneInfo("NOWHERE", "nobody")).toBeUndefined()
        yield* add(nats, "BARE")
        expect(yield* broker.laneInfo("BARE", "nobody")).toBeUndefined()
        expect(yield* broker.streamInfo("BARE")).toMatchObject({ firstSequence: 0, lastSequence: 0, messages: 0 })
        expect(yield* broker.messages("BARE", { fromSequence: 1, toSequence: 9, limit: 9 })).toEqual([])
      })
    ))

  it.live("an empty stream begins with the number it is told", () =>
    broker((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "LATER")
        yield* broker.beginAt("LATER", 4_001)
        expect(yield* broker.streamInfo("LATER")).toMatchObject({ lastSequence: 4_000, messages: 0 })
        expect(yield* broker.publishInOrder([messageOf("LATER", "a"), messageOf("LATER", "b")], 4_000))
          .toMatchObject({ sequences: [4_001, 4_002], end: undefined })
        const { config } = yield* Effect.promise(() => nats.manager.streams.info("LATER"))
        expect(config).toMatchObject({ discard: "old", max_bytes: -1 })
      })
    ))

  it.live("a stream that holds messages, or is past the number, keeps its numbers", () =>
    broker((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "USED")
        yield* broker.publishInOrder([messageOf("USED", "a"), messageOf("USED", "b")], 0)
        yield* Effect.flip(broker.beginAt("USED", 10))
        expect(yield* broker.streamInfo("USED")).toMatchObject({ lastSequence: 2, messages: 2 })
        yield* Effect.promise(() => nats.manager.streams.purge("USED"))
        yield* Effect.flip(broker.beginAt("USED", 2))
        expect(yield* broker.streamInfo("USED")).toMatchObject({ lastSequence: 2, messages: 0 })
        yield* broker.beginAt("USED", 7)
        expect(yield* broker.publishInOrder([messageOf("USED", "c")], 6)).toMatchObject({ sequences: [7] })
      })
    ))

  it.live("messages are read in order, without those that were deleted, and no more than asked for", () =>
    broker((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "HOLES")
        const ids = Array.from({ length: 200 }, (_, index) => `m${index + 1}`)
        yield* broker.publishInOrder(ids.map((id) => messageOf("HOLES", id)), 0)
        for (const gone of [3, 70]) yield* Effect.promise(() => nats.manager.streams.deleteMessage("HOLES", gone))
        const found = yield* broker.messages("HOLES", { fromSequence: 2, toSequence: 1_000, limit: 100 })
        const expected = ids.map((_, index) => index + 1).filter((one) => one > 1 && one !== 3 && one !== 70)
        expect(found.map(({ sequence }) => sequence)).toEqual(expected.slice(0, 100))
        expect(found[0]).toMatchObject({ subject: "HOLES.a", headers: { "Nats-Msg-Id": "m2", "tenant-id": "t" } })
        expect(new TextDecoder().decode(found[0]?.payload)).toBe("m2")
      })
    ))

  it.live("one message is stored once whatever its number, and what is refused is told from what is unknown", () =>
    broker((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "ONE", { max_msgs: 1, discard: "new", max_msg_size: 1_024 })
        expect(yield* broker.publish(messageOf("ONE", "a"))).toBe(1)
        expect(yield* broker.publish(messageOf("ONE", "a"))).toBe(1)
        const end = (message: Parameters<typeof broker.publish>[0]) =>
          Effect.map(Effect.flip(broker.publish(message)), (error) => error._tag === "PublishRefused" ? error.end : "?")
        expect(yield* end(messageOf("ONE", "b"))).toBe("full")
        expect(yield* end(messageOf("NOWHERE", "b"))).toBe("no-stream")
        expect(yield* end({ ...messageOf("ONE", "c"), payload: new Uint8Array(2_048) })).toBe("refused")
        expect(yield* end({ ...messageOf("ONE", "d"), payload: new Uint8Array(65_537) })).toBe("refused")
        expect(yield* end({ ...messageOf("ONE", "e"), headers: { "tenant-id": "a\r\nb: c" } })).toBe("refused")
      })
    ))
})
