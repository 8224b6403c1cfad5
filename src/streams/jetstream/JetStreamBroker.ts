/** The broker over a real server. */
import { Effect, Layer } from "effect"
import { Broker } from "./Broker.ts"
import { lookups } from "./lookups.ts"
import { Nats } from "./NatsConnection.ts"
import { openLane } from "./openLane.ts"
import { publishInOrder } from "./publishInOrder.ts"

export const layer: Layer.Layer<Broker, never, Nats> = Layer.effect(
  Broker,
  Effect.map(
    Nats,
    (nats) => Broker.of({ ...lookups(nats), publishInOrder: publishInOrder(nats), openLane: openLane(nats) }),
  ),
)
