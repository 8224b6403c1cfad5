/** The event log on a real server without the rest of the service: events are published where they are appended. */
import { Effect, Layer } from "effect"
import type { NatsServer } from "../../../test/support/nats.ts"
import { urlOf } from "../../../test/support/nats.ts"
import { brokerContract } from "../contracts.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { seal } from "../envelope.ts"
import { layerMemory } from "../MemoryEventLog.ts"
import * as MemoryLaneAttempts from "../MemoryLaneAttempts.ts"
import * as MemoryLaneLeases from "../MemoryLaneLeases.ts"
import { Outbox } from "../Outbox.ts"
import { Broker } from "./Broker.ts"
import * as JetStreamBroker from "./JetStreamBroker.ts"
import * as JetStreamEventLog from "./JetStreamEventLog.ts"
import * as NatsConnection from "./NatsConnection.ts"
import { replayStream, sequenceAt } from "./replayStream.ts"

export interface Installation {
  readonly server: NatsServer
  readonly partitions: number
  readonly consumers: ReadonlyArray<ConsumerContract>
  readonly ackWaitMs: number
  readonly attemptsMax: number
  /** Shared by the processes of the installation. */
  readonly leases: MemoryLaneLeases.LeaseTable
  readonly leaseMs: number
  readonly sweepEveryMs: number
  readonly attempts: MemoryLaneAttempts.AttemptsOfLanes
}

export const installation = (
  server: NatsServer,
  partitions: number,
  consumers: ReadonlyArray<ConsumerContract>,
  settings: Partial<Installation> = {},
): Installation => ({
  server,
  partitions,
  consumers,
  ackWaitMs: 5_000,
  attemptsMax: 5,
  leases: MemoryLaneLeases.emptyTable(),
  leaseMs: 5_000,
  sweepEveryMs: 60_000,
  attempts: new Map(),
  ...settings,
})

/** A connection of its own, as another process has. */
export const connected = ({ server }: Pick<Installation, "server">) =>
  JetStreamBroker.layer.pipe(
    Layer.provideMerge(
      NatsConnection.layer({ url: urlOf(server), credentials: undefined, name: "test", waitMs: 5_000 }),
    ),
  )

/** Makes every stream and durable of the installation. */
export const applyContracts = Effect.fnUntraced(function* (where: Installation) {
  const { manager } = yield* NatsConnection.Nats
  const { partitions, ackWaitMs, attemptsMax } = where
  const contract = brokerContract(where.consumers, { partitions, replicas: 1, ackWaitMs, attemptsMax, limits: [] })
  for (const stream of contract.streams) {
    yield* Effect.promise(() => manager.streams.add({ ...stream, subjects: [...stream.subjects] }))
  }
  yield* Effect.forEach(
    contract.consumers,
    ({ config, stream }) => Effect.promise(() => manager.consumers.add(stream, { ...config, deliver_policy: "all" })),
    { concurrency: 8 },
  )
})

/** One process of the installation; needs its connection. */
export const logOf = (where: Installation, holder: string) =>
  Layer.unwrap(Effect.map(NatsConnection.Nats, (nats) =>
    JetStreamEventLog.layer({
      partitions: where.partitions,
      ackWaitMs: where.ackWaitMs,
      consumers: where.consumers,
      sweepEveryMs: where.sweepEveryMs,
      relay: Effect.succeed({ isUp: true, problems: [], waiting: 0 }),
      replay: (range) => replayStream(nats, range),
      sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    }))).pipe(
      Layer.provide(MemoryLaneAttempts.layerMemory(where.attempts)),
      Layer.provide(MemoryLaneLeases.layerMemory({ leaseMs: where.leaseMs, holder, table: where.leases })),
    )

/** Publishes at once, in the order given. */
export const publishing = ({ partitions }: Pick<Installation, "partitions">) =>
  Layer.effect(
    Outbox,
    Effect.map(Broker, (broker) =>
      Outbox.of({
        append: (events) =>
          Effect.forEach(events, (event) => {
            const { headers, payload, subject } = seal(event, partitions)
            return broker.publish({ headers, payload, subject })
          }, { discard: true }).pipe(Effect.orDie),
      })),
  )

/** Inbox and dead letters in memory. */
export const memory = ({ partitions }: Pick<Installation, "partitions">) => layerMemory({ partitions })
