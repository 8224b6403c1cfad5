/** One process of the service: relay, lanes and consumers as they are in production, over simulated ports. */
import { Context, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { run } from "../../src/streams/Consumer.ts"
import type { ReceivedEvent } from "../../src/streams/Consumer.ts"
import { EventLog } from "../../src/streams/EventLog.ts"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { Inbox } from "../../src/streams/Inbox.ts"
import { Broker } from "../../src/streams/jetstream/Broker.ts"
import * as JetStreamEventLog from "../../src/streams/jetstream/JetStreamEventLog.ts"
import * as Relay from "../../src/streams/jetstream/Relay.ts"
import { LaneLeases } from "../../src/streams/LaneLeases.ts"
import { OutboxRows } from "../../src/streams/OutboxRows.ts"
import * as Wakeup from "../../src/streams/Wakeup.ts"
import type { Database } from "./Database.ts"
import { CurrentTransaction } from "./Database.ts"
import { Link } from "./Link.ts"
import type { BrokerServer } from "./BrokerServer.ts"
import { simulatedBroker } from "./SimulatedBroker.ts"
import { storesOf } from "./stores.ts"
import type { Node, World } from "./World.ts"

export const partitions = 3
export const attemptsMax = 5
export const ackWaitMs = 2_000
const leaseMs = 6_000

export const consumers: ReadonlyArray<ConsumerContract> = [
  { durable: "learner", stream: "ACCOUNTS", ordering: "stream", batchMax: 4 },
  { durable: "tips", stream: "ACCOUNTS", ordering: "partition", batchMax: 4 },
]

/** Rules of production taken out, to see that a run without them is found out. */
export interface Spoiled {
  /** Streams store an id again whenever it comes: the outage was longer than their duplicate window. */
  readonly hasNoDuplicateWindow?: boolean
  readonly broker?: (broker: Broker["Service"]) => Broker["Service"]
  readonly inbox?: (inbox: Inbox["Service"]) => Inbox["Service"]
  readonly outbox?: (outbox: OutboxRows["Service"]) => OutboxRows["Service"]
  readonly leases?: (leases: LaneLeases["Service"]) => LaneLeases["Service"]
  readonly log?: (log: EventLog["Service"]) => EventLog["Service"]
}

export interface ReplicaOptions {
  readonly world: World
  readonly server: BrokerServer
  readonly database: Database
  /** What the handler of a durable does with one event; fails as a handler fails. */
  readonly handle: (node: Node, durable: string, event: ReceivedEvent) => Effect.Effect<void, Error>
  readonly spoiled: Spoiled
  /** It cannot start, or ended: whoever looks after processes is told. */
  readonly onEnd: (node: Node) => void
}

export interface Replica {
  readonly node: Node
  readonly link: Link
  /** As on a signal: consumers finish, lanes are handed over, then the process ends. */
  readonly stop: () => void
}

const relayOf = (link: Link) => {
  const reconnected = Wakeup.make()
  link.onChange.add((isUp) => {
    if (isUp) Effect.runSync(reconnected.signal)
  })
  return Relay.layer({ appended: Wakeup.make(), reconnected, alarmRows: 1_000 })
}

/** What operators see is not asked for here. */
const logLayer = JetStreamEventLog.layer({
  partitions,
  ackWaitMs,
  consumers,
  relay: Effect.succeed({ isUp: true, problems: [], waiting: 0 }),
  replay: () => Stream.empty,
  sequenceAt: () => Effect.succeed(1),
})

export const startReplica = (name: string, options: ReplicaOptions): Replica => {
  const { world, server, database, spoiled } = options
  const node = world.node(name)
  const link = new Link(world, server, node)
  const stopped = Deferred.makeUnsafe<void>()
  const broker = simulatedBroker(link, database.record)
  const stores = storesOf(database, node, leaseMs)
  const services = stores.pipe(
    Context.add(Broker, spoiled.broker?.(broker) ?? broker),
    Context.add(OutboxRows, spoiled.outbox?.(Context.get(stores, OutboxRows)) ?? Context.get(stores, OutboxRows)),
    Context.add(Inbox, spoiled.inbox?.(Context.get(stores, Inbox)) ?? Context.get(stores, Inbox)),
    Context.add(LaneLeases, spoiled.leases?.(Context.get(stores, LaneLeases)) ?? Context.get(stores, LaneLeases)),
  )
  const handle = (durable: string) =>
    Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
      for (const event of events) {
        yield* options.handle(node, durable, event)
        const transaction = yield* CurrentTransaction
        const { id: eventId, tenantId, userId } = event.envelope
        const record = () => database.record({ kind: "effect", durable, replica: name, eventId, tenantId, userId })
        if (transaction === undefined) record()
        else transaction.writes.push(record)
      }
    })
  const program = Effect.scoped(Effect.gen(function* () {
    const scope = yield* Effect.scope
    const built = yield* Layer.buildWithScope(Layer.merge(relayOf(link), logLayer), scope)
    const made = Context.get(built, EventLog)
    const log = spoiled.log?.(made) ?? made
    const running = yield* Effect.forEach(
      consumers,
      (consumer) => run({ consumer, attemptsMax, handle: handle(consumer.durable) }),
      { concurrency: "unbounded", discard: true }, // two consumers
    ).pipe(Effect.provideService(EventLog, log), Effect.forkScoped)
    yield* Deferred.await(stopped)
    yield* Fiber.interrupt(running)
    yield* log.release
  }))
  const ended = Effect.catchTag(program, "StoreUnavailable", () => Effect.sync(() => options.onEnd(node)))
  world.start(node, Effect.andThen(ended, Effect.sync(() => world.kill(node))), services)
  return { node, link, stop: () => world.deliver(node, () => Deferred.doneUnsafe(stopped, Effect.void)) }
}
