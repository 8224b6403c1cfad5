import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import type { LaneLease, LaneLeases } from "../streams/LaneLeases.ts"
import { holder, lanesNamed, leaseMs, passTime, prepareStream } from "./laneLeases.fixture.ts"

const layer = Layer.effectDiscard(prepareStream).pipe(Layer.provideMerge(MigratedDatabase.layer))
const lanes = [...lanesNamed("projector", 5), ...lanesNamed("learner", 1)]
const replicas = 3

type Step =
  | { readonly do: "renew" | "crash" | "give surplus" | "leave"; readonly replica: number }
  | { readonly do: "release"; readonly replica: number; readonly part: number }
  | { readonly do: "wait"; readonly tenths: number }
  | { readonly do: "renew all at once" }

const replica = fc.nat(replicas - 1)
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("renew" as const), replica }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("renew all at once" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("give surplus" as const), replica }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), replica, part: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "leave" as const), replica }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), tenths: fc.integer({ min: 1, max: 11 }) }) },
  ),
  { minLength: 10, maxLength: 40 },
) as fc.Arbitrary<ReadonlyArray<Step>>

/** One life of a replica, and what it believes to hold. A life that crashed says nothing more, and may be a zombie. */
interface Life {
  readonly name: string
  readonly leases: LaneLeases["Service"]
  believes: ReadonlyArray<{ readonly lease: LaneLease; readonly untilMs: number }>
  surplus: ReadonlyArray<LaneLease>
}

const play = Effect.fnUntraced(function* (script: ReadonlyArray<Step>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM lanes`
  yield* sql`DELETE FROM replicas`
  const lives: Array<Life> = []
  const begin = Effect.fnUntraced(function* (name: string) {
    const life: Life = { name, leases: yield* holder(name), believes: [], surplus: [] }
    lives.push(life)
    return life
  })
  const current = yield* Effect.forEach(Array.from({ length: replicas }, (_, index) => `r${index}`), begin)
  let nowMs = 0
  const renew = Effect.fnUntraced(function* (life: Life) {
    const { held, surplus } = yield* life.leases.renew(lanes)
    life.believes = held.map((lease) => ({ lease, untilMs: nowMs + leaseMs }))
    life.surplus = surplus
  })
  const release = Effect.fnUntraced(function* (life: Life, given: ReadonlyArray<LaneLease>) {
    life.believes = life.believes.filter(({ lease }) =>
      !given.some(({ lane, durable }) => lane === lease.lane && durable === lease.durable)
    )
    life.surplus = []
    yield* life.leases.release(given)
  })
  for (const step of script) {
    if (step.do === "wait") {
      nowMs += (leaseMs * step.tenths) / 10
      yield* passTime((leaseMs * step.tenths) / 10)
    } else if (step.do === "renew all at once") {
      yield* Effect.forEach(current, renew, { concurrency: "unbounded" })
    } else {
      const life = current[step.replica]!
      if (step.do === "renew") yield* renew(life)
      else if (step.do === "leave") {
        life.believes = []
        yield* life.leases.leave
      } else if (step.do === "give surplus") yield* release(life, life.surplus)
      else if (step.do === "release") yield* release(life, life.believes.slice(0, step.part).map(({ lease }) => lease))
      else current[step.replica] = yield* begin(`${life.name}'`)
    }
    expectExclusive(lives, nowMs)
    yield* expectFenced(lives)
  }
})

const expectExclusive = (lives: ReadonlyArray<Life>, nowMs: number) => {
  const valid = lives.flatMap(({ believes }) => believes.filter(({ untilMs }) => untilMs > nowMs))
  const names = valid.map(({ lease }) => `${lease.durable}/${lease.lane}`)
  expect(new Set(names).size, "lanes held twice").toBe(names.length)
}

/** Of all that ever believed to hold a lane, the one with the highest epoch passes the guard, if any does. */
const expectFenced = Effect.fnUntraced(function* (lives: ReadonlyArray<Life>) {
  for (const { durable, lane } of lanes) {
    const claims = lives.flatMap(({ leases, believes }) =>
      believes.filter(({ lease }) => lease.durable === durable && lease.lane === lane).map(({ lease }) => ({
        leases,
        lease,
      }))
    )
    const epochs = claims.map(({ lease }) => lease.epoch)
    expect(new Set(epochs).size, "an epoch belongs to one life").toBe(epochs.length)
    for (const { leases, lease } of claims) {
      const passes = (yield* Effect.exit(leases.guard(lease)))._tag === "Success"
      if (passes) expect(lease.epoch).toBe(Math.max(...epochs))
    }
  }
})

describe("sql lane leases, against a model", () => {
  it.live(
    "whatever the order of renewals, releases, deaths and waits, no lane has two holders whose lease is valid",
    () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<SqlClient.SqlClient>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(steps, (script) => Effect.runPromiseWith(context)(Effect.scoped(play(script)))),
            { numRuns: 40 },
          )
        )
      }).pipe(Effect.provide(layer)),
    60_000,
  )
})
