import { expect, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { advisoryStream } from "../names.ts"
import { layerMemory } from "../MemoryEventLog.ts"
import type { Broker, BrokerMessage } from "./Broker.ts"
import type { LaneKeeper } from "./laneKeeper.ts"
import type { LaneReader } from "./LaneReader.ts"
import { sweepStuck } from "./stuckMessages.ts"

const advisory = (sequence: number, type: string, stuck: number): BrokerMessage => ({
  sequence,
  subject: "$JS.EVENT.ADVISORY.CONSUMER",
  headers: {},
  payload: new TextEncoder().encode(JSON.stringify({
    type: `io.nats.jetstream.advisory.v1.${type}`,
    timestamp: new Date(0).toISOString(),
    stream: "SIGNALS",
    consumer: "lane",
    stream_seq: stuck,
    deliveries: 15,
  })),
})

it.effect("a stuck message is found at once, however much else the broker tells of", () =>
  Effect.gen(function* () {
    const told = [
      ...Array.from({ length: 1_300 }, (_, index) => advisory(index + 1, "nak", 1)),
      advisory(1_301, "max_deliver", 7),
    ]
    const adopted = yield* Deferred.make<number>()
    const broker: Partial<Broker["Service"]> = {
      messages: (stream, { fromSequence, limit }) =>
        Effect.succeed(
          stream === advisoryStream
            ? told.filter(({ sequence }) => sequence >= fromSequence).slice(0, limit)
            : [{ sequence: fromSequence, subject: "", headers: {}, payload: new Uint8Array() }],
        ),
    }
    const reader: Partial<LaneReader> = {
      durable: "lane",
      name: { durable: "consumer", stream: "SIGNALS", lane: 0, isWhole: false },
      lease: { durable: "consumer", stream: "SIGNALS", lane: 0, isWhole: false, epoch: 1 },
      adopt: ({ sequence }) => Deferred.succeed(adopted, sequence),
    }
    const keeper: Partial<LaneKeeper> = { readers: () => [reader as LaneReader] }
    yield* Effect.forkScoped(sweepStuck(broker as Broker["Service"], keeper as LaneKeeper, 60_000))
    for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
    expect(yield* Deferred.isDone(adopted)).toBe(true)
    expect(yield* Deferred.await(adopted)).toBe(7)
  }).pipe(Effect.scoped, Effect.provide(layerMemory({ partitions: 1 }))))
