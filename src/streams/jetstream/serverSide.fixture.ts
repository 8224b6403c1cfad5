/** A server as the relay and the lanes meet it, for tests of what servers do. */
import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"
import { eventually } from "../../../test/support/eventually.ts"
import { urlOf } from "../../../test/support/nats.ts"
import type { NatsServer } from "../../../test/support/nats.ts"
import { Broker } from "./Broker.ts"
import type { LaneMessage } from "./Broker.ts"
import * as JetStreamBroker from "./JetStreamBroker.ts"
import { layer, Nats } from "./NatsConnection.ts"

export interface Side {
  readonly broker: Broker["Service"]
  readonly nats: Nats["Service"]
}

/** A connection of its own, as another process has. */
export const sideOf = (server: NatsServer): Effect.Effect<Side, unknown, Scope.Scope> =>
  Effect.map(
    Layer.build(
      JetStreamBroker.layer.pipe(
        Layer.provideMerge(layer({ url: urlOf(server), credentials: undefined, name: "t", waitMs: 5_000 })),
        Layer.fresh,
      ),
    ),
    (built) => ({ broker: Context.get(built, Broker), nats: Context.get(built, Nats) }),
  )

export const ms = 1_000_000

export const addStream = ({ nats }: Side, name: string, settings: Record<string, unknown> = {}) =>
  Effect.promise(() => nats.manager.streams.add({ name, subjects: [`${name}.>`], ...settings }))

/** Without settings it waits for an acknowledgement longer than any test. */
export const addLane = ({ nats }: Side, stream: string, settings: Record<string, unknown> = {}) =>
  Effect.promise(() =>
    nats.manager.consumers.add(stream, {
      durable_name: "lane",
      ack_policy: "explicit",
      ack_wait: 60_000 * ms,
      max_ack_pending: 100,
      ...settings,
    })
  )

export const messageOf = (stream: string, id: string, subject = `${stream}.a`) => ({
  subject,
  headers: { "Nats-Msg-Id": id },
  payload: new TextEncoder().encode(id),
})

/** Publishes m1, m2, … */
export const fill = ({ broker }: Side, stream: string, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => messageOf(stream, `m${index + 1}`)),
    (one) => broker.publish(one),
    { discard: true },
  )

/** All that one reader of the lane was given, in the order it came. */
export const reading = Effect.fnUntraced(function* ({ broker }: Side, stream: string, durable = "lane") {
  const given: Array<LaneMessage> = []
  yield* broker.openLane({ stream, durable }, {
    onMessage: (message) => void given.push(message),
    onTrouble: () => {},
  })
  return given
})

export const until = (what: string, holds: () => boolean) =>
  Effect.promise(() => eventually(what, () => Promise.resolve(holds() || undefined)))

export const laneInfo = ({ broker }: Side, stream: string) =>
  Effect.map(broker.laneInfo(stream, "lane"), (info) => info!)

export const sequences = (given: ReadonlyArray<LaneMessage>) => given.map(({ sequence }) => sequence)
