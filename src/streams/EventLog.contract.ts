/** What every event log guarantees, as tests. Run by memory, by SQL, and on a broker. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref, Schedule } from "effect"
import type { Layer, Scope } from "effect"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { handleBatch, run } from "./Consumer.ts"
import type { ConsumerOptions, ReceivedEvent } from "./Consumer.ts"
import { DeadLetters } from "./DeadLetters.ts"
import { EventLog } from "./EventLog.ts"
import type { ConsumerContract } from "./EventLog.ts"
import { Inbox } from "./Inbox.ts"
import { Outbox } from "./Outbox.ts"

export const contractPartitions = 4

const event = (id: string, user = "u1") =>
  accountOpened(
    { id, atMs: 1_700_000_000_000, correlationId: "c", tenantId: defaultTenant, userId: UserId.make(user) },
    { issuer: "test" },
  )

const ordered: ConsumerContract = { durable: "test_ordered", stream: "ACCOUNTS", ordering: "stream", batchMax: 10 }
const byUser: ConsumerContract = { ...ordered, durable: "test_by_user", ordering: "partition" }

/** For logs that know their consumers beforehand. */
export const contractConsumers: ReadonlyArray<ConsumerContract> = [ordered, byUser]

/** Waits for another fiber or process to get there; fails loudly instead of hanging. */
export const eventually = <A, E, R>(look: Effect.Effect<A, E, R>, reached: (value: A) => boolean) =>
  look.pipe(
    Effect.filterOrFail(reached, (value) => new Error(`not reached: ${JSON.stringify(value)}`)),
    Effect.retry(Schedule.max([Schedule.spaced(5), Schedule.recurs(2_000)])),
  )

const letters = Effect.flatMap(DeadLetters, ({ list }) => list({}, { limit: 10 }))

const pullSome = (consumer: ConsumerContract, lane = 0) =>
  Effect.flatMap(EventLog, (log) => eventually(log.pull(consumer, lane), (messages) => messages.length > 0))

/** A first batch of so many: what arrives message by message is given back until it is all there. */
const pullAll = Effect.fnUntraced(function* (consumer: ConsumerContract, count: number) {
  const log = yield* EventLog
  const look = Effect.tap(
    log.pull(consumer, 0),
    (messages) => messages.length < count ? log.refuse(consumer, 0, 0, false) : Effect.void,
  )
  return yield* eventually(look, (messages) => messages.length === count)
})

/** Handles a batch as soon as there is one. */
const handleSome = <E, R>(options: ConsumerOptions<E, R>) =>
  eventually(handleBatch(options, 0), ({ restMs, settled }) => settled > 0 || restMs > 0)

const appended = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const outbox = yield* Outbox
  const log = yield* EventLog
  yield* outbox.append(ids.map((id) => event(id)))
  yield* eventually(log.read("ACCOUNTS", 0, 1_000), (events) => events.length >= ids.length)
})

export const suite = <E>(name: string, layer: () => Layer.Layer<EventLog | Outbox | Inbox | DeadLetters, E>) =>
  describe(`event log contract - ${name}`, () => {
    const test = <A, E2>(
      fact: string,
      body: Effect.Effect<A, E2, EventLog | Outbox | Inbox | DeadLetters | Scope.Scope>,
    ) => it.live(fact, () => Effect.provide(body, layer()))

    test(
      "events are numbered from 1 without gaps in the order they were appended",
      Effect.gen(function* () {
        yield* appended(["a", "b", "c"])
        const log = yield* EventLog
        const events = yield* log.read("ACCOUNTS", 0, 10)
        expect(events.map((one) => [one.sequence, one.headers["Nats-Msg-Id"]])).toEqual([[1, "a"], [2, "b"], [3, "c"]])
        expect((yield* log.read("ACCOUNTS", 2, 10)).map((one) => one.sequence)).toEqual([3])
      }),
    )

    test(
      "an event appended twice is stored once",
      Effect.gen(function* () {
        yield* appended(["a"])
        yield* appended(["a", "b"])
        const log = yield* EventLog
        expect((yield* log.read("ACCOUNTS", 0, 10)).map((one) => one.headers["Nats-Msg-Id"])).toEqual(["a", "b"])
      }),
    )

    test(
      "what was pulled and not settled comes again, one at a time, with its attempt counted",
      Effect.gen(function* () {
        yield* appended(["a", "b", "c"])
        const log = yield* EventLog
        expect((yield* pullAll(ordered, 3)).map((one) => one.attempt)).toEqual([1, 1, 1])
        const again = yield* log.pull(ordered, 0)
        expect(again.map((one) => [one.sequence, one.attempt])).toEqual([[1, 2]])
        yield* log.settle(ordered, 0, 1)
        expect((yield* log.pull(ordered, 0)).map((one) => [one.sequence, one.attempt])).toEqual([[2, 2]])
        yield* log.settle(ordered, 0, 2)
        yield* log.settle(ordered, 0, 1) // late: changes nothing
        yield* pullSome(ordered)
        yield* log.settle(ordered, 0, 3)
        expect(yield* log.pull(ordered, 0)).toEqual([])
      }),
    )

    test(
      "a refused lane rests, then delivers the same message",
      Effect.gen(function* () {
        yield* appended(["a"])
        const log = yield* EventLog
        yield* pullSome(ordered)
        yield* log.refuse(ordered, 0, 60_000, true)
        expect(yield* log.pull(ordered, 0)).toEqual([])
        yield* log.refuse(ordered, 0, 0, true)
        expect((yield* pullSome(ordered)).map((one) => [one.sequence, one.attempt])).toEqual([[1, 2]])
      }),
    )

    test(
      "a buried message is a dead letter once, and the lane goes on",
      Effect.gen(function* () {
        yield* appended(["a", "b"])
        const log = yield* EventLog
        const [first] = yield* pullSome(ordered)
        const cause = { reason: "attempts-exhausted", detail: "Boom" } as const
        yield* log.bury(ordered, 0, first!, cause)
        yield* log.bury(ordered, 0, first!, { ...cause, detail: "again" })
        const buried = yield* letters
        expect(buried.map((one) => [one.sequence, one.detail])).toEqual([[1, "Boom"]])
        expect((yield* pullSome(ordered)).map((one) => one.sequence)).toEqual([2])
      }),
    )

    test(
      "a consumer's effect happens once per event although its first run fails after half of them",
      Effect.gen(function* () {
        yield* appended(["a", "b", "c"])
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const failures = yield* Ref.make(1)
        const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
          if ((yield* Ref.getAndUpdate(failures, (left) => left - 1)) > 0) return yield* Effect.fail("flaky")
          yield* Ref.update(seen, (ids) => [...ids, ...events.map((one) => one.envelope.id)])
        })
        const fiber = yield* Effect.forkChild(run({ consumer: ordered, attemptsMax: 5, handle }))
        yield* eventually(Ref.get(seen), (ids) => ids.length >= 3)
        yield* Fiber.interrupt(fiber)
        expect(yield* Ref.get(seen)).toEqual(["a", "b", "c"])
        expect(yield* letters).toEqual([])
      }),
    )

    test(
      "an event handled before is not handled again when it is delivered again",
      Effect.gen(function* () {
        yield* appended(["a"])
        const count = yield* Ref.make(0)
        const options = { consumer: ordered, attemptsMax: 5, handle: () => Ref.update(count, (n) => n + 1) }
        const log = yield* EventLog
        const inbox = yield* Inbox
        // As after a crash between the effect and the settling of it.
        yield* inbox.once(ordered.durable, ["a"], () => options.handle())
        yield* handleSome(options)
        expect(yield* Ref.get(count)).toBe(1)
        expect(yield* log.pull(ordered, 0)).toEqual([])
      }),
    )

    test(
      "a message that always fails becomes a dead letter after its attempts, and its neighbours are handled once",
      Effect.gen(function* () {
        yield* appended(["a", "poison", "c"])
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
          const ids = events.map((one) => one.envelope.id)
          if (ids.includes("poison")) return yield* Effect.die(new TypeError("secret payload"))
          yield* Ref.update(seen, (all) => [...all, ...ids])
        })
        const fiber = yield* Effect.forkChild(run({ consumer: ordered, attemptsMax: 3, handle }))
        yield* eventually(Ref.get(seen), (ids) => ids.includes("c"))
        yield* Fiber.interrupt(fiber)
        expect(yield* Ref.get(seen)).toEqual(["a", "c"])
        const buried = yield* letters
        expect(buried.map((one) => [one.sequence, one.reason, one.detail, one.attempts]))
          .toEqual([[2, "attempts-exhausted", "TypeError", 3]])
      }),
    )

    test(
      "with one attempt, too, only the message that fails becomes a dead letter",
      Effect.gen(function* () {
        yield* appended(["a", "poison", "c"])
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
          const ids = events.map((one) => one.envelope.id)
          if (ids.includes("poison")) return yield* Effect.die(new TypeError("secret payload"))
          yield* Ref.update(seen, (all) => [...all, ...ids])
        })
        const fiber = yield* Effect.forkChild(run({ consumer: ordered, attemptsMax: 1, handle }))
        yield* eventually(letters, (all) => all.length > 0)
        yield* eventually(Ref.get(seen), (ids) => ids.includes("c"))
        yield* Fiber.interrupt(fiber)
        expect(yield* Ref.get(seen)).toEqual(["a", "c"])
        expect((yield* letters).map((one) => [one.sequence, one.detail])).toEqual([[2, "TypeError"]])
      }),
    )

    test(
      "trouble of the store spends no attempts: what failed more often than allowed is handled when it is over",
      Effect.gen(function* () {
        yield* appended(["a", "b"])
        const log = yield* EventLog
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const down = yield* Ref.make(true)
        const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
          if (yield* Ref.get(down)) return yield* new StoreUnavailable({ operation: "test", cause: "gone" })
          yield* Ref.update(seen, (all) => [...all, ...events.map((one) => one.envelope.id)])
        })
        const options = { consumer: ordered, attemptsMax: 1, handle }
        for (let failure = 1; failure <= 4; failure++) {
          const { settled, restMs } = yield* handleSome(options)
          expect(settled).toBe(0)
          expect(restMs).toBeGreaterThanOrEqual(500)
          yield* log.refuse(ordered, 0, 0, true) // ends the rest
        }
        yield* Ref.set(down, false)
        yield* eventually(
          Effect.andThen(handleBatch(options, 0), Ref.get(seen)),
          (ids) => ids.length === 2,
        )
        expect(yield* Ref.get(seen)).toEqual(["a", "b"])
        expect(yield* letters).toEqual([])
      }),
    )

    test(
      "a message whose data the store refuses becomes a dead letter after its attempts",
      Effect.gen(function* () {
        yield* appended(["poison"])
        const log = yield* EventLog
        const handle = () => new StoreUnavailable({ operation: "test", cause: "does not fit", dataAtFault: true })
        const settled: Array<number> = []
        for (let attempt = 1; attempt <= 3; attempt++) {
          settled.push((yield* handleSome({ consumer: ordered, attemptsMax: 3, handle })).settled)
          yield* log.refuse(ordered, 0, 0, true) // ends the rest
        }
        expect(settled).toEqual([0, 0, 1])
        expect((yield* letters).map((one) => [one.detail, one.attempts])).toEqual([["StoreUnavailable", 3]])
      }),
    )

    test(
      "a message whose handler kills the process every time is given up without running again",
      Effect.gen(function* () {
        yield* appended(["killer"])
        for (let attempt = 1; attempt <= 3; attempt++) yield* pullSome(ordered)
        const handle = () => Effect.die("must not run")
        expect(yield* handleBatch({ consumer: ordered, attemptsMax: 3, handle }, 0)).toEqual({ settled: 1, restMs: 0 })
        expect((yield* letters).map((one) => one.reason)).toEqual(["attempts-exhausted"])
      }),
    )

    test(
      "a message that was delivered too often is no dead letter when its effect is there",
      Effect.gen(function* () {
        yield* appended(["a"])
        const inbox = yield* Inbox
        yield* inbox.once(ordered.durable, ["a"], () => Effect.void)
        for (let attempt = 1; attempt <= 3; attempt++) yield* pullSome(ordered)
        const handle = () => Effect.die("must not run")
        expect(yield* handleBatch({ consumer: ordered, attemptsMax: 3, handle }, 0)).toEqual({ settled: 1, restMs: 0 })
        expect(yield* letters).toEqual([])
        expect(yield* Effect.flatMap(EventLog, ({ pull }) => pull(ordered, 0))).toEqual([])
      }),
    )

    test(
      "an undecodable message becomes a dead letter at once, and what stands around it is handled",
      Effect.gen(function* () {
        yield* appended(["a", "", "c"])
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const handle = (events: ReadonlyArray<ReceivedEvent>) =>
          Ref.update(seen, (all) => [...all, ...events.map((one) => one.envelope.id)])
        const fiber = yield* Effect.forkChild(run({ consumer: ordered, attemptsMax: 5, handle }))
        yield* eventually(Ref.get(seen), (ids) => ids.includes("c"))
        yield* Fiber.interrupt(fiber)
        expect(yield* Ref.get(seen)).toEqual(["a", "c"])
        const buried = yield* letters
        expect(buried.map((one) => [one.sequence, one.reason])).toEqual([[2, "undecodable"]])
      }),
    )

    test(
      "order holds per user while another user's lane is stuck",
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const free = yield* Deferred.make<void>()
        yield* outbox.append([event("a1", "anna"), event("b1", "bert"), event("a2", "anna"), event("b2", "bert")])
        const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
          if (events[0]!.envelope.userId === "anna") yield* Deferred.await(free)
          yield* Ref.update(seen, (all) => [...all, ...events.map((one) => one.envelope.id)])
        })
        const fiber = yield* Effect.forkChild(run({ consumer: byUser, attemptsMax: 5, handle }))
        yield* eventually(Ref.get(seen), (ids) => ids.includes("b2"))
        expect(yield* Ref.get(seen)).toEqual(["b1", "b2"])
        yield* Deferred.succeed(free, undefined)
        yield* eventually(Ref.get(seen), (ids) => ids.length === 4)
        yield* Fiber.interrupt(fiber)
        expect((yield* Ref.get(seen)).slice(2)).toEqual(["a1", "a2"])
      }),
    )

    test(
      "appends from many fibers at once leave no gap, and lag is what is not settled",
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const log = yield* EventLog
        const ids = Array.from({ length: 60 }, (_, index) => `e${index}`)
        yield* Effect.forEach(ids, (id) => outbox.append([event(id, `u${id}`)]), { concurrency: 12 })
        const events = yield* eventually(log.read("ACCOUNTS", 0, 100), (all) => all.length === ids.length)
        expect(events.map((one) => one.sequence)).toEqual(ids.map((_, index) => index + 1))
        expect(new Set(events.map((one) => one.headers["Nats-Msg-Id"]))).toEqual(new Set(ids))
        const some = yield* pullSome(ordered)
        yield* log.settle(ordered, 0, some.at(-1)!.sequence)
        const [info] = yield* eventually(
          Effect.map(log.consumers, (all) => all.filter((one) => one.durable === ordered.durable)),
          ([one]) => one?.lag === ids.length - some.length,
        )
        expect(info).toMatchObject({ inFlight: 0, retrying: 0 })
        const accounts = (yield* log.streams).find((one) => one.stream === "ACCOUNTS")
        expect(accounts).toMatchObject({ firstSequence: 1, lastSequence: 60, messages: 60 })
      }),
    )
  })
