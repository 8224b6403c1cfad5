import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Broker } from "./Broker.ts"
import type { LaneInfo } from "./Broker.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { makeLogReports } from "./logReports.ts"

const whole: ConsumerContract = { durable: "whole", stream: "ACCOUNTS", ordering: "stream", batchMax: 4 }
const none = { deliverySequence: 0, sequence: 0 }
const laneInfo: LaneInfo = { delivered: none, ackFloor: none, ackPending: 1, redelivered: 0, pending: 4 }

it.effect("reports - a durable that is gone is as far behind as it was, and by what came since", () =>
  Effect.gen(function* () {
    let lane: LaneInfo | undefined = laneInfo
    let lastSequence = 5
    const { consumers } = yield* makeLogReports({
      broker: Broker.of(
        {
          laneInfo: () => Effect.sync(() => lane),
          streamInfo: () => Effect.sync(() => ({ firstSequence: 1, lastSequence, messages: 5, createdAtMs: 0 })),
        } as unknown as Broker["Service"],
      ),
      keeper: { readerOf: () => undefined as never, readers: () => [], release: Effect.void },
      partitions: 2,
      consumers: [whole],
      relay: Effect.succeed({ isUp: true, problems: [], waiting: 0 }),
    })
    const lags = Effect.andThen(
      TestClock.adjust(2_000),
      Effect.map(consumers, (all) => all.map(({ lag }) => lag)),
    )
    expect(yield* lags).toEqual([5])
    lane = undefined
    expect(yield* lags).toEqual([5])
    lastSequence = 8
    expect(yield* lags).toEqual([8])
    lane = { ...laneInfo, pending: 0, ackPending: 0 }
    expect(yield* lags).toEqual([0])
  }))
