import { describe, expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Metric, Random } from "effect"
import { TestClock } from "effect/testing"
import { ActorBusy, Actors, ConnectionRejected, SyncFailed } from "./Actors.ts"
import { slowAfterMs } from "./places.ts"
import { claimMs } from "./providerQueue.ts"
import { fill, namesOf, schedulerWorld, startMs, synced } from "./scheduler.fixture.ts"
import * as Scheduler from "./Scheduler.ts"
import { nextSyncAtMs } from "./syncInterval.ts"
import { anna, credentialOf, layerOf, rateLimited, sealed, Store, task, token, Tool } from "./userSync.fixture.ts"

const failed = (code: string) => new SyncFailed({ problem: "", code, retryAtMs: null })

describe("the scheduler takes from the due queue", () => {
  it.effect("those who are due, the longest waiting first, and no others", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      world.queue.set("now", startMs)
      world.queue.set("soon", startMs + 5_000)
      world.queue.set("late", startMs - 1)
      yield* world.begin
      expect(namesOf(world)).toEqual(["late", "now"])
      yield* TestClock.adjust(4_999)
      expect(namesOf(world)).toEqual(["late", "now"])
      yield* TestClock.adjust(1_001)
      expect(namesOf(world)).toEqual(["late", "now", "soon"])
    }))

  it.effect("no more than can begin at once, and looks once a second while nobody is due", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld(undefined, { concurrency: 8 })
      fill(world, 20)
      yield* world.begin
      yield* TestClock.adjust(10_000)
      expect(world.asked).toHaveLength(20)
      const { claims } = world.queue
      const ofTodoist = claims.filter(({ provider }) => provider === "todoist")
      expect(ofTodoist.every(({ limits }) => limits.healthy <= 8 && limits.failing <= 2)).toBe(true)
      expect(ofTodoist.map(({ taken }) => taken)).toEqual([8, 8, 4, ...Array<number>(ofTodoist.length - 3).fill(0)])
      expect(ofTodoist.length).toBeLessThanOrEqual(13)
    }))

  it.effect("again whoever was not synced when their claim has run out", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld(() => Effect.never)
      fill(world, 1)
      yield* world.begin
      yield* TestClock.adjust(claimMs - 1)
      expect(world.asked).toHaveLength(1)
      yield* TestClock.adjust(1_001)
      expect(world.asked).toHaveLength(2)
    }))

  it.effect("edge case 25 - soon again whom somebody else has, well within the grace of a spent refresh token", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld(() => Effect.fail(new ActorBusy({ detail: "another process is at it" })))
      fill(world, 1)
      yield* world.begin
      yield* TestClock.adjust(9_999)
      expect(world.asked).toHaveLength(1)
      yield* TestClock.adjust(1_001)
      expect(world.asked).toHaveLength(2)
      expect(claimMs).toBeLessThan(50_000)
    }))

  it.effect("again after the store could not be read", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      fill(world, 1)
      world.queue.failing = 4
      yield* world.begin
      yield* TestClock.adjust(10_000)
      expect(namesOf(world)).toEqual(["u0"])
    }))

  it.effect("after a delay of its own, so that nodes that start together do not begin together", () =>
    Effect.gen(function* () {
      const beginnings = yield* Effect.forEach(
        ["a", "b", "c", "d", "e", "f"],
        Effect.fnUntraced(function* (seed) {
          const world = yield* schedulerWorld(undefined, { startDelayMs: 2_000 })
          fill(world, 1)
          const fiber = yield* Random.withSeed(world.begin, seed)
          yield* TestClock.adjust(4_000)
          yield* Fiber.interrupt(fiber)
          return world.asked[0]!.atMs - startMs
        }),
      )
      expect(Math.min(...beginnings)).toBeGreaterThanOrEqual(1_000)
      expect(Math.max(...beginnings)).toBeLessThanOrEqual(3_000)
      expect(new Set(beginnings).size).toBe(6)
    }))
})

describe("one user's trouble is that user's", () => {
  it.effect("edge case 23 - a 429, a broken token, a defect or a busy actor takes nobody along", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld((name) => {
        if (name === "u0") return Effect.fail(failed("RateLimited"))
        if (name === "u1") return Effect.fail(new ConnectionRejected({ provider: "todoist" }))
        if (name === "u2") return Effect.die(new Error("boom"))
        return name === "u3" ? Effect.fail(new ActorBusy({ detail: "" })) : Effect.succeed(synced)
      })
      const names = fill(world, 30)
      yield* world.begin
      yield* TestClock.adjust(1_000)
      expect(namesOf(world)).toEqual(names)
      yield* TestClock.adjust(9_000)
      expect(world.lines.filter((line) => line.includes("synced"))).toEqual([
        "Info todoist: synced 26 ok, 3 failed, 1 skipped, lag 156 ms",
      ])
    }))

  it.effect("edge case 23 - syncs that hang hold a place each, not the others' turn, and no longer than a claim", () =>
    Effect.gen(function* () {
      let underWay = 0
      const world = yield* schedulerWorld(
        (name) =>
          Number(name.slice(1)) < 7 ? Effect.never : Effect.ensuring(
            Effect.as(Effect.andThen(Effect.sync(() => underWay++), Effect.sleep(100)), synced),
            Effect.sync(() => underWay--),
          ),
        { concurrency: 8 },
      )
      const names = fill(world, 107)
      yield* world.begin
      yield* TestClock.adjust(30_000)
      expect(new Set(namesOf(world))).toEqual(new Set(names))
      expect(world.asked.at(-1)!.atMs - startMs).toBeLessThan(20_000)
      expect(underWay).toBe(0)
      yield* TestClock.adjust(claimMs - 20_000)
      expect(world.lines.filter((line) => line.includes(" 7 skipped"))).toHaveLength(1)
    }))

  it.effect("edge case 27 - the trouble of one provider delays nobody of another", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld((_, provider) =>
        provider === "todoist" ? Effect.never : Effect.succeed(synced)
      )
      fill(world, 50)
      for (const n of Array(50).keys()) world.queue.set(`feed${n}`, startMs, "ical")
      yield* world.begin
      yield* TestClock.adjust(1_000)
      expect(world.asked.filter(({ provider }) => provider === "ical")).toHaveLength(50)
      expect(world.asked.filter(({ provider }) => provider === "todoist")).toHaveLength(8)
    }))
})

describe("a provider's limits", () => {
  it.effect("as many run at once as there are places, and the next begins when one is free", () =>
    Effect.gen(function* () {
      let underWay = 0
      let most = 0
      const gate = yield* Deferred.make<void>()
      const world = yield* schedulerWorld(() =>
        Effect.gen(function* () {
          most = Math.max(most, ++underWay)
          yield* Deferred.await(gate)
          underWay -= 1
          return synced
        }), { concurrency: 5 })
      fill(world, 23)
      yield* world.begin
      yield* TestClock.adjust(slowAfterMs - 1)
      expect(world.asked).toHaveLength(5)
      expect(world.queue.claims.filter(({ taken }) => taken > 0)).toHaveLength(1)
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust(2_000)
      expect([world.asked.length, most]).toEqual([23, 5])
    }))

  it.effect("no more begin in a second than its rate, and no fewer while enough are due", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld(undefined, { concurrency: 16, rateMax: 50 })
      fill(world, 2_000)
      yield* world.begin
      yield* TestClock.adjust(20_000)
      const begunWithin = (fromMs: number) =>
        world.asked.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1_000).length
      const seconds = Array.from({ length: 19 }, (_, n) => begunWithin(startMs + 1_000 * n))
      expect(Math.max(...seconds)).toBeLessThanOrEqual(50 + 16)
      expect(Math.max(...seconds.slice(1))).toBeLessThanOrEqual(51)
      expect(Math.min(...seconds)).toBeGreaterThanOrEqual(45)
    }))

  it.effect("edge case 27 - nobody is claimed while the circuit is open, and all keep their place", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      const names = fill(world, 20)
      world.circuits.todoist = "open"
      world.queue.set("feed", startMs, "ical")
      yield* world.begin
      yield* TestClock.adjust(600_000)
      expect(namesOf(world)).toEqual(["feed"])
      expect(world.queue.claims.filter(({ provider }) => provider === "todoist")).toEqual([])
      expect(names.map((name) => world.queue.turnOf(name))).toEqual(names.map((_, n) => startMs - 20 + n))
      world.circuits.todoist = "closed"
      yield* TestClock.adjust(2_000)
      expect(namesOf(world)).toEqual(["feed", ...names])
    }))

  it.effect("edge case 28 - nobody is claimed once the provider ended its API", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      fill(world, 5)
      world.circuits.todoist = "gone"
      yield* world.begin
      yield* TestClock.adjust(3_600_000)
      expect(world.asked).toEqual([])
    }))

  it.effect("a half-open circuit is tried by one user at a time", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const world = yield* schedulerWorld(() => Effect.as(Deferred.await(gate), synced))
      fill(world, 20)
      world.circuits.todoist = "half-open"
      yield* world.begin
      yield* TestClock.adjust(10_000)
      expect(namesOf(world)).toEqual(["u0"])
      world.circuits.todoist = "closed"
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust(2_000)
      expect(world.asked).toHaveLength(20)
    }))

  it.effect("edge case 27 - hanging syncs do not keep a half-open circuit from being tried", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld((name) => name === "healthy" ? Effect.succeed(synced) : Effect.never)
      fill(world, 3)
      yield* world.begin
      world.circuits.todoist = "half-open"
      world.queue.set("healthy", startMs + 500)
      yield* TestClock.adjust(2_000)
      expect(namesOf(world)).toEqual(["u0", "u1", "u2", "healthy"])
    }))

  it.effect("edge case 27 - a half-open circuit is tried by those who failed only when there is nobody else", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      for (const name of fill(world, 3)) world.queue.failed.add(name)
      world.queue.set("healthy", startMs)
      world.circuits.todoist = "half-open"
      yield* world.begin
      expect(namesOf(world)).toEqual(["healthy"])
      yield* TestClock.adjust(1_000)
      expect(namesOf(world)).toEqual(["healthy", "u0"])
    }))
})

describe("after an outage", () => {
  it.effect("ten thousand who are due at once come at the rate, and are spread when they come again", () =>
    Effect.gen(function* () {
      const intervalMs = 900_000
      const lastMs = startMs - 7_200_000
      const seen = new Map<string, number>()
      const world = yield* schedulerWorld((name, provider, queue) =>
        Effect.gen(function* () {
          const nowMs = yield* Clock.currentTimeMillis
          const occasion = { nowMs, intervalMs, activeAtMs: nowMs, connectedAtMs: 0 }
          const syncedAtMs = seen.get(name) ?? lastMs
          queue.set(name, nextSyncAtMs({ ...occasion, syncedAtMs, chance: yield* Random.next }), provider)
          seen.set(name, nowMs)
          return synced
        }), { concurrency: 16, rateMax: 100 })
      fill(world, 10_000)
      const fiber = yield* Random.withSeed(world.begin, "outage")
      yield* TestClock.adjust(105_000)
      expect(new Set(namesOf(world)).size).toBe(10_000)
      yield* TestClock.adjust(1_500_000)
      const minutes = Array.from({ length: 24 }, (_, n) => {
        const fromMs = startMs + 120_000 + n * 60_000
        return world.asked.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 60_000).length
      })
      // Evenly, it would be 667 a minute; those who came back together with the usual jitter would make it 2,000.
      expect(Math.max(...minutes)).toBeLessThan(1_000)
      yield* Fiber.interrupt(fiber)
    }))
})

describe("when it is stopped", () => {
  it.effect("claims that were not begun are given back, and nobody is asked any more", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      const names = fill(world, 3)
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      world.queue.meanwhile = Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(finish))
      const fiber = yield* world.begin
      yield* Deferred.await(begun)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust(0)
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(stopping)
      expect(world.asked).toEqual([])
      expect(world.queue.unclaimed).toEqual(names)
      expect(names.map((name) => world.queue.turnOf(name))).toEqual([startMs - 3, startMs - 2, startMs - 1])
    }))

  it.effect("those under way stay claimed, for their actors finish them; and nothing is said of it", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld(() => Effect.never)
      fill(world, 3)
      const fiber = yield* world.begin
      expect(world.asked).toHaveLength(3)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(120_000)
      expect([world.asked.length, world.queue.unclaimed, world.lines]).toEqual([3, [], []])
    }))
})

describe("what it says", () => {
  it.effect("one line in ten seconds when it is busy, nothing when there was nothing, and little for few", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld()
      fill(world, 12)
      yield* world.begin
      yield* TestClock.adjust(30_000)
      expect(world.lines).toEqual(["Info todoist: synced 12 ok, 0 failed, 0 skipped, lag 54 ms"])
      world.queue.set("one", startMs + 29_000)
      yield* TestClock.adjust(10_000)
      expect(world.lines.slice(1)).toHaveLength(1)
      expect(world.lines[1]).toMatch(/^Debug todoist: synced 1 ok, 0 failed, 0 skipped, lag \d+ ms$/)
    }))

  it.effect("counts what became of each sync and why, and how far behind the queue is", () =>
    Effect.gen(function* () {
      const world = yield* schedulerWorld((name) =>
        name === "u0" ? Effect.fail(failed("RateLimited")) : Effect.succeed(synced)
      )
      fill(world, 3)
      const counts = { connected: 9, needsReconnect: 0, failing: 0, problems: {} }
      world.queue.summaries = [{ provider: "todoist", due: 4, lagMs: 70, ...counts }]
      yield* world.begin
      yield* TestClock.adjust(10_000)
      const found = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("sync")).map((
        { id, attributes, state },
      ) => [
        id,
        { ...attributes },
        "count" in state ? state.count : "value" in state ? state.value : undefined,
      ])
      const provider = "todoist"
      expect(found).toEqual(expect.arrayContaining([
        ["syncs_total", { provider, outcome: "ok", code: "ok" }, 2],
        ["syncs_total", { provider, outcome: "failed", code: "RateLimited" }, 1],
        ["sync_due", { provider }, 4],
        ["sync_lag_ms", { provider }, 70],
        ["syncs_in_flight", { provider }, 0],
      ]))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("with real actors", () => {
  it.effect("a user comes round after the interval, or when the tool said", () => {
    const [store, tool] = [new Store(), new Tool()]
    return Effect.gen(function* () {
      yield* TestClock.setTime(startMs)
      const { ask } = yield* Actors
      yield* ask(anna, {
        _tag: "Connect",
        provider: "todoist",
        sealed: yield* sealed(credentialOf(token)),
        replaces: false,
      })
      const dueAtMs = store.row().connection!.nextSyncAtMs!
      expect(dueAtMs).toBeGreaterThan(startMs)
      yield* Effect.forkChild(Scheduler.run({ concurrency: 8, rateMax: 100, startDelayMs: 0 }))
      tool.open(task("1"))
      tool.failures.push({ error: rateLimited(1_000_000) })
      yield* TestClock.setTime(dueAtMs + 2_000)
      const retryAtMs = store.row().connection!.nextSyncAtMs!
      expect(store.row().connection).toMatchObject({ failures: 1, problemCode: "RateLimited" })
      expect(retryAtMs).toBeGreaterThanOrEqual(dueAtMs + 1_000_000)
      yield* TestClock.setTime(retryAtMs - 1)
      expect([...store.row().tasks.keys()]).toEqual([])
      yield* TestClock.setTime(retryAtMs + 2_000)
      expect([...store.row().tasks.keys()]).toEqual(["1"])
      expect(store.row().connection).toMatchObject({ failures: 0, problemCode: null })
    }).pipe(Effect.provide(layerOf(store, tool)))
  })
})
