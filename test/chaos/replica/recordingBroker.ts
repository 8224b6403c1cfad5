/** The broker of a replica, which writes down what comes and what is answered, and passes the points on the way. */
import { Effect, Layer } from "effect"
import { Broker } from "../../../src/streams/jetstream/Broker.ts"
import type { LaneMessage, NewMessage } from "../../../src/streams/jetstream/Broker.ts"
import { headers, parseSubject, streamOfClass } from "../../../src/streams/names.ts"
import type { Journal } from "./journal.ts"
import type { Points } from "./points.ts"

export const layer = (journal: Journal, points: Points) =>
  Layer.effect(
    Broker,
    Effect.map(Broker, (broker) =>
      Broker.of({
        ...broker,
        publishInOrder: (messages, expectedLastSequence) =>
          Effect.tap(broker.publishInOrder(messages, expectedLastSequence), ({ sequences }) =>
            Effect.sync(() => {
              sequences.forEach((sequence, index) => {
                const message = messages[index]!
                journal.write({ kind: "published", durable: "", sequence, ...nameOf(message) })
              })
            })),
        openLane: (lane, sink) => {
          const durable = consumerOf(lane.durable)
          const recorded = (message: LaneMessage): LaneMessage => {
            const facts = { durable, stream: lane.stream, sequence: message.sequence, messageId: idOf(message) }
            journal.write({ kind: "delivered", ...facts, deliveryCount: message.deliveryCount })
            const settling = (point: "ack" | "term") => () => {
              points.reach(point)
              journal.write({ kind: "settled", ...facts })
              message[point]()
            }
            return {
              sequence: message.sequence,
              subject: message.subject,
              headers: message.headers,
              payload: message.payload,
              deliverySequence: message.deliverySequence,
              deliveryCount: message.deliveryCount,
              nak: (delayMs) => message.nak(delayMs),
              working: () => message.working(),
              ack: settling("ack"),
              term: settling("term"),
            }
          }
          return broker.openLane(lane, {
            onMessage: (message) => sink.onMessage(recorded(message)),
            onTrouble: (trouble) => sink.onTrouble(trouble),
          })
        },
      })),
  )

/** `chaos_by_user-v1-p03-1f2e3d4c` is a lane of `chaos_by_user`. */
export const consumerOf = (laneDurable: string): string => laneDurable.replace(/-v\d+-.*$/, "")

const idOf = (message: { readonly headers: Readonly<Record<string, string>> }) =>
  message.headers[headers.messageId] ?? ""

const nameOf = (message: NewMessage) => {
  const subject = parseSubject(message.subject)
  return { stream: subject === undefined ? "" : streamOfClass[subject.eventClass], messageId: idOf(message) }
}
