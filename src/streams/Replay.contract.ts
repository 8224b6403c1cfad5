/** What a replay guarantees on every log, as tests. Memory, SQL and a broker run the same. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Scope } from "effect"
import { accountOpened } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { eventually } from "./EventLog.contract.ts"
import type { EventLog, ReplayRange } from "./EventLog.ts"
import * as Digest from "./replayDigest.ts"

export interface ReplayedLog extends Pick<EventLog["Service"], "replay" | "sequenceAt"> {
  readonly append: (events: ReadonlyArray<Envelope>) => Effect.Effect<unknown, unknown>
  /** Drops all events up to this one, as retention does; undefined where nothing is ever dropped. */
  readonly forget: ((sequence: number) => Effect.Effect<unknown, unknown>) | undefined
  /** What a reader has left behind on a server. */
  readonly leftovers: Effect.Effect<ReadonlyArray<string>, unknown>
}

const opened = (index: number): Envelope =>
  accountOpened({
    id: `event-${index}`,
    atMs: 1_700_000_000_000 + index,
    correlationId: `correlation-${index}`,
    tenantId: TenantId.make(index % 5 === 0 ? "globex" : "acme"),
    userId: UserId.make(`user-${index % 3}`),
  }, { issuer: "test" })

/** Several chunks on every log. */
const count = 2_500
const events = Array.from({ length: count }, (_, index) => opened(index + 1))

/** Of these events, whichever log holds them; another value means that the encoding changed. */
const digestOfAll = "f6bca4bec4b61d735e370f62a9c3723306fb88fd2cdac5ba9fde3c7ff8042ff4"

const all: ReplayRange = { stream: "ACCOUNTS", fromSequence: 1, toSequence: count }

const filled = (log: ReplayedLog) =>
  Effect.gen(function* () {
    for (let at = 0; at < count; at += 500) yield* log.append(events.slice(at, at + 500))
    // The embedded log numbers what is committed in its own time.
    yield* eventually(Effect.exit(sequencesOf(log, all)), (exit) => exit._tag === "Success")
  })

const sequencesOf = (log: ReplayedLog, range: ReplayRange) =>
  log.replay(range).pipe(Stream.flattenIterable, Stream.map(({ sequence }) => sequence), Stream.runCollect)

const digestOf = Effect.fnUntraced(function* (log: ReplayedLog, range: ReplayRange) {
  const digest = Digest.make()
  yield* log.replay(range).pipe(
    Stream.flattenIterable,
    Stream.runForEach((event) => Effect.sync(() => digest.add(event))),
  )
  return digest.value()
})

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

export const suite = (name: string, make: Effect.Effect<ReplayedLog, unknown, Scope.Scope>) =>
  describe(`replay contract - ${name}`, () => {
    const test = (fact: string, body: (log: ReplayedLog) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
      it.live(fact, () => Effect.scoped(Effect.flatMap(make, (log) => Effect.andThen(filled(log), body(log)))))

    test(
      "a range comes whole and in order, in pieces that are not empty",
      Effect.fnUntraced(function* (log) {
        expect(yield* sequencesOf(log, all)).toEqual(numbers(1, count))
        const part = { ...all, fromSequence: 700, toSequence: 2_100 }
        expect(yield* sequencesOf(log, part)).toEqual(numbers(700, 2_100))
        const pieces = yield* Stream.runCollect(log.replay({ ...all, userId: UserId.make("user-1") }))
        expect(pieces.filter((piece) => piece.length === 0)).toEqual([])
        expect(yield* log.leftovers).toEqual([])
      }),
    )

    test(
      "an event is the same on every log, and so is the digest, every time",
      Effect.fnUntraced(function* (log) {
        const [first] = yield* Stream.runCollect(log.replay({ ...all, toSequence: 1 }))
        expect(first).toMatchObject([{
          stream: "ACCOUNTS",
          sequence: 1,
          subject: expect.stringMatching(/^tenant\.acme\.accounts\.user\.opened\.0\d\.user-1$/),
          partition: expect.any(Number),
          headers: {
            "content-type": "application/protobuf",
            "tenant-id": "acme",
            "correlation-id": "correlation-1",
            "x-correlation-id": "correlation-1",
            "Nats-Msg-Id": "event-1",
          },
          payload: expect.anything(),
        }])
        expect(yield* digestOf(log, all)).toBe(digestOfAll)
        expect(yield* digestOf(log, all)).toBe(digestOfAll)
        expect(yield* digestOf(log, { ...all, fromSequence: 2 })).not.toBe(digestOfAll)
      }),
    )

    test(
      "a filter gives what matches, and nothing else",
      Effect.fnUntraced(function* (log) {
        const ofTenant = numbers(1, count).filter((index) => index % 5 === 0)
        const ofUser = numbers(1, count).filter((index) => index % 3 === 1)
        const tenantId = TenantId.make("globex")
        const userId = UserId.make("user-1")
        expect(yield* sequencesOf(log, { ...all, tenantId })).toEqual(ofTenant)
        expect(yield* sequencesOf(log, { ...all, userId })).toEqual(ofUser)
        expect(yield* sequencesOf(log, { ...all, userId, tenantId })).toEqual(
          ofUser.filter((index) => ofTenant.includes(index)),
        )
        expect(yield* sequencesOf(log, { ...all, type: "accounts.user.opened", toSequence: 10 })).toEqual(
          numbers(1, 10),
        )
        expect(yield* sequencesOf(log, { ...all, type: "accounts.user.erased" })).toEqual([])
        expect(yield* sequencesOf(log, { ...all, userId: UserId.make("nobody") })).toEqual([])
        // Ends although the events behind the last match, up to the end of the range, are not looked at.
        expect(yield* sequencesOf(log, { ...all, userId, toSequence: 9 })).toEqual([1, 4, 7])
      }),
    )

    test(
      "an empty range is empty",
      Effect.fnUntraced(function* (log) {
        expect(yield* sequencesOf(log, { ...all, fromSequence: 7, toSequence: 6 })).toEqual([])
      }),
    )

    test(
      "a range beyond the end of the log is refused",
      Effect.fnUntraced(function* (log) {
        const failure = yield* Effect.flip(sequencesOf(log, { ...all, fromSequence: count, toSequence: count + 1 }))
        expect(failure).toMatchObject({ _tag: "ReplayGap", problem: `event ${count + 1} is not there` })
      }),
    )

    test(
      "a reader that stops early leaves nothing behind",
      Effect.fnUntraced(function* (log) {
        const some = yield* log.replay(all).pipe(Stream.take(1), Stream.runCollect)
        expect(some[0]![0]!.sequence).toBe(1)
        expect(yield* log.leftovers).toEqual([])
      }),
    )

    test(
      "two readers at once do not disturb each other",
      Effect.fnUntraced(function* (log) {
        const both = yield* Effect.all([digestOf(log, all), digestOf(log, all)], { concurrency: 2 })
        expect(both).toEqual([digestOfAll, digestOfAll])
      }),
    )

    test(
      "a time before all events is the first, one after them is past the last",
      Effect.fnUntraced(function* (log) {
        expect(yield* log.sequenceAt("ACCOUNTS", 0)).toBe(1)
        expect(yield* log.sequenceAt("ACCOUNTS", 4_000_000_000_000)).toBe(count + 1)
        expect(yield* log.sequenceAt("SIGNALS", 0)).toBe(1)
      }),
    )

    test(
      "a range whose begin is forgotten is refused",
      Effect.fnUntraced(function* (log) {
        if (log.forget === undefined) return
        yield* log.forget(100)
        const failure = yield* Effect.flip(sequencesOf(log, { ...all, fromSequence: 100 }))
        expect(failure).toMatchObject({ _tag: "ReplayGap", problem: expect.stringContaining("event 100 is not there") })
        expect(yield* sequencesOf(log, { ...all, fromSequence: 101 })).toEqual(numbers(101, count))
        expect(yield* log.sequenceAt("ACCOUNTS", 0)).toBe(101)
      }),
    )
  })
