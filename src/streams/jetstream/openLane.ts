/** Deliveries of one durable, as the server pushes them into pulls that are always waiting. */
import { Effect } from "effect"
import type { JsMsg } from "@nats-io/jetstream"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { Broker, LaneMessage, LaneSink } from "./Broker.ts"
import type { Nats } from "./NatsConnection.ts"
import { fromNats } from "./natsHeaders.ts"

export const openLane = (nats: Nats["Service"]): Broker["Service"]["openLane"] =>
  Effect.fn("Broker.openLane")(function* (lane: { readonly stream: string; readonly durable: string }, sink: LaneSink) {
    const unavailable = (cause: unknown) => new StoreUnavailable({ operation: `open lane ${lane.durable}`, cause })
    const consumer = yield* Effect.tryPromise({
      try: () => nats.jetstream.consumers.get(lane.stream, lane.durable),
      catch: unavailable,
    })
    const messages = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => consumer.consume({ callback: (message) => sink.onMessage(laneMessage(message)) }),
        catch: unavailable,
      }),
      (messages) => Effect.promise(() => messages.close()),
    )
    yield* Effect.forkScoped(Effect.promise(async () => {
      for await (const { type } of messages.status()) {
        if (type === "heartbeats_missed") sink.onTrouble("interrupted")
        if (type === "consumer_deleted" || type === "consumer_not_found" || type === "stream_not_found") {
          sink.onTrouble("gone")
        }
      }
    }))
  })

const laneMessage = (message: JsMsg): LaneMessage => ({
  sequence: message.info.streamSequence,
  subject: message.subject,
  headers: fromNats(message.headers),
  payload: message.data,
  deliverySequence: message.info.deliverySequence,
  deliveryCount: message.info.deliveryCount,
  ack: () => message.ack(),
  nak: (delayMs) => message.nak(delayMs),
  term: () => message.term(),
  working: () => message.working(),
})
