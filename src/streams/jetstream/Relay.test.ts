import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { layerMemory } from "../MemoryEventLog.ts"
import { streamNames } from "../names.ts"
import { OutboxRows } from "../OutboxRows.ts"
import * as Wakeup from "../Wakeup.ts"
import { Broker } from "./Broker.ts"
import * as Relay from "./Relay.ts"

const broker: Partial<Broker["Service"]> = {
  state: Effect.succeed({ isUp: true, problem: undefined }),
  streamInfo: () => Effect.succeed({ firstSequence: 1, lastSequence: 0, messages: 0, createdAtMs: 0 }),
}

const nothing: Partial<OutboxRows["Service"]> = {
  carriedByBroker: Effect.void,
  lead: Effect.succeed(true),
  resign: Effect.void,
  mark: (stream) => Effect.succeed({ stream, publishedUntil: 0, lastSequence: 0 }),
  waiting: () => Effect.succeed({ rows: [], isHeldBack: false }),
  backlog: Effect.succeed({ rows: 0, oldestAtMs: null }),
}

/** Over an outbox that answers so, for so long. */
const relayFor = (seconds: number, outbox: Partial<OutboxRows["Service"]>) =>
  Effect.scoped(Effect.andThen(
    Layer.build(
      Relay.layer({ appended: Wakeup.make(), reconnected: Wakeup.make(), alarmRows: 10 }).pipe(
        Layer.provide(Layer.succeed(OutboxRows, { ...nothing, ...outbox } as OutboxRows["Service"])),
        Layer.provide(Layer.succeed(Broker, broker as Broker["Service"])),
        Layer.provide(layerMemory({ partitions: 1 })),
      ),
    ),
    TestClock.adjust(seconds * 1_000),
  ))

describe("what the relay asks of the database", () => {
  it.effect("counting what waits takes no more than a twentieth of the time, however much there is", () =>
    Effect.gen(function* () {
      let counted = 0
      const backlog = Effect.gen(function* () {
        counted++
        yield* Effect.sleep(2_000)
        return { rows: 1_000_000, oldestAtMs: 0 }
      })
      yield* relayFor(120, { backlog })
      expect(counted).toBe(3)
    }))

  it.effect("what a transaction of hours holds back is not looked for all the time", () =>
    Effect.gen(function* () {
      let looked = 0
      const waiting = () =>
        Effect.sync(() => {
          looked++
          return { rows: [], isHeldBack: true }
        })
      yield* relayFor(60, { waiting })
      expect(looked / streamNames.length).toBeGreaterThan(500)
      expect(looked / streamNames.length).toBeLessThan(700)
    }))
})
