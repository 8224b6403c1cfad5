import { describe, expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import type { Scope } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { LaneLost } from "../streams/EventLog.ts"
import type { LaneLease } from "../streams/LaneLeases.ts"
import { holder, lanesNamed, leaseMs, passTime, prepareStream } from "./laneLeases.fixture.ts"
import * as SqlLaneLeases from "./SqlLaneLeases.ts"

const layer = Layer.effectDiscard(prepareStream).pipe(Layer.provideMerge(MigratedDatabase.layer))
const eight = lanesNamed("projector", 8)
const numbers = (leases: ReadonlyArray<LaneLease>) => leases.map(({ lane }) => lane)
const live = (
  name: string,
  test: Effect.Effect<void, unknown, Layer.Success<typeof layer> | Scope.Scope>,
) => it.live(name, () => test.pipe(Effect.scoped, Effect.provide(layer)))

describe("sql lane leases", () => {
  live(
    "a replica alone holds every lane, under the same epochs as long as it renews",
    Effect.gen(function* () {
      const a = yield* holder("a")
      const first = yield* a.renew(eight)
      expect(first).toEqual({ held: eight.map((lane) => ({ ...lane, epoch: 1 })), surplus: [] })
      yield* passTime(leaseMs * 0.9)
      expect(yield* a.renew(eight)).toEqual(first)
      yield* passTime(leaseMs * 0.9)
      const b = yield* holder("b")
      expect((yield* b.renew(eight)).held).toEqual([])
    }),
  )

  live(
    "a second replica gets its half in the round after the first one let go of it",
    Effect.gen(function* () {
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      yield* a.renew(eight)
      expect((yield* b.renew(eight)).held).toEqual([])
      const { held, surplus } = yield* a.renew(eight)
      expect([held.length, surplus.length]).toEqual([8, 4])
      yield* a.release(surplus)
      const taken = yield* b.renew(eight)
      expect(numbers(taken.held)).toEqual(numbers(surplus))
      expect(taken.surplus).toEqual([])
      expect(taken.held.every(({ epoch }) => epoch === 2)).toBe(true)
      expect((yield* a.renew(eight)).held).toHaveLength(4)
    }),
  )

  live(
    "eight replicas that start at once come to a lane each, and no lane has two holders on the way",
    Effect.gen(function* () {
      const all = yield* Effect.forEach(Array.from({ length: 8 }, (_, index) => `r${index}`), holder)
      const round = Effect.forEach(
        all,
        (one) => Effect.tap(one.renew(eight), ({ surplus }) => one.release(surplus)),
        { concurrency: "unbounded" },
      )
      for (let rounds = 0; rounds < 3; rounds++) {
        const kept = (yield* round).flatMap(({ held, surplus }) =>
          numbers(held.filter((one) => !surplus.includes(one)))
        )
        expect(new Set(kept).size).toBe(kept.length)
      }
      expect((yield* round).map(({ held }) => held.length)).toEqual(Array.from({ length: 8 }, () => 1))
    }),
  )

  live(
    "a replica that died loses its lanes when its lease is over, not before",
    Effect.gen(function* () {
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      yield* a.renew(eight)
      yield* passTime(leaseMs * 0.9)
      expect((yield* b.renew(eight)).held).toEqual([])
      yield* passTime(leaseMs * 0.1)
      const { held, surplus } = yield* b.renew(eight)
      expect([held.length, surplus.length]).toEqual([8, 0])
    }),
  )

  live(
    "a replica that started again under its name has its lanes at once, and its earlier life has not",
    Effect.gen(function* () {
      const before = yield* holder("a")
      const { held: [old] } = yield* before.renew(eight)
      const after = yield* holder("a")
      const { held } = yield* after.renew(eight)
      expect(held.map(({ epoch }) => epoch)).toEqual(eight.map(() => 2))
      expect(yield* Effect.flip(before.guard(old!))).toBeInstanceOf(LaneLost)
      yield* before.release([old!])
      yield* after.guard(held[0]!)
    }),
  )

  live(
    "a zombie is refused inside its transaction, and one that passed the guard keeps the lane until it ends",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      const one = lanesNamed("projector", 1)
      const { held: [lease] } = yield* a.renew(one)
      const [passed, end] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
        yield* a.guard(lease!)
        yield* Deferred.succeed(passed, undefined)
        yield* Deferred.await(end)
      })))
      yield* Deferred.await(passed)
      // Its own transaction does not keep a holder from renewing.
      expect((yield* a.renew(one)).held).toEqual([lease])
      yield* passTime(leaseMs)
      expect((yield* b.renew(one)).held).toEqual([])
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(slow)
      expect((yield* b.renew(one)).held).toEqual([{ ...lease!, epoch: 2 }])
      expect(yield* Effect.flip(sql.withTransaction(a.guard(lease!)))).toBeInstanceOf(LaneLost)
    }),
  )

  live(
    "a lane let go within a guarded transaction is taken after it",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      const one = lanesNamed("projector", 1)
      const { held } = yield* a.renew(one)
      const [passed, end] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = yield* Effect.forkChild(sql.withTransaction(
        Effect.andThen(a.guard(held[0]!), Effect.andThen(Deferred.succeed(passed, undefined), Deferred.await(end))),
      ))
      yield* Deferred.await(passed)
      yield* a.release(held)
      expect((yield* b.renew(one)).held).toEqual([])
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(slow)
      expect((yield* b.renew(one)).held).toHaveLength(1)
    }),
  )

  live(
    "letting go leaves alone what is another's by now",
    Effect.gen(function* () {
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      const { held } = yield* a.renew(eight)
      yield* passTime(leaseMs)
      const taken = yield* b.renew(eight)
      yield* a.release(held)
      expect((yield* a.renew(eight)).held).toEqual([])
      yield* Effect.forEach(taken.held, b.guard)
    }),
  )

  live(
    "a replica that left is not waited for, and what it held is free",
    Effect.gen(function* () {
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      yield* a.renew(eight)
      yield* b.renew(eight)
      yield* b.leave
      expect((yield* a.renew(eight)).surplus).toEqual([])
      yield* a.leave
      expect((yield* b.renew(eight)).held).toHaveLength(8)
    }),
  )

  live(
    "consumers are shared each by itself, and only among replicas that run them",
    Effect.gen(function* () {
      const [old, young] = [yield* holder("old"), yield* holder("young")]
      const [learner, fresh] = [lanesNamed("learner", 1), lanesNamed("fresh", 4)]
      yield* old.renew([...eight, ...learner])
      yield* young.renew([...eight, ...learner, ...fresh])
      const after = yield* old.renew([...eight, ...learner])
      expect(numbers(after.surplus.filter(({ durable }) => durable === "projector"))).toHaveLength(4)
      expect(after.surplus.filter(({ durable }) => durable === "learner")).toEqual([])
      const { held } = yield* young.renew([...eight, ...learner, ...fresh])
      expect(held.map(({ durable }) => durable)).toEqual(["fresh", "fresh", "fresh", "fresh"])
    }),
  )

  live(
    "the clock of a process does not matter",
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const later = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.provideService(
          effect,
          Clock.Clock,
          Object.assign(Object.create(clock) as typeof clock, {
            currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + 2 * leaseMs,
            currentTimeMillis: Effect.map(clock.currentTimeMillis, (ms) => ms + 2 * leaseMs),
          }),
        )
      const [a, b] = [yield* holder("a"), yield* holder("b")]
      const { held } = yield* a.renew(eight)
      yield* later(b.renew(eight))
      expect((yield* a.renew(eight)).held).toEqual(held)
      yield* Effect.forEach(held, a.guard)
    }),
  )

  live(
    "a lease that a slow renewal could outlast is refused at the start",
    Effect.gen(function* () {
      const options = { holder: "a", leaseMs: 7_999, ackWaitMs: 5_000, renewMs: 1_000 }
      const problem = yield* Effect.flip(Layer.build(SqlLaneLeases.layer(options)))
      expect(problem.message).toContain("8000 ms")
      yield* Layer.build(Layer.fresh(SqlLaneLeases.layer({ ...options, leaseMs: 8_000 })))
    }),
  )
})
