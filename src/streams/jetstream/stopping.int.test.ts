import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { performance } from "node:perf_hooks"
import { nats } from "../../../test/support/nats.ts"
import { eventually } from "../EventLog.contract.ts"
import { EventLog, lanesOf } from "../EventLog.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { Broker } from "./Broker.ts"
import { applyContracts, connected, installation, logOf, memory } from "./jetstreamLog.fixture.ts"

const partitions = 8
const byUser: ConsumerContract = { durable: "by_user", stream: "ACCOUNTS", ordering: "partition", batchMax: 4 }
const whole: ConsumerContract = { ...byUser, durable: "whole", ordering: "stream" }
const consumers = [byUser, whole]
const laneCount = consumers.flatMap((consumer) => lanesOf(consumer, partitions)).length

/** A process that reads all lanes; `onClose` runs at the end of each. */
const reading = Effect.fnUntraced(function* (onClose: Effect.Effect<void>) {
  const server = yield* nats
  const where = installation(server, partitions, consumers)
  yield* applyContracts(where).pipe(Effect.provide(connected(where)))
  let opened = 0
  const counting = (broker: Broker["Service"]) =>
    Broker.of({
      ...broker,
      openLane: (lane, sink) =>
        broker.openLane(lane, sink).pipe(
          Effect.andThen(Effect.addFinalizer(() => onClose)),
          Effect.tap(() => Effect.sync(() => opened++)),
        ),
    })
  const scope = yield* Scope.make()
  const built = yield* logOf(where, "one").pipe(
    Layer.provide(Layer.effect(Broker, Effect.map(Broker, counting))),
    Layer.provide(connected(where)),
    Layer.provide(memory({ partitions })),
    Layer.buildWithScope(scope),
  )
  const log = Context.get(built, EventLog)
  for (const consumer of consumers) {
    for (const lane of lanesOf(consumer, partitions)) yield* log.pull(consumer, lane)
  }
  yield* eventually(Effect.sync(() => opened), (count) => count === laneCount)
  return { server, release: log.release, close: Scope.close(scope, Exit.void) }
})

describe("the end of a process that reads lanes", () => {
  it.live("all lanes are closed at once", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      let closing = 0
      const onClose = Effect.suspend(() => {
        closing++
        return Deferred.await(goOn)
      })
      const { close } = yield* reading(onClose)
      const closed = yield* Effect.forkChild(close)
      yield* eventually(Effect.sync(() => closing), (count) => count === laneCount).pipe(
        Effect.ensuring(Deferred.succeed(goOn, undefined)),
      )
      yield* Fiber.join(closed)
    }), 20_000)

  it.live("a frozen broker holds it up no longer than one lane of it would", () =>
    Effect.gen(function* () {
      const { server, release, close } = yield* reading(Effect.void)
      server.freeze()
      const begunAtMs = performance.now()
      yield* release
      yield* close
      // The release 3 s, the connection 2 s; one lane after another made it 12 to 15.
      expect(performance.now() - begunAtMs).toBeLessThan(8_000)
    }), 40_000)
})
