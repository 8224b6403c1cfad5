import { describe, expect, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Ref } from "effect"
import { nats } from "../../../test/support/nats.ts"
import { accountOpened } from "../../../schemas/events.ts"
import { defaultTenant, UserId } from "../../../schemas/ids.ts"
import { handleBatch, run } from "../Consumer.ts"
import type { ReceivedEvent } from "../Consumer.ts"
import { eventually } from "../EventLog.contract.ts"
import { EventLog } from "../EventLog.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { Outbox } from "../Outbox.ts"
import { applyContracts, connected, installation, logOf, memory, publishing } from "./jetstreamLog.fixture.ts"

const partitions = 1
const consumer: ConsumerContract = { durable: "whole", stream: "ACCOUNTS", ordering: "stream", batchMax: 4 }

const event = (id: string) =>
  accountOpened(
    { id, atMs: 1_700_000_000_000, correlationId: "c", tenantId: defaultTenant, userId: UserId.make("u1") },
    { issuer: "test" },
  )

describe("a process whose lane went to another one", () => {
  it.live("has no effect with what it was handed before, and the other one has each effect once", () =>
    Effect.gen(function* () {
      const where = installation(yield* nats, partitions, [consumer], { ackWaitMs: 500 })
      yield* applyContracts(where).pipe(Effect.provide(connected(where)))
      const processOf = (holder: string) =>
        Layer.build(
          Layer.fresh(Layer.merge(logOf(where, holder), publishing(where)).pipe(Layer.provide(connected(where)))),
        )
      const paused = yield* processOf("paused")
      yield* Context.get(paused, Outbox).append(["e1", "e2", "e3"].map(event))
      const effects = yield* Ref.make<ReadonlyArray<string>>([])
      const handlerIn = (process: string) => (events: ReadonlyArray<ReceivedEvent>) =>
        Ref.update(effects, (all) => [...all, ...events.map(({ envelope }) => `${envelope.id} in ${process}`)])
      // As if it slept past its lease between getting a batch and handling it.
      const log = Context.get(paused, EventLog)
      const pulled = yield* Ref.make(0)
      const pull: typeof log.pull = (...lane) =>
        Effect.tap(log.pull(...lane), (deliveries) =>
          Effect.gen(function* () {
            if (deliveries.length === 0) return
            const row = where.leases.rows.get("whole/0")!
            Object.assign(row, {
              holder: "other",
              epoch: row.epoch + 1,
              untilMs: (yield* Clock.currentTimeMillis) + 60_000,
            })
            yield* Ref.update(pulled, (count) => count + deliveries.length)
          }))
      const handle = handlerIn("paused")
      yield* eventually(
        Effect.andThen(
          handleBatch({ consumer, attemptsMax: 5, handle }, 0).pipe(Effect.provideService(EventLog, { ...log, pull })),
          Ref.get(pulled),
        ),
        (count) => count > 0,
      )
      expect(yield* Ref.get(effects)).toEqual([])
      const other = yield* processOf("other")
      yield* Effect.forkScoped(
        run({ consumer, attemptsMax: 5, handle: handlerIn("other") }).pipe(Effect.provide(other)),
      )
      yield* eventually(Ref.get(effects), (all) => all.length >= 3)
      expect(yield* Ref.get(effects)).toEqual(["e1 in other", "e2 in other", "e3 in other"])
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(memory({ partitions })))))
})
