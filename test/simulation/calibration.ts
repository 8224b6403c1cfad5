/** Scripts that show how a broker behaves, through the port: for a real server and for the simulated one. */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { ConsumerConfig, StreamConfig } from "../../src/streams/contracts.ts"
import { streamContracts } from "../../src/streams/contracts.ts"
import { Broker } from "../../src/streams/jetstream/Broker.ts"
import type { LaneMessage, NewMessage } from "../../src/streams/jetstream/Broker.ts"
import { headers as names } from "../../src/streams/names.ts"
import { lanes, settings } from "./lanes.ts"

/** What the port leaves to operators. */
export interface Provisioning {
  readonly addStream: (config: StreamConfig) => Effect.Effect<void>
  readonly addDurable: (stream: string, config: ConsumerConfig) => Effect.Effect<void>
  readonly deleteDurable: (stream: string, durable: string) => Effect.Effect<void>
}

const ackWaitMs = 400
const windowMs = 500
const nanosPerMs = 1_000_000

const message = (script: string, id: string, token = "x"): NewMessage => ({
  subject: `${script}.${token}`,
  headers: { [names.messageId]: id },
  payload: new TextEncoder().encode(id),
})

const prepare = Effect.fnUntraced(function* (
  at: Provisioning,
  script: string,
  durable: Partial<ConsumerConfig> = {},
) {
  const base = streamContracts(settings)[0]!
  yield* at.addStream({ ...base, name: script, subjects: [`${script}.>`], duplicate_window: windowMs * nanosPerMs })
  const config = {
    ...lanes[0]!.config,
    durable_name: "d",
    filter_subject: `${script}.>`,
    ack_wait: ackWaitMs * nanosPerMs,
  }
  yield* at.addDurable(script, { ...config, ...durable })
})

/** What a lane was handed, in order; waits for so many, and a little for what must not come. */
const opened = Effect.fnUntraced(function* (script: string) {
  const broker = yield* Broker
  const got: Array<LaneMessage> = []
  yield* broker.openLane({ stream: script, durable: "d" }, {
    onMessage: (one) => void got.push(one),
    onTrouble: () => undefined,
  })
  return {
    got,
    until: Effect.fnUntraced(function* (count: number) {
      for (let look = 0; got.length < count && look < 1_000; look++) yield* Effect.sleep(5)
      return got.map((one) => `${one.sequence}/${one.deliverySequence}/${one.deliveryCount}`).join(" ")
    }),
  }
})

const info = Effect.fnUntraced(function* (script: string) {
  // What was said without waiting for an answer has been heard by then.
  yield* Effect.sleep(50)
  return JSON.stringify(yield* (yield* Broker).laneInfo(script, "d"))
})

type Script = (at: Provisioning) => Effect.Effect<ReadonlyArray<unknown>, unknown, Broker | Scope.Scope>

export const scripts: Readonly<Record<string, Script>> = {
  "an id is stored once within the window, whatever comes under it": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "twice")
    const broker = yield* Broker
    const first = yield* broker.publish(message("twice", "a"))
    const again = yield* broker.publish({ ...message("twice", "a", "y"), payload: new Uint8Array([1]) })
    yield* Effect.sleep(windowMs * 2)
    return [first, again, yield* broker.publish(message("twice", "a"))]
  }),
  "what does not follow the expected number is refused, and all behind it": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "order")
    const broker = yield* Broker
    const batch = ["a", "b", "c"].map((id) => message("order", id))
    const early = yield* broker.publishInOrder(batch, 5)
    yield* broker.publish(message("order", "foreign"))
    const overtaken = yield* broker.publishInOrder(batch, 0)
    const right = yield* broker.publishInOrder(batch, 1)
    const { lastSequence } = (yield* broker.streamInfo("order"))!
    return [early, overtaken, right].map(({ sequences, end }) => ({ sequences, end })).concat(lastSequence as never)
  }),
  "what is repeated is never stored twice": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "repeat")
    const broker = yield* Broker
    const batch = ["a", "b", "c"].map((id) => message("repeat", id))
    yield* broker.publishInOrder(batch, 0)
    const stale = yield* broker.publishInOrder(batch, 0)
    const shifted = yield* broker.publishInOrder(batch, 3)
    const { lastSequence } = (yield* broker.streamInfo("repeat"))!
    return [stale.end ?? stale.sequences, shifted.end, shifted.storedAs, lastSequence]
  }),
  "what is not acknowledged comes again in order, and a late acknowledgement counts": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "wait")
    const broker = yield* Broker
    yield* broker.publishInOrder(["a", "b", "c"].map((id) => message("wait", id)), 0)
    const lane = yield* opened("wait")
    const all = yield* lane.until(6)
    lane.got[0]!.ack()
    const late = yield* info("wait")
    lane.got[4]!.ack()
    lane.got[5]!.term()
    return [all, late, yield* info("wait")]
  }),
  "what is refused comes at once, what is refused with a delay later": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "nak", { ack_wait: 5_000 * nanosPerMs })
    const broker = yield* Broker
    yield* broker.publishInOrder(["a", "b", "c"].map((id) => message("nak", id)), 0)
    const lane = yield* opened("nak")
    yield* lane.until(3)
    lane.got[0]!.nak(300)
    lane.got[2]!.nak()
    lane.got[1]!.nak()
    const all = yield* lane.until(6)
    lane.got.slice(3).forEach((one) => one.ack())
    return [all, yield* info("nak")]
  }),
  "what was delivered too often is silently left out": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "max", { max_deliver: 2 })
    const broker = yield* Broker
    yield* broker.publishInOrder(["a", "b"].map((id) => message("max", id)), 0)
    const lane = yield* opened("max")
    yield* lane.until(2)
    lane.got[1]!.ack()
    lane.got[0]!.nak()
    yield* lane.until(3)
    lane.got[2]!.nak()
    yield* Effect.sleep(ackWaitMs * 2)
    return [yield* lane.until(3), yield* info("max")]
  }),
  "two readers share what may be unacknowledged": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "share", { max_ack_pending: 2, ack_wait: 5_000 * nanosPerMs })
    const broker = yield* Broker
    const one = yield* opened("share")
    const other = yield* opened("share")
    yield* broker.publishInOrder(["a", "b", "c", "d"].map((id) => message("share", id)), 0)
    yield* Effect.sleep(100)
    const before = [...one.got, ...other.got].map(({ sequence }) => sequence).sort()
    ;[...one.got, ...other.got].find(({ sequence }) => sequence === 1)!.ack()
    yield* Effect.sleep(100)
    const after = [...one.got, ...other.got].map(({ sequence }) => sequence).sort()
    return [before, after, yield* info("share")]
  }),
  "working begins the ack wait anew": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "work")
    const broker = yield* Broker
    yield* broker.publish(message("work", "a"))
    const lane = yield* opened("work")
    yield* lane.until(1)
    for (let turn = 0; turn < 6; turn++) {
      yield* Effect.sleep(ackWaitMs / 3)
      lane.got[0]!.working()
    }
    const kept = lane.got.length
    return [kept, yield* lane.until(2)]
  }),
  "a lane counts past what its filter leaves out": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "filter", { filter_subject: "filter.mine" })
    const broker = yield* Broker
    const lane = yield* opened("filter")
    const tokens = ["theirs", "mine", "theirs"]
    for (const [index, token] of tokens.entries()) yield* broker.publish(message("filter", `m${index}`, token))
    const all = yield* lane.until(1)
    lane.got[0]!.ack()
    return [all, yield* info("filter")]
  }),
  "an empty stream can be told where to go on": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "begin")
    const broker = yield* Broker
    yield* broker.beginAt("begin", 10)
    const first = yield* broker.publishInOrder([message("begin", "a")], 9)
    const read = yield* broker.messages("begin", { fromSequence: 1, toSequence: 99, limit: 5 })
    return [first.sequences, read.map(({ sequence, subject }) => [sequence, subject])]
  }),
  "a durable that is gone, or was never there, cannot be opened": Effect.fnUntraced(function* (at) {
    yield* prepare(at, "gone")
    yield* at.deleteDurable("gone", "d")
    const broker = yield* Broker
    const open = yield* Effect.result(
      Effect.scoped(broker.openLane({ stream: "gone", durable: "d" }, { onMessage() {}, onTrouble() {} })),
    )
    return [yield* broker.laneInfo("gone", "d"), open._tag, yield* broker.streamInfo("nowhere")]
  }),
}
