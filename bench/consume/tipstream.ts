/** Our consumer as the service runs it, with a handler that does nothing, and with nothing behind it but the broker. */
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect, Layer, Redacted, Stream } from "effect"
import { run } from "../../src/streams/Consumer.ts"
import { DeadLetters } from "../../src/streams/DeadLetters.ts"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { Inbox } from "../../src/streams/Inbox.ts"
import * as JetStreamBroker from "../../src/streams/jetstream/JetStreamBroker.ts"
import * as JetStreamEventLog from "../../src/streams/jetstream/JetStreamEventLog.ts"
import * as NatsConnection from "../../src/streams/jetstream/NatsConnection.ts"
import * as MemoryLaneAttempts from "../../src/streams/MemoryLaneAttempts.ts"
import * as MemoryLaneLeases from "../../src/streams/MemoryLaneLeases.ts"
import { ackWaitMs, type Consume, partitions } from "./contenders.ts"
import { attemptsMax, consumerOf, makeDurables } from "./durables.ts"

const inbox = Layer.succeed(
  Inbox,
  // Knows no event, so that the memory shown is not the inbox's, which is a table.
  Inbox.of({
    once: (_durable, eventIds, effect) => effect(new Set(eventIds)),
    handled: () => Effect.succeed(false),
  }),
)

/** No letter is written in a bench. */
const deadLetters = Layer.mock(DeadLetters, {})

export const eventLog = (url: string, consumers: ReadonlyArray<ConsumerContract>) =>
  JetStreamEventLog.layer({
    partitions,
    ackWaitMs,
    consumers,
    relay: Effect.succeed({ isUp: true, problems: [], waiting: 0 }),
    replay: () => Stream.empty,
    sequenceAt: () => Effect.succeed(1),
  }).pipe(
    Layer.provide(JetStreamBroker.layer),
    Layer.provide(NatsConnection.layer({
      url: Redacted.make(url),
      credentials: undefined,
      name: "tipstream bench",
      waitMs: 5_000,
    })),
  )

const leases = MemoryLaneLeases.layerMemory({
  holder: "bench",
  leaseMs: 2 * ackWaitMs,
  table: MemoryLaneLeases.emptyTable(),
})

const attempts = MemoryLaneAttempts.layerMemory(new Map())

export const consumeAsTipstream =
  (ordering: ConsumerContract["ordering"]): Consume => async (plan, handled, finished) => {
    const consumer = consumerOf(plan.run, ordering)
    const connection = await connect({ servers: plan.url })
    const durables = await makeDurables(await jetstreamManager(connection), consumer)
    await connection.close()
    const handle = run({
      consumer,
      attemptsMax,
      handle: (events) => Effect.sync(() => handled(events.length)),
    })
    const layer = Layer.merge(
      inbox,
      eventLog(plan.url, [consumer]).pipe(Layer.provide([attempts, deadLetters, leases])),
    )
    // The batch in hand is settled before the run ends; closing the connection sends what it said.
    await Effect.runPromise(
      Effect.raceFirst(handle, Effect.promise(() => finished)).pipe(Effect.provide(layer)),
    )
    return durables
  }
