/** What one can ask of a broker, beside publishing in order and consuming. */
import { Effect } from "effect"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { ask, connected, ifThere } from "./asking.ts"
import { beginAt } from "./beginAt.ts"
import type { Broker, BrokerMessage } from "./Broker.ts"
import { PublishRefused } from "./Broker.ts"
import type { Nats } from "./NatsConnection.ts"
import { fromNats, toNats } from "./natsHeaders.ts"
import { publishEnd } from "./publishEnd.ts"

type Connected = Nats["Service"]
type Lookups = Pick<Broker["Service"], "laneInfo" | "streamInfo" | "messages" | "beginAt" | "publish" | "state">

/** Questions on their way at once. Each is a round trip of half a millisecond; the server answers them one by one. */
const readsAtOnce = 64

export const lookups = (nats: Connected): Lookups => ({
  laneInfo: Effect.fn("Broker.laneInfo")(function* (stream: string, durable: string) {
    const info = yield* ifThere(ask(nats, `state of ${durable}`, () => nats.manager.consumers.info(stream, durable)))
    if (info === undefined) return undefined
    return {
      delivered: pairOf(info.delivered),
      ackFloor: pairOf(info.ack_floor),
      ackPending: info.num_ack_pending,
      redelivered: info.num_redelivered,
      pending: info.num_pending,
    }
  }),
  streamInfo: Effect.fn("Broker.streamInfo")((stream: string) => streamInfo(nats, stream)),
  messages: Effect.fn("Broker.messages")(function* (stream, range) {
    const info = yield* streamInfo(nats, stream)
    const last = Math.min(range.toSequence, info?.lastSequence ?? 0)
    const found: Array<BrokerMessage> = []
    let next = Math.max(range.fromSequence, info?.firstSequence ?? 1)
    while (found.length < range.limit && next <= last) {
      const count = Math.min(readsAtOnce, last - next + 1)
      const read = yield* Effect.forEach(
        Array.from({ length: count }, (_, index) => next + index),
        (sequence) => message(nats, stream, sequence),
        { concurrency: readsAtOnce },
      )
      found.push(...read.filter((one) => one !== undefined))
      next += count
    }
    return found.slice(0, range.limit)
  }),
  beginAt: Effect.fn("Broker.beginAt")((stream: string, sequence: number) => beginAt(nats, stream, sequence)),
  publish: Effect.fn("Broker.publish")(function* (message) {
    const attempt = Effect.tryPromise({
      try: () => nats.jetstream.publish(message.subject, message.payload, { headers: toNats(message.headers) }),
      catch: publishEnd,
    })
    const { seq } = yield* Effect.catch(
      Effect.andThen(connected(nats, "publish"), attempt),
      (failure): Effect.Effect<never, PublishRefused | StoreUnavailable> => {
        if (failure instanceof StoreUnavailable) return Effect.fail(failure)
        return failure.end === "unknown"
          ? Effect.fail(new StoreUnavailable({ operation: "publish", cause: failure.detail }))
          : Effect.fail(new PublishRefused(failure))
      },
    )
    return seq
  }),
  state: Effect.sync(() => ({ isUp: nats.isUp(), problem: nats.problem() })),
})

const pairOf = (found: { readonly consumer_seq: number; readonly stream_seq: number }) => ({
  deliverySequence: found.consumer_seq,
  sequence: found.stream_seq,
})

const streamInfo = Effect.fnUntraced(function* (nats: Connected, stream: string) {
  const info = yield* ifThere(ask(nats, `state of ${stream}`, () => nats.manager.streams.info(stream)))
  if (info === undefined) return undefined
  const { first_seq: firstSequence, last_seq: lastSequence, messages } = info.state
  return { firstSequence, lastSequence, messages, createdAtMs: Date.parse(info.created) }
})

/** Undefined when it was deleted. */
const message = Effect.fnUntraced(function* (nats: Connected, stream: string, sequence: number) {
  const found = yield* ask(
    nats,
    `message ${sequence} of ${stream}`,
    () => nats.manager.streams.getMessage(stream, { seq: sequence }),
  )
  return found === null
    ? undefined
    : { sequence: found.seq, subject: found.subject, headers: fromNats(found.header), payload: found.data }
})
