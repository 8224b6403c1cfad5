import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import type { Scope } from "effect"
import { natsOfFile, urlOf } from "../../../test/support/nats.ts"
import { accountOpened } from "../../../schemas/events.ts"
import type { Envelope } from "../../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { defaultTenant, UserId } from "../../../schemas/ids.ts"
import { seal } from "../envelope.ts"
import { streamNames, streamOfClass } from "../names.ts"
import { suite } from "../Replay.contract.ts"
import * as NatsConnection from "./NatsConnection.ts"
import { toNats } from "./natsHeaders.ts"
import { replayStream, sequenceAt } from "./replayStream.ts"

const file = natsOfFile()

type Connected = NatsConnection.Nats["Service"]

/** Connected, with our four streams, empty. */
const cleared = Effect.gen(function* () {
  const layer = NatsConnection.layer({ url: urlOf(file.server), credentials: undefined, name: "test", waitMs: 5_000 })
  const nats = yield* Effect.map(Layer.build(layer), (context) => Effect.provideContext(NatsConnection.Nats, context))
    .pipe(Effect.flatten)
  yield* Effect.promise(async () => {
    for (const [eventClass, name] of Object.entries(streamOfClass)) {
      await nats.manager.streams.delete(name).catch(() => {})
      await nats.manager.streams.add({ name, subjects: [`tenant.*.${eventClass}.>`] })
    }
  })
  return nats
})

const append = (nats: Connected, events: ReadonlyArray<Envelope>) =>
  Effect.promise(() =>
    Promise.all(events.map((event) => {
      const { subject, headers, payload } = seal(event, 8)
      // As the relay publishes: the header is the broker's affair, and no part of the event.
      return nats.jetstream.publish(subject, payload, {
        headers: toNats({ ...headers, "Nats-Expected-Stream": "ACCOUNTS" }),
      })
    }))
  )

const consumersOn = (nats: Connected) =>
  Effect.promise(async () => {
    const names: Array<string> = []
    for (const stream of streamNames) {
      for await (const { name } of nats.manager.consumers.list(stream)) names.push(name)
    }
    return names
  })

suite(
  "jetstream",
  Effect.map(cleared, (nats) => ({
    replay: (range) => replayStream(nats, range),
    sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    append: (events) => append(nats, events),
    forget: (sequence) => Effect.promise(() => nats.manager.streams.purge("ACCOUNTS", { seq: sequence + 1 })),
    leftovers: consumersOn(nats),
  })),
)

const opened = (index: number, size = 0) =>
  accountOpened({
    id: `event-${index}`,
    atMs: index,
    correlationId: "c",
    tenantId: defaultTenant,
    userId: UserId.make(`user-${index % 2}`),
  }, { issuer: "x".repeat(size) })

const sequences = (nats: Connected, fromSequence: number, toSequence: number, userId?: UserId) =>
  replayStream(nats, { stream: "ACCOUNTS", fromSequence, toSequence, ...(userId === undefined ? {} : { userId }) })
    .pipe(
      Stream.flattenIterable,
      Stream.map(({ sequence }) => sequence),
      Stream.runCollect,
    )

/** Two windows: what happens in the middle meets messages that were not sent yet. */
describe("replay from a broker", () => {
  const test = (fact: string, body: (nats: Connected) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    it.live(fact, () => Effect.scoped(Effect.flatMap(cleared, body)))

  const deleted = (nats: Connected, ...ones: ReadonlyArray<number>) =>
    Effect.promise(async () => {
      for (const sequence of ones) await nats.manager.streams.deleteMessage("ACCOUNTS", sequence)
    })

  test(
    "deleted messages are holes, also the last of the range",
    Effect.fnUntraced(function* (nats) {
      yield* append(nats, Array.from({ length: 10 }, (_, index) => opened(index)))
      yield* deleted(nats, 4, 5, 9, 10)
      expect(yield* sequences(nats, 1, 10)).toEqual([1, 2, 3, 6, 7, 8])
      expect(yield* sequences(nats, 1, 9)).toEqual([1, 2, 3, 6, 7, 8])
      expect(yield* sequences(nats, 9, 10)).toEqual([])
      yield* append(nats, [opened(11)])
      expect(yield* sequences(nats, 9, 10)).toEqual([])
      expect(yield* sequences(nats, 9, 11)).toEqual([11])
    }),
  )

  test(
    "large messages come whole, in pieces of bounded size",
    Effect.fnUntraced(function* (nats) {
      const events = Array.from({ length: 40 }, (_, index) => opened(index, 900_000))
      for (let at = 0; at < events.length; at += 8) yield* append(nats, events.slice(at, at + 8))
      const pieces = yield* replayStream(nats, { stream: "ACCOUNTS", fromSequence: 1, toSequence: 40 }).pipe(
        Stream.map((piece) => piece.map(({ payload }) => payload.length)),
        Stream.runCollect,
      )
      expect(pieces.flat().length).toBe(40)
      expect(Math.max(...pieces.map((piece) => piece.reduce((sum, bytes) => sum + bytes, 0)))).toBeLessThan(16_000_000)
    }),
  )

  test(
    "a stream that is not there, or loses its begin while it is read, is refused",
    Effect.fnUntraced(function* (nats) {
      yield* append(nats, Array.from({ length: 6_000 }, (_, index) => opened(index, 4_000)))
      const range = { stream: "ACCOUNTS", fromSequence: 1, toSequence: 6_000 } as const
      const purge = Effect.promise(() => nats.manager.streams.purge("ACCOUNTS", { seq: 5_990 }))
      const failure = yield* replayStream(nats, range).pipe(
        Stream.mapEffect((piece, index) => index === 0 ? Effect.as(purge, piece) : Effect.succeed(piece)),
        Stream.runDrain,
        Effect.flip,
      )
      expect(failure).toMatchObject({
        _tag: "ReplayGap",
        problem: expect.stringMatching(/^event \d+ is not there any/),
      })
      expect(yield* consumersOn(nats)).toEqual([])
      yield* Effect.promise(() => nats.manager.streams.delete("ACCOUNTS"))
      expect(yield* Effect.flip(sequences(nats, 1, 1))).toMatchObject({ problem: "there is no such stream" })
    }),
  )

  test(
    "a consumer that is deleted under the reader is replaced, and nothing is missing or twice",
    Effect.fnUntraced(
      function* (nats) {
        yield* append(nats, Array.from({ length: 6_000 }, (_, index) => opened(index, 4_000)))
        const remove = Effect.promise(async () => {
          for await (const { name } of nats.manager.consumers.list("ACCOUNTS")) {
            await nats.manager.consumers.delete("ACCOUNTS", name)
          }
        })
        const seen = yield* replayStream(nats, { stream: "ACCOUNTS", fromSequence: 1, toSequence: 6_000 }).pipe(
          Stream.mapEffect((piece, index) => index === 1 ? Effect.as(remove, piece) : Effect.succeed(piece)),
          Stream.flattenIterable,
          Stream.map(({ sequence }) => sequence),
          Stream.runCollect,
        )
        expect(seen).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1))
      },
    ),
  )

  test(
    "a broker that dies and comes back in the middle changes nothing",
    Effect.fnUntraced(function* (nats) {
      yield* append(nats, Array.from({ length: 6_000 }, (_, index) => opened(index, 4_000)))
      const again = Effect.promise(async () => {
        await file.server.kill()
        await file.server.start()
      })
      const seen = yield* replayStream(nats, { stream: "ACCOUNTS", fromSequence: 1, toSequence: 6_000 }).pipe(
        Stream.mapEffect((piece, index) => index === 1 ? Effect.as(again, piece) : Effect.succeed(piece)),
        Stream.flattenIterable,
        Stream.map(({ sequence }) => sequence),
        Stream.runCollect,
      )
      expect(seen).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1))
    }),
  )

  test(
    "a reader that rests is sent no more than a window",
    Effect.fnUntraced(function* (nats) {
      yield* append(nats, Array.from({ length: 6_000 }, (_, index) => opened(index, 4_000)))
      const delivered = Effect.promise(async () => {
        const found = await nats.manager.consumers.list("ACCOUNTS").next()
        return found[0]!.delivered.consumer_seq
      })
      const [after] = yield* replayStream(nats, { stream: "ACCOUNTS", fromSequence: 1, toSequence: 6_000 }).pipe(
        Stream.mapEffect(() => delivered),
        Stream.take(1),
        Stream.runCollect,
      )
      expect(after).toBeLessThanOrEqual(4_200)
    }),
  )
})
