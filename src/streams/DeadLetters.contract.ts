/** What operators can rely on when they settle dead letters, as tests. Run by memory and SQL. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Ref } from "effect"
import type { Layer, Scope } from "effect"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, TenantId, UserId } from "../../schemas/ids.ts"
import { run } from "./Consumer.ts"
import type { ReceivedEvent } from "./Consumer.ts"
import { DeadLetters } from "./DeadLetters.ts"
import type { LetterFilter } from "./DeadLetters.ts"
import { seal } from "./envelope.ts"
import { contractPartitions, eventually } from "./EventLog.contract.ts"
import { EventLog } from "./EventLog.ts"
import type { ConsumerContract, Delivery } from "./EventLog.ts"
import type { Inbox } from "./Inbox.ts"
import { Outbox } from "./Outbox.ts"

type Ports = EventLog | Outbox | Inbox | DeadLetters

const event = (id: string, user = "u1", tenantId = defaultTenant) =>
  accountOpened(
    { id, atMs: 1_700_000_000_000, correlationId: "c", tenantId, userId: UserId.make(user) },
    { issuer: "test" },
  )

const one: ConsumerContract = { durable: "test_one", stream: "ACCOUNTS", ordering: "stream", batchMax: 10 }
const two: ConsumerContract = { ...one, durable: "test_two" }

const cause = { reason: "attempts-exhausted", detail: "Boom" } as const
const doIt = { limit: 100, dryRun: false }

const delivery = (id: string, given: Partial<Delivery> = {}): Delivery => ({
  ...seal(event(id), contractPartitions),
  sequence: 1,
  attempt: 3,
  ...given,
})

const record = (durable: string, one: Delivery, why: Parameters<DeadLetters["Service"]["record"]>[2] = cause) =>
  Effect.flatMap(DeadLetters, (letters) => letters.record(durable, one, why))

const redrive = (filter: LetterFilter = {}, options = doIt) =>
  Effect.flatMap(DeadLetters, (letters) => letters.redrive(filter, options))

const idsOf = (filter: LetterFilter) =>
  Effect.flatMap(DeadLetters, ({ list }) => Effect.map(list(filter, { limit: 100 }), (all) => all.map(({ id }) => id)))

const stored = (count: number) =>
  Effect.flatMap(EventLog, (log) => eventually(log.read("ACCOUNTS", 0, 1_000), (events) => events.length >= count))

const messageIds = Effect.map(
  Effect.flatMap(EventLog, (log) => log.read("ACCOUNTS", 0, 1_000)),
  (events) => events.map(({ headers }) => headers["Nats-Msg-Id"]),
)

/** A handler that counts its effects by event, and fails while `broken` says so. */
const working = Effect.fnUntraced(function* () {
  const effects = yield* Ref.make<ReadonlyArray<string>>([])
  const broken = yield* Ref.make(false)
  const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
    if (yield* Ref.get(broken)) return yield* Effect.fail("broken")
    yield* Ref.update(effects, (all) => [...all, ...events.map(({ envelope }) => envelope.id)])
  })
  const consume = (consumer: ConsumerContract) => Effect.forkScoped(run({ consumer, attemptsMax: 1, handle }))
  return { effects, broken, consume }
})

/** Everything appended so far is settled by this consumer. */
const caughtUp = (durable: string, last: number) =>
  Effect.flatMap(EventLog, (log) =>
    Effect.andThen(
      stored(last),
      eventually(log.consumers, (all) => all.find((info) => info.durable === durable)?.lag === 0),
    ))

export const suite = <E>(name: string, layer: () => Layer.Layer<Ports, E>) =>
  describe(`dead letters contract - ${name}`, () => {
    const test = <A, E2>(fact: string, body: Effect.Effect<A, E2, Ports | Scope.Scope>) =>
      it.live(fact, () => Effect.provide(body, layer()))

    test(
      "the same death is one letter, and another message under the same number is another",
      Effect.gen(function* () {
        yield* record("x", delivery("a"))
        yield* record("x", delivery("a"))
        yield* record("x", delivery("b"))
        expect(yield* idsOf({ durable: "x" })).toHaveLength(2)
      }),
    )

    test(
      "a letter of any text is kept, whatever somebody wrote into its subject and headers",
      Effect.gen(function* () {
        const nul = "a\u0000b"
        const { subject, headers } = delivery("a")
        yield* record(
          "x",
          delivery("a", {
            subject: `${subject}${nul}`,
            headers: { ...headers, "Nats-Msg-Id": nul, [nul]: "\ud800", "tenant-id": nul },
          }),
        )
        yield* record("x", delivery("b", { sequence: 2 }))
        expect(yield* idsOf({ durable: "x" })).toHaveLength(2)
      }),
    )

    test(
      "a letter sent again is handled by the one who gave it up, and has no second effect for who did not",
      Effect.gen(function* () {
        yield* (yield* Outbox).append([event("a")])
        const [fine, ill] = [yield* working(), yield* working()]
        yield* Ref.set(ill.broken, true)
        yield* fine.consume(one)
        const failing = yield* ill.consume(two)
        yield* eventually(idsOf({}), (ids) => ids.length === 1)
        yield* caughtUp(one.durable, 1)
        yield* Fiber.interrupt(failing)
        yield* Ref.set(ill.broken, false)
        const [id] = yield* idsOf({})
        expect(yield* redrive()).toEqual({ redriven: [{ id, messageId: "a:redrive:1" }], refused: [] })
        yield* ill.consume(two)
        yield* caughtUp(one.durable, 2)
        yield* caughtUp(two.durable, 2)
        expect([yield* Ref.get(fine.effects), yield* Ref.get(ill.effects)]).toEqual([["a"], ["a"]])
        expect(yield* messageIds).toEqual(["a", "a:redrive:1"])
      }),
    )

    test(
      "what dies again is a new letter under the next number, and has one effect when it is taken in at last",
      Effect.gen(function* () {
        yield* (yield* Outbox).append([event("a")])
        const { effects, broken, consume } = yield* working()
        yield* Ref.set(broken, true)
        const failing = yield* consume(one)
        const [first] = yield* eventually(idsOf({}), (ids) => ids.length === 1)
        yield* redrive()
        const [second] = yield* eventually(idsOf({}), (ids) => ids.length === 1 && ids[0] !== first)
        expect((yield* (yield* DeadLetters).find(second!))?.letter).toMatchObject({ messageId: "a:redrive:1" })
        expect(yield* Ref.get(effects)).toEqual([])
        yield* Fiber.interrupt(failing)
        yield* Ref.set(broken, false)
        expect((yield* redrive()).redriven).toEqual([{ id: second, messageId: "a:redrive:2" }])
        yield* consume(one)
        yield* caughtUp(one.durable, 3)
        expect(yield* Ref.get(effects)).toEqual(["a"])
        expect(yield* idsOf({})).toEqual([])
      }),
    )

    test(
      "letters of one event are sent once in one call, and under different ids in two",
      Effect.gen(function* () {
        yield* record("x", delivery("a"))
        yield* record("y", delivery("a"))
        yield* record("x", delivery("b", { sequence: 2 }))
        yield* record("y", delivery("b", { sequence: 2 }))
        const { redriven } = yield* redrive({ durable: "x" })
        expect(redriven.map(({ messageId }) => messageId)).toEqual(["a:redrive:1", "b:redrive:1"])
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId)).toEqual(["a:redrive:2", "b:redrive:2"])
        yield* record("x", delivery("c", { sequence: 3 }))
        yield* record("y", delivery("c", { sequence: 3 }))
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId)).toEqual(["c:redrive:1", "c:redrive:1"])
        yield* stored(5)
        expect((yield* messageIds).toSorted()).toEqual(
          ["a:redrive:1", "a:redrive:2", "b:redrive:1", "b:redrive:2", "c:redrive:1"],
        )
        const all = yield* (yield* DeadLetters).list({ state: "redriven" }, { limit: 10 })
        expect(all.map(({ durable, redrives }) => [durable, redrives]))
          .toEqual([["y", 1], ["x", 1], ["y", 2], ["x", 1], ["y", 2], ["x", 1]])
      }),
    )

    test(
      "two bodies under one message id are two messages",
      Effect.gen(function* () {
        yield* record("x", delivery("a"))
        yield* record("x", delivery("a", { sequence: 2, payload: Uint8Array.of(1) }))
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId)).toEqual(["a:redrive:1", "a:redrive:2"])
        expect((yield* stored(2)).map(({ payload }) => payload.length > 1)).toEqual([true, false])
      }),
    )

    test(
      "a number stays used when the letter that had it is dropped",
      Effect.gen(function* () {
        const letters = yield* DeadLetters
        yield* record("x", delivery("a"))
        yield* redrive()
        yield* record("y", delivery("a"))
        expect(yield* letters.drop({ state: "redriven" }, doIt)).toHaveLength(1)
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId)).toEqual(["a:redrive:2"])
        yield* stored(2)
      }),
    )

    test(
      "subject and payload stay, of the headers only ours do, and the message id is the new one",
      Effect.gen(function* () {
        const sealed = delivery("a")
        const foreign = { "Nats-Expected-Last-Sequence": "7", "Nats-Rollup": "all", "dead-reason": "x", "X-Other": "y" }
        const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
        yield* record("x", { ...sealed, headers: { ...sealed.headers, ...foreign, traceparent } })
        yield* redrive()
        const [again] = yield* stored(1)
        expect(again!.headers).toEqual({ ...sealed.headers, traceparent, "Nats-Msg-Id": "a:redrive:1" })
        expect([again!.subject, again!.partition]).toEqual([sealed.subject, sealed.partition])
        expect(Buffer.from(again!.payload).equals(Buffer.from(sealed.payload))).toBe(true)
      }),
    )

    test(
      "a message without an id gets one from where it stood",
      Effect.gen(function* () {
        yield* record("x", delivery("a", { headers: {}, payload: Uint8Array.of(255), sequence: 9 }))
        yield* record("y", delivery("a", { headers: {}, payload: Uint8Array.of(255), sequence: 9 }))
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId))
          .toEqual(["dlq:ACCOUNTS:9:redrive:1", "dlq:ACCOUNTS:9:redrive:1"])
        yield* record("x", delivery("a", { headers: { "Nats-Msg-Id": "dlq:ACCOUNTS:9:redrive:1" }, sequence: 10 }))
        expect((yield* redrive()).redriven.map(({ messageId }) => messageId)).toEqual(["dlq:ACCOUNTS:9:redrive:2"])
      }),
    )

    test(
      "a dry run says what would be done and does nothing",
      Effect.gen(function* () {
        const letters = yield* DeadLetters
        yield* record("x", delivery("a"))
        const before = yield* letters.list({ state: "any" }, { limit: 10 })
        const dry = { ...doIt, dryRun: true }
        const [id] = yield* idsOf({})
        expect(yield* letters.redrive({}, dry)).toEqual({ redriven: [{ id, messageId: "a:redrive:1" }], refused: [] })
        expect(yield* letters.drop({}, dry)).toEqual([id])
        expect(yield* letters.list({ state: "any" }, { limit: 10 })).toEqual(before)
        // Had it appended anything, this one would come second.
        yield* (yield* Outbox).append([event("next")])
        yield* stored(1)
        expect(yield* messageIds).toEqual(["next"])
      }),
    )

    test(
      "a filter takes what matches all of its parts",
      Effect.gen(function* () {
        const other = event("b", "u2", TenantId.make("acme"))
        yield* record("x", delivery("a"))
        yield* record("y", { ...delivery("b"), ...seal(other, contractPartitions), sequence: 2 }, {
          reason: "undecodable",
          detail: "its bytes are not application/protobuf",
        })
        const letters = yield* oldestFirst
        const [a, b] = letters.map(({ id }) => id)
        const at = letters[0]!.diedAtMs
        const wanted: ReadonlyArray<readonly [LetterFilter, ReadonlyArray<number | undefined>]> = [
          [{ durable: "x" }, [a]],
          [{ stream: "ACCOUNTS" }, [a, b]],
          [{ stream: "SIGNALS" }, []],
          [{ reason: "undecodable" }, [b]],
          [{ tenantId: "acme" }, [b]],
          [{ userId: "u1" }, [a]],
          [{ userId: "u1", tenantId: "acme" }, []],
          [{ ids: [b!] }, [b]],
          [{ ids: [a!, b!], durable: "x" }, [a]],
          [{ diedFromMs: at }, [a, b]],
          [{ diedFromMs: at + 60_000 }, []],
          [{ diedToMs: at }, []],
          [{ diedToMs: at + 60_000 }, [a, b]],
        ]
        for (const [filter, ids] of wanted) {
          const { redriven } = yield* redrive(filter, { ...doIt, dryRun: true })
          expect([filter, redriven.map(({ id }) => id)]).toEqual([filter, ids])
          expect(yield* (yield* DeadLetters).drop(filter, { ...doIt, dryRun: true })).toEqual(ids)
        }
      }),
    )

    test(
      "the oldest go first, as many as the limit allows",
      Effect.gen(function* () {
        for (const [index, id] of ["a", "b", "c"].entries()) yield* record("x", delivery(id, { sequence: index + 1 }))
        const messages = ({ redriven }: { readonly redriven: ReadonlyArray<{ readonly messageId: string }> }) =>
          redriven.map(({ messageId }) => messageId)
        expect(messages(yield* redrive({}, { ...doIt, limit: 2 }))).toEqual(["a:redrive:1", "b:redrive:1"])
        expect(messages(yield* redrive({}, { ...doIt, limit: 2 }))).toEqual(["c:redrive:1"])
        expect(messages(yield* redrive({}, { ...doIt, limit: 2 }))).toEqual([])
      }),
    )

    test(
      "operators at once send every letter once",
      Effect.gen(function* () {
        for (let n = 1; n <= 12; n++) {
          yield* record("x", delivery(`e${n}`, { sequence: n }))
          yield* record("y", delivery(`e${n}`, { sequence: n }))
        }
        const reports = yield* Effect.forEach([1, 2, 3, 4], () => redrive(), { concurrency: "unbounded" })
        expect(reports.map(({ redriven }) => redriven.length).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 24])
        yield* (yield* Outbox).append([event("last")])
        const events = yield* stored(13)
        expect(events).toHaveLength(13)
        expect(new Set(yield* messageIds)).toHaveProperty("size", 13)
      }),
    )

    test(
      "operators at once who choose different letters of one event send it under different ids",
      Effect.gen(function* () {
        yield* record("x", delivery("a"))
        yield* record("y", delivery("a"))
        yield* Effect.forEach(["x", "y"], (durable) => redrive({ durable }), { concurrency: "unbounded" })
        yield* stored(2)
        expect((yield* messageIds).toSorted()).toEqual(["a:redrive:1", "a:redrive:2"])
      }),
    )

    test(
      "what nobody would take in is refused with the reason, stays open, and keeps nothing else back",
      Effect.gen(function* () {
        const subject = seal(event("a"), contractPartitions).subject
        yield* record("x", delivery("a", { subject: "tenant.*.accounts" }))
        yield* record("x", delivery("b", { subject: subject.replace(".accounts.", ".signals."), sequence: 2 }))
        yield* record("x", delivery("c", { subject: subject.replace(/\.\d\d\./, ".63."), sequence: 3 }))
        yield* record("x", delivery("d", { sequence: 4 }))
        const { redriven, refused } = yield* redrive()
        expect(redriven.map(({ messageId }) => messageId)).toEqual(["d:redrive:1"])
        expect(refused.map(({ problem }) => problem)).toEqual([
          "its subject is not one of ours",
          "its subject belongs to another stream than ACCOUNTS",
          "its partition 63 does not exist here: there are 4",
        ])
        expect((yield* idsOf({})).toSorted((a, b) => a - b)).toEqual(refused.map(({ id }) => id))
      }),
    )

    test(
      "letters that are named and not open are refused",
      Effect.gen(function* () {
        yield* record("x", delivery("a"))
        const [id] = yield* idsOf({})
        yield* redrive({ ids: [id!] })
        expect(yield* redrive({ ids: [id!, 987_654_321] })).toEqual({
          redriven: [],
          refused: [
            { id, problem: "it was sent again before" },
            { id: 987_654_321, problem: "there is no such letter" },
          ],
        })
      }),
    )

    test(
      "dropping forgets the letters and what was in them",
      Effect.gen(function* () {
        const letters = yield* DeadLetters
        for (const [index, id] of ["a", "b", "c"].entries()) yield* record("x", delivery(id, { sequence: index + 1 }))
        const [c, b, a] = yield* idsOf({})
        expect(yield* letters.drop({ ids: [b!] }, doIt)).toEqual([b])
        expect(yield* letters.find(b!)).toBeUndefined()
        expect(yield* letters.drop({}, { ...doIt, limit: 1 })).toEqual([a])
        expect(yield* idsOf({})).toEqual([c])
        expect(yield* letters.drop({ ids: [b!] }, doIt)).toEqual([])
      }),
    )
  })

/** Oldest first. */
const oldestFirst = Effect.flatMap(
  DeadLetters,
  ({ list }) => Effect.map(list({}, { limit: 100 }), (all) => all.toReversed()),
)
