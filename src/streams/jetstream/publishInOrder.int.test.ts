import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { inject } from "vitest"
import { eventually } from "../../../test/support/eventually.ts"
import { natsOfFile, urlOf, versionOf } from "../../../test/support/nats.ts"
import { Broker } from "./Broker.ts"
import type { Published } from "./Broker.ts"
import * as JetStreamBroker from "./JetStreamBroker.ts"
import * as NatsConnection from "./NatsConnection.ts"

const file = natsOfFile("max_payload: 65536")

type Parts = readonly [Broker["Service"], NatsConnection.Nats["Service"]]

const connected = <A, E>(run: (...parts: Parts) => Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const nats = NatsConnection.layer({
      url: urlOf(file.server),
      credentials: undefined,
      name: "test",
      waitMs: 5_000,
    })
    return Effect.all([Broker, NatsConnection.Nats]).pipe(
      Effect.flatMap((parts) => run(...parts)),
      Effect.provide(JetStreamBroker.layer.pipe(Layer.provideMerge(nats))),
    )
  })

const add = (nats: NatsConnection.Nats["Service"], name: string, settings: Record<string, unknown> = {}) =>
  Effect.promise(() => nats.manager.streams.add({ name, subjects: [`${name}.>`], ...settings }))

const messageOf = (stream: string, id: number | string, bytes = 20) => ({
  subject: `${stream}.a`,
  headers: { "Nats-Msg-Id": `${stream}-${id}`, "tenant-id": "t" },
  payload: new Uint8Array(bytes),
})
const messagesOf = (stream: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => messageOf(stream, from + index))
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

describe("publishing in order", () => {
  it.live("many more messages than the window get dense numbers, in order, with their headers", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "MANY")
        expect(yield* broker.publishInOrder(messagesOf("MANY", 3_000), 0))
          .toEqual({ sequences: numbers(1, 3_000), end: undefined, detail: "" })
        expect(yield* broker.publishInOrder([], 3_000)).toMatchObject({ sequences: [], end: undefined })
        const [stored] = yield* broker.messages("MANY", { fromSequence: 2_345, toSequence: 2_345, limit: 1 })
        expect(stored).toMatchObject({ headers: { "Nats-Msg-Id": "MANY-2344", "tenant-id": "t" } })
      })
    ))

  it.live("two publishers of the same messages store them once, and neither takes the other's number for its own", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "TWICE")
        const both = yield* Effect.all(
          [broker.publishInOrder(messagesOf("TWICE", 1_000), 0), broker.publishInOrder(messagesOf("TWICE", 1_000), 0)],
          { concurrency: 2 },
        )
        expect(yield* broker.streamInfo("TWICE")).toMatchObject({ lastSequence: 1_000, messages: 1_000 })
        for (const { sequences } of both) expect(sequences).toEqual(numbers(1, sequences.length))
        expect(Math.max(...both.map(({ sequences }) => sequences.length))).toBe(1_000)
      })
    ))

  it.live("what is stored already is a success by its number, or a wrong number, by the age of the server", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "AGAIN")
        yield* broker.publishInOrder(messagesOf("AGAIN", 5), 0)
        const again = yield* broker.publishInOrder(messagesOf("AGAIN", 7), 0)
        const [major, minor] = versionOf(inject("natsServer"))
        if (major === 2 && minor < 10) expect(again).toMatchObject({ sequences: numbers(1, 7), end: undefined })
        else expect(again).toMatchObject({ sequences: [], end: "wrong-last-sequence" })
        yield* broker.publishInOrder(messagesOf("AGAIN", 2, 5), 5)
        const elsewhere = yield* broker.publishInOrder([messageOf("AGAIN", 2)], 7)
        expect(elsewhere).toMatchObject({ sequences: [], end: "wrong-last-sequence", storedAs: 3 })
        expect(yield* broker.streamInfo("AGAIN")).toMatchObject({ lastSequence: 7, messages: 7 })
      })
    ))

  it.live("behind another's message nothing of the batch is stored, also not what expects just that number", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "BETWEEN")
        yield* broker.publish(messageOf("BETWEEN", "other"))
        expect(yield* broker.publishInOrder(messagesOf("BETWEEN", 600), 0))
          .toMatchObject({ sequences: [], end: "wrong-last-sequence", detail: expect.stringContaining("1") })
        // The answer to a later message comes after those to all of the batch.
        yield* broker.publish(messageOf("BETWEEN", "last"))
        expect(yield* broker.streamInfo("BETWEEN")).toMatchObject({ lastSequence: 2, messages: 2 })
      })
    ))

  it.live("a full stream keeps the prefix and says full; a subject of no stream says no-stream", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "FULL", { max_msgs: 400, discard: "new" })
        expect(yield* broker.publishInOrder(messagesOf("FULL", 1_000), 0))
          .toMatchObject({ sequences: numbers(1, 400), end: "full" })
        expect(yield* broker.publishInOrder(messagesOf("NONE", 3), 0)).toMatchObject({
          sequences: [],
          end: "no-stream",
        })
      })
    ))

  it.live("a message the server would never take is refused before it is sent, after those before it", () =>
    connected((broker, nats) =>
      Effect.gen(function* () {
        yield* add(nats, "REFUSED", { max_msg_size: 1_000 })
        const around = (bad: ReturnType<typeof messageOf>) =>
          Effect.gen(function* () {
            const last = (yield* broker.streamInfo("REFUSED"))!.lastSequence
            const batch = [messageOf("REFUSED", `${last}`), bad, messageOf("REFUSED", `after ${last}`)]
            expect(yield* broker.publishInOrder(batch, last)).toMatchObject({ sequences: [last + 1], end: "refused" })
          })
        yield* around(messageOf("REFUSED", "larger than the server takes", 65_530))
        yield* around(messageOf("REFUSED", "larger than the stream takes", 1_001))
        yield* around({ ...messageOf("REFUSED", "wild"), subject: "REFUSED.*" })
        yield* around({ ...messageOf("REFUSED", "hollow"), subject: "REFUSED..a" })
        yield* around({
          ...messageOf("REFUSED", "broken"),
          headers: { "Nats-Msg-Id": "broken", "tenant-id": "1\r\nNats-Rollup: all" },
        })
        expect(nats.isConnected()).toBe(true)
      })
    ))

  it.live(
    "a broker that dies leaves the rest unknown, and the same again stores each once",
    () =>
      connected((broker, nats) =>
        Effect.gen(function* () {
          yield* add(nats, "KILLED")
          const all = messagesOf("KILLED", 200_000)
          const publishing = yield* Effect.forkChild(broker.publishInOrder(all, 0), { startImmediately: true })
          yield* Effect.promise(() =>
            eventually(
              "some are stored",
              async () => (await nats.manager.streams.info("KILLED")).state.last_seq > 500 || undefined,
            )
          )
          yield* Effect.promise(() => file.server.kill())
          const first: Published = yield* Fiber.join(publishing)
          expect(first.end).toBe("unknown")
          expect(yield* broker.publishInOrder(all, 0)).toMatchObject({ sequences: [], end: "unknown" })
          yield* Effect.promise(() => file.server.start())
          yield* Effect.promise(() => eventually("connected", async () => nats.isConnected() || undefined))
          const { lastSequence } = (yield* broker.streamInfo("KILLED"))!
          expect(lastSequence).toBeGreaterThanOrEqual(first.sequences.length)
          const rest = yield* broker.publishInOrder(all.slice(lastSequence, lastSequence + 1_000), lastSequence)
          expect(rest.sequences).toEqual(numbers(lastSequence + 1, 1_000))
        })
      ),
    60_000,
  )

  it.live(
    "a broker that is frozen leaves what it does not acknowledge unknown within seconds",
    () =>
      connected((broker, nats) =>
        Effect.gen(function* () {
          yield* add(nats, "FROZEN")
          file.server.freeze()
          const published = yield* broker.publishInOrder(messagesOf("FROZEN", 10), 0).pipe(
            Effect.ensuring(Effect.sync(file.server.thaw)),
          )
          expect(published).toMatchObject({ sequences: [], end: "unknown" })
          // What the frozen server took in the meantime is stored by now or will be; the same again makes no copy.
          yield* Effect.promise(() =>
            eventually("all are there", async () => {
              const { lastSequence } = (await Effect.runPromise(broker.streamInfo("FROZEN")))!
              const again = messagesOf("FROZEN", 10).slice(lastSequence)
              await Effect.runPromise(broker.publishInOrder(again, lastSequence))
              return lastSequence === 10 || undefined
            })
          )
          expect(yield* broker.streamInfo("FROZEN")).toMatchObject({ lastSequence: 10, messages: 10 })
        })
      ),
    60_000,
  )
})
