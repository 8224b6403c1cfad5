/** Ways to read a whole stream once, in order, without acknowledging anything; each gives the number it read. */
import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream"
import { Context, Effect, Layer, Redacted, Stream } from "effect"
import type { StoredEvent } from "../../src/streams/EventLog.ts"
import { open, Undecodable } from "../../src/streams/envelope.ts"
import * as NatsConnection from "../../src/streams/jetstream/NatsConnection.ts"
import { replayStream } from "../../src/streams/jetstream/replayStream.ts"
import * as Digest from "../../src/streams/replayDigest.ts"
import { stream } from "../consume/backlog.ts"

type Connected = NatsConnection.Nats["Service"]
export type Contender = (nats: Connected, messages: number) => Effect.Effect<number, unknown>

/** Closed with the scope. */
export const connected = Effect.fnUntraced(function* (url: string) {
  const options = { url: Redacted.make(url), credentials: undefined, name: "bench", waitMs: 5_000 }
  return Context.get(yield* Layer.build(NatsConnection.layer(options)), NatsConnection.Nats)
})

/** The client's own pull consumer with its plain callback, the largest of its windows that still helps. */
const raw: Contender = Effect.fnUntraced(function* (nats, messages) {
  return yield* Effect.promise(async () => {
    const { name } = await nats.manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      inactive_threshold: 60_000_000_000,
    })
    const consumer = await nats.jetstream.consumers.get(stream, name)
    const { promise, resolve } = Promise.withResolvers<void>()
    let bytes = 0
    let read = 0
    const subscription = await consumer.consume({
      max_messages: 1_000,
      callback: (message) => {
        bytes += message.data.length
        if (++read === messages) resolve()
      },
    })
    await promise
    subscription.stop()
    await nats.manager.consumers.delete(stream, name)
    return bytes > 0 ? read : 0
  })
})

const ours = (each: (event: StoredEvent) => void): Contender => (nats, toSequence) => {
  let read = 0
  const chunks = replayStream(nats, { stream, fromSequence: 1, toSequence })
  const handle = (events: ReadonlyArray<StoredEvent>) =>
    Effect.sync(() => {
      for (const event of events) each(event)
      read += events.length
    })
  return Effect.map(Stream.runForEach(chunks, handle), () => read)
}

const decode = (event: StoredEvent) => {
  if (open(event) instanceof Undecodable) throw new Error(`event ${event.sequence} is not readable`)
}

const decodedAndDigested: Contender = (nats, messages) => {
  const digest = Digest.make()
  return ours((event) => {
    decode(event)
    digest.add(event)
  })(nats, messages)
}

export const baseline = "raw client, no ack"

export const contenders: Readonly<Record<string, Contender>> = {
  [baseline]: raw,
  "replay, not decoded": ours(() => {}),
  "replay, decoded": ours(decode),
  "replay, decoded, with digest": decodedAndDigested,
}
