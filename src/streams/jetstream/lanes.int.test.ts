import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Ref, Scope } from "effect"
import { nats, type NatsServer } from "../../../test/support/nats.ts"
import { accountOpened } from "../../../schemas/events.ts"
import { defaultTenant, UserId } from "../../../schemas/ids.ts"
import { run } from "../Consumer.ts"
import type { ReceivedEvent } from "../Consumer.ts"
import { DeadLetters } from "../DeadLetters.ts"
import { eventually } from "../EventLog.contract.ts"
import { EventLog } from "../EventLog.ts"
import { deliveriesSpare } from "../contracts.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { Inbox } from "../Inbox.ts"
import { standInSubject } from "../names.ts"
import { Outbox } from "../Outbox.ts"
import { Broker } from "./Broker.ts"
import type { LaneMessage } from "./Broker.ts"
import { durableOf } from "./laneKeeper.ts"
import { applyContracts, connected, installation, logOf, memory, publishing } from "./jetstreamLog.fixture.ts"
import type { Installation } from "./jetstreamLog.fixture.ts"
import { Nats } from "./NatsConnection.ts"

const partitions = 4
const whole: ConsumerContract = { durable: "whole", stream: "ACCOUNTS", ordering: "stream", batchMax: 4 }
const byUser: ConsumerContract = { ...whole, durable: "by_user", ordering: "partition" }

const event = (id: string, user = "u1") =>
  accountOpened(
    { id, atMs: 1_700_000_000_000, correlationId: "c", tenantId: defaultTenant, userId: UserId.make(user) },
    { issuer: "test" },
  )
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `e${from + index}`)

type Faults = (broker: Broker["Service"]) => Broker["Service"]

/** One process of the installation: its own connection, its own share of the leases. */
const processOf = Effect.fnUntraced(function* (where: Installation, holder: string, faults: Faults = (one) => one) {
  const faulty = Layer.effect(Broker, Effect.map(Broker, faults)).pipe(Layer.provideMerge(connected(where)))
  return yield* Layer.build(
    Layer.fresh(Layer.mergeAll(logOf(where, holder), publishing(where)).pipe(Layer.provideMerge(faulty))),
  )
})

interface World {
  readonly where: Installation
  readonly server: NatsServer
  /** Ids of events in the order of their effects. */
  readonly effects: Ref.Ref<ReadonlyArray<string>>
}

const world = Effect.fnUntraced(function* (settings: Partial<Installation> = {}) {
  const server = yield* nats
  const where = installation(server, partitions, [whole, byUser], settings)
  yield* applyContracts(where).pipe(Effect.provide(connected(where)))
  return { where, server, effects: yield* Ref.make<ReadonlyArray<string>>([]) }
})

const test = <E>(fact: string, body: Effect.Effect<void, E, Scope.Scope | Inbox | DeadLetters | EventLog>) =>
  it.live(fact, () => Effect.provide(Effect.scoped(body), Layer.fresh(memory({ partitions }))))

const append = (events: ReadonlyArray<ReturnType<typeof event>>) =>
  Effect.flatMap(Outbox, ({ append }) => append(events))

const recording = ({ effects }: World) => (events: ReadonlyArray<ReceivedEvent>) =>
  Ref.update(effects, (all) => [...all, ...events.map((one) => one.envelope.id)])

const laneInfo = (consumer: ConsumerContract, lane = 0) =>
  Effect.flatMap(Broker, ({ laneInfo }) => laneInfo(consumer.stream, durableOf(consumer, lane, partitions)))

const consume = (world: World, consumer: ConsumerContract, handle = recording(world)) =>
  Effect.forkScoped(run({ consumer, attemptsMax: 5, handle }))

const handled = ({ effects }: World, count: number) => eventually(Ref.get(effects), (all) => all.length >= count)

describe("lanes on a real server", () => {
  test(
    "a handler slower than the ack wait runs once per message, and nothing is delivered again",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 600 })
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        yield* append(ids(1, 6).map((id) => event(id)))
        const slow = (events: ReadonlyArray<ReceivedEvent>) =>
          Effect.andThen(Effect.sleep(1_500), recording(here)(events))
        yield* consume(here, { ...whole, batchMax: 2 }, slow)
        yield* handled(here, 6)
        expect(yield* Ref.get(here.effects)).toEqual(ids(1, 6))
        const info = yield* eventually(laneInfo(whole), (one) => one?.ackPending === 0)
        expect(info?.delivered).toEqual({ deliverySequence: 6, sequence: 6 })
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "a delivery lost on its way comes before everything delivered after it",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 500 })
      const lost: Array<number> = []
      const process = yield* processOf(here.where, "one", (broker) => ({
        ...broker,
        openLane: (lane, sink) =>
          broker.openLane(lane, {
            ...sink,
            onMessage: (message) => {
              if (message.sequence !== 3 || lost.push(message.deliverySequence) > 1) sink.onMessage(message)
            },
          }),
      }))
      yield* Effect.gen(function* () {
        yield* append(ids(1, 6).map((id) => event(id)))
        yield* consume(here, whole)
        yield* handled(here, 6)
        expect(yield* Ref.get(here.effects)).toEqual(ids(1, 6))
        expect(lost.length).toBeGreaterThan(1)
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "each user's events keep their order and have one effect through a kill and a freeze of the broker",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 1_000 })
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const users = ["anna", "bert", "carl", "dora", "emil"]
        const events = ids(1, 300).map((id, index) => event(id, users[index % users.length]))
        yield* append(events)
        // As slow as a store is, so that the faults come in the middle.
        const handle = (batch: ReadonlyArray<ReceivedEvent>) => Effect.andThen(Effect.sleep(30), recording(here)(batch))
        yield* consume(here, byUser, handle)
        yield* handled(here, 60)
        yield* Effect.promise(() => here.server.kill())
        yield* Effect.promise(() => here.server.start())
        yield* handled(here, 160)
        here.server.freeze()
        yield* Effect.sleep(1_500)
        here.server.thaw()
        yield* handled(here, 300)
        const effects = yield* Ref.get(here.effects)
        expect(effects).toHaveLength(300)
        for (const user of users) {
          const mine = new Set(events.filter((one) => one.userId === user).map((one) => one.id))
          expect(effects.filter((id) => mine.has(id))).toEqual([...mine])
        }
        expect(yield* Effect.flatMap(DeadLetters, ({ count }) => count({}))).toBe(0)
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "a process that leaves hands its lanes over at once and in order, however long the ack wait",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 120_000, leaseMs: 120_000 })
      const [one, two] = [yield* processOf(here.where, "one"), yield* processOf(here.where, "two")]
      yield* append(ids(1, 20).map((id) => event(id))).pipe(Effect.provide(one))
      const first = Context.get(one, EventLog)
      const some = yield* eventually(first.pull(whole, 0), (messages) => messages.length > 0)
      yield* first.settle(whole, 0, some.at(-1)!.sequence)
      yield* eventually(Effect.provide(laneInfo(whole), one), (info) => info?.ackPending === 2 * whole.batchMax)
      yield* Effect.provide(consume(here, whole), two)
      yield* first.release
      yield* handled(here, 20 - some.length)
      expect(yield* Ref.get(here.effects)).toEqual(ids(some.length + 1, 20))
    }),
  )

  test(
    "a process that joins gets its share of the lanes, without an ack wait and without a second effect",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 120_000, leaseMs: 2_000 })
      const [one, two] = [yield* processOf(here.where, "one"), yield* processOf(here.where, "two")]
      const users = ids(1, 40)
      yield* append(users.map((user) => event(`a-${user}`, user))).pipe(Effect.provide(one))
      const by = yield* Ref.make<ReadonlyArray<string>>([])
      const handle = (name: string) => (events: ReadonlyArray<ReceivedEvent>) =>
        Effect.andThen(Ref.update(by, (all) => [...all, ...events.map(() => name)]), recording(here)(events))
      yield* Effect.provide(consume(here, byUser, handle("one")), one)
      yield* handled(here, 40)
      yield* Effect.provide(consume(here, byUser, handle("two")), two)
      for (let round = 1; round <= 100 && !(yield* Ref.get(by)).includes("two"); round++) {
        const before = (yield* Ref.get(here.effects)).length
        yield* append(users.map((user) => event(`b${round}-${user}`, user))).pipe(Effect.provide(one))
        yield* handled(here, before + users.length)
      }
      expect(new Set(yield* Ref.get(by))).toEqual(new Set(["one", "two"]))
      const effects = yield* Ref.get(here.effects)
      expect(new Set(effects).size).toBe(effects.length)
    }),
  )

  test(
    "what a process that died had in hand comes before anything newer",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 1_500, leaseMs: 1_000 })
      const life = yield* Scope.make()
      const dead = yield* Scope.provide(processOf(here.where, "dead"), life)
      const two = yield* processOf(here.where, "two")
      yield* append(ids(1, 10).map((id) => event(id))).pipe(Effect.provide(two))
      yield* eventually(Context.get(dead, EventLog).pull(whole, 0), (messages) => messages.length > 0)
      yield* eventually(Effect.provide(laneInfo(whole), two), (info) => info?.ackPending === 2 * whole.batchMax)
      // Without a word to the broker or about its lease.
      yield* Effect.promise(() => Context.get(dead, Nats).connection.close())
      yield* Scope.close(life, Exit.void)
      yield* Effect.provide(consume(here, whole), two)
      yield* handled(here, 10)
      expect(yield* Ref.get(here.effects)).toEqual(ids(1, 10))
    }),
  )

  test(
    "a message that kills its process each time is given up, and what waited behind it is handled",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 300, leaseMs: 600 })
      const publisher = yield* processOf(here.where, "publisher")
      yield* append(ids(1, 6).map((id) => event(id))).pipe(Effect.provide(publisher))
      // As often as is allowed: once in a batch, then alone.
      for (let death = 1; death <= 5; death++) {
        const life = yield* Scope.make()
        const dying = yield* Scope.provide(processOf(here.where, `dying-${death}`), life)
        const pulled = yield* eventually(Context.get(dying, EventLog).pull(whole, 0), (some) => some.length > 0)
        expect(pulled[0]).toMatchObject({ sequence: 1, attempt: death })
        yield* Effect.promise(() => Context.get(dying, Nats).connection.close())
        yield* Scope.close(life, Exit.void)
      }
      yield* Effect.provide(consume(here, whole), publisher)
      yield* handled(here, 5)
      expect(yield* Ref.get(here.effects)).toEqual(ids(2, 6))
      const letters = yield* Effect.flatMap(DeadLetters, ({ list }) => list({}, { limit: 9 }))
      expect(letters.map(({ attempts, sequence }) => [sequence, attempts])).toEqual([[1, 6]])
    }),
  )

  test(
    "a durable that is deleted is noticed and not made again, and its lane goes on once somebody made it",
    Effect.gen(function* () {
      const here = yield* world()
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const { manager } = yield* Nats
        const log = yield* EventLog
        yield* append([event("e1")])
        yield* consume(here, whole)
        yield* handled(here, 1)
        expect(yield* log.state).toMatchObject({ isUp: true, problems: [] })
        const durable = durableOf(whole, 0, partitions)
        yield* Effect.promise(() => manager.consumers.delete("ACCOUNTS", durable))
        const state = yield* eventually(log.state, ({ isUp }) => !isUp)
        expect(state.problems).toEqual([`the durable ${durable} of ACCOUNTS is gone: tipstream streams check`])
        yield* append([event("e2")])
        expect(yield* laneInfo(whole)).toBeUndefined()
        yield* applyContracts(here.where)
        yield* handled(here, 2)
        expect(yield* Ref.get(here.effects)).toEqual(["e1", "e2"])
        yield* eventually(log.state, ({ isUp }) => isUp)
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "a message is neither acknowledged nor given up while its dead letter cannot be stored",
    Effect.gen(function* () {
      const here = yield* world()
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const { manager } = yield* Nats
        const log = yield* EventLog
        yield* Effect.promise(() => manager.streams.delete("DEAD_LETTERS"))
        yield* append([event("e1"), event(""), event("e3")])
        yield* consume(here, whole)
        yield* eventually(log.state, ({ problems }) => problems.some((one) => one.startsWith("dead letters")))
        expect((yield* laneInfo(whole))?.ackFloor.sequence).toBe(1)
        expect(yield* Ref.get(here.effects)).toEqual(["e1"])
        yield* applyContracts(here.where)
        yield* handled(here, 2)
        expect(yield* Ref.get(here.effects)).toEqual(["e1", "e3"])
        yield* eventually(laneInfo(whole), (info) => info?.ackFloor.sequence === 3)
        const { messages } = yield* Broker
        const [letter] = yield* messages("DEAD_LETTERS", { fromSequence: 1, toSequence: 9, limit: 9 })
        expect(letter).toMatchObject({
          subject: `tenant.${defaultTenant}.dead.accounts.whole.u1`,
          headers: { "Nats-Msg-Id": "dlq:ACCOUNTS:2:whole", "dead-reason": "undecodable" },
        })
        expect((yield* log.state).problems).toEqual([])
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "a message of which header and subject name different tenants has no effect and becomes a dead letter",
    Effect.gen(function* () {
      const here = yield* world()
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const broker = yield* Broker
        yield* append([event("e1")])
        const [mine] = yield* broker.messages("ACCOUNTS", { fromSequence: 1, toSequence: 1, limit: 1 })
        const headers = { ...mine!.headers, "tenant-id": "other", "Nats-Msg-Id": "forged" }
        yield* broker.publish({ subject: mine!.subject, headers, payload: mine!.payload })
        yield* append([event("e3")])
        yield* consume(here, whole)
        yield* handled(here, 2)
        expect(yield* Ref.get(here.effects)).toEqual(["e1", "e3"])
        const letters = yield* Effect.flatMap(DeadLetters, ({ list }) => list({}, { limit: 9 }))
        expect(letters.map(({ reason, sequence }) => [sequence, reason])).toEqual([[2, "undecodable"]])
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "stand-ins for events that are gone have no effect, and are no dead letters",
    Effect.gen(function* () {
      const here = yield* world()
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const broker = yield* Broker
        const standIn = { subject: standInSubject("ACCOUNTS"), headers: {}, payload: new Uint8Array() }
        yield* broker.publish(standIn)
        yield* append([event("e1")])
        for (let count = 0; count < 6; count++) yield* broker.publish(standIn)
        yield* append([event(""), event("e2")])
        yield* consume(here, whole)
        yield* handled(here, 2)
        expect(yield* Ref.get(here.effects)).toEqual(["e1", "e2"])
        yield* eventually(laneInfo(whole), (info) => info?.ackFloor.sequence === 10)
        const letters = yield* Effect.flatMap(DeadLetters, ({ list }) => list({}, { limit: 9 }))
        expect(letters.map(({ reason, sequence }) => [sequence, reason])).toEqual([[9, "undecodable"]])
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "what is in hand of a lane never exceeds the durable's bound, and a late acknowledgement settles",
    Effect.gen(function* () {
      const here = yield* world({ ackWaitMs: 600 })
      const inHand = new Set<number>()
      const process = yield* processOf(here.where, "one", (broker) => ({
        ...broker,
        openLane: (lane, sink) =>
          broker.openLane(lane, {
            ...sink,
            onMessage: (message) => {
              inHand.add(message.sequence)
              // As if none of them reached the broker: the ack wait runs out.
              sink.onMessage(Object.defineProperty(message, "working", { value: () => {} }))
            },
          }),
      }))
      yield* Effect.gen(function* () {
        yield* append(ids(1, 30).map((id) => event(id)))
        const free = yield* Deferred.make<void>()
        const handle = (events: ReadonlyArray<ReceivedEvent>) =>
          Effect.andThen(Deferred.await(free), recording(here)(events))
        const fiber = yield* consume(here, whole, handle)
        const info = yield* eventually(laneInfo(whole), (one) => (one?.redelivered ?? 0) > 0)
        expect(info?.ackPending).toBe(2 * whole.batchMax)
        expect(inHand.size).toBe(2 * whole.batchMax)
        yield* Deferred.succeed(free, undefined)
        yield* handled(here, 30)
        expect(yield* Ref.get(here.effects)).toEqual(ids(1, 30))
        yield* eventually(laneInfo(whole), (one) => one?.ackPending === 0 && one.ackFloor.sequence === 30)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(process))
    }),
  )

  test(
    "a message the broker gave up becomes a dead letter, unless its effect is there",
    Effect.gen(function* () {
      // The durable allows three deliveries.
      const here = yield* world({ attemptsMax: 3 - deliveriesSpare, sweepEveryMs: 50 })
      const process = yield* processOf(here.where, "one")
      yield* Effect.gen(function* () {
        const broker = yield* Broker
        yield* append(ids(1, 3).map((id) => event(id)))
        const refuse = { onMessage: (message: LaneMessage) => message.nak(), onTrouble: () => {} }
        yield* Effect.scoped(Effect.andThen(
          broker.openLane({ stream: "ACCOUNTS", durable: durableOf(whole, 0, partitions) }, refuse),
          // Nobody acknowledged anything, and yet the broker has nothing outstanding.
          eventually(laneInfo(whole), (info) => info?.ackPending === 0 && info.pending === 0),
        ))
        // Of the refusals themselves, as many as a lane has in hand at every handover, nothing is kept.
        const told = yield* broker.messages("ADVISORIES", { fromSequence: 1, toSequence: 99, limit: 99 })
        expect(told.map(({ subject }) => subject.split(".")[4])).toEqual(ids(1, 3).map(() => "MAX_DELIVERIES"))
        yield* Effect.flatMap(Inbox, ({ once }) => once("whole", ["e2"], () => Effect.void))
        yield* Effect.forkScoped(run({ consumer: whole, attemptsMax: 2, handle: recording(here) }))
        const letters = Effect.flatMap(DeadLetters, ({ list }) => list({}, { limit: 9 }))
        const found = yield* eventually(letters, (all) => all.length === 2)
        expect(found.map(({ attempts, reason, sequence }) => [sequence, reason, attempts]).toSorted())
          .toEqual([[1, "attempts-exhausted", 3], [3, "attempts-exhausted", 3]])
        yield* append([event("e4")])
        yield* handled(here, 1)
        expect(yield* Ref.get(here.effects)).toEqual(["e4"])
      }).pipe(Effect.provide(process))
    }),
  )
})
