import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { laneContract } from "../contracts.ts"
import { LanePositions } from "../LanePositions.ts"
import { Broker } from "./Broker.ts"
import { notePositions } from "./notePositions.ts"

it.effect("positions of lanes that are there are noted every minute, and a broker that is away is waited for", () =>
  Effect.gen(function* () {
    const settings = { partitions: 3, ackWaitMs: 1_000, attemptsMax: 1 }
    const consumer = { durable: "d", stream: "SIGNALS", ordering: "partition", batchMax: 1 } as const
    const lanes = [0, 1, 2].map((lane) => laneContract(consumer, lane, settings))
    const noted: Array<unknown> = []
    let isAway = true
    const at = { deliverySequence: 0, sequence: 0 }
    const broker = Layer.mock(Broker, {
      laneInfo: (_, durable) => {
        if (isAway) return new StoreUnavailable({ operation: "test", cause: "away" })
        const lane = lanes.findIndex(({ config }) => config.durable_name === durable)
        const ackFloor = { ...at, sequence: 10 * lane }
        return Effect.succeed(
          lane === 2 ? undefined : { delivered: at, ackFloor, ackPending: 0, redelivered: 0, pending: 0 },
        )
      },
    })
    const positions = Layer.mock(LanePositions, {
      advance: (settled) => Effect.sync(() => void noted.push(settled)),
    })
    const fiber = yield* Effect.forkChild(Effect.provide(notePositions(lanes), [broker, positions]))
    yield* TestClock.adjust("60 seconds")
    expect(noted).toEqual([])
    isAway = false
    yield* TestClock.adjust("60 seconds")
    expect(noted).toEqual([[{ durable: "d", lane: 1, settledUntil: 10 }]])
    yield* Fiber.interrupt(fiber)
  }))
