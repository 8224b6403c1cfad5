import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Actors, SyncFailed } from "./Actors.ts"
import type { SyncReport } from "./Actors.ts"
import * as Scheduler from "./Scheduler.ts"
import { anna, layerOf, rateLimited, Store, task, token, Tool } from "./userSync.fixture.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { Connection } from "./UserSyncStore.ts"
import { Redacted } from "effect"

const startMs = 1_781_078_400_000
const user = (name: string): Owner => ({ ...anna, userId: UserId.make(name) })
const synced: SyncReport = { status: "synced", changes: 0, syncedAtMs: startMs }
const dueAt = (nextSyncAtMs: number | null): Connection => ({
  provider: "todoist",
  status: "connected",
  sealedToken: null,
  cursor: null,
  version: 1,
  connectedAtMs: 0,
  syncedAtMs: null,
  nextSyncAtMs,
  failures: 0,
  lastProblem: null,
})

/** Users by name with the time they are due; actors that do what `answer` says, and who was asked. */
const start = Effect.fnUntraced(function* (
  users: Readonly<Record<string, number | null>>,
  answer: (name: string) => ReturnType<Actors["Service"]["ask"]> = () => Effect.succeed(synced),
) {
  yield* TestClock.setTime(startMs)
  const store = new Store()
  for (const [name, ms] of Object.entries(users)) store.row(user(name)).connection = dueAt(ms)
  const asked: Array<string> = []
  const actors = Actors.of({
    ask: (owner, message) =>
      Effect.suspend(() => {
        expect(message).toEqual({ _tag: "SyncNow", reason: "due" })
        asked.push(owner.userId)
        return answer(owner.userId)
      }),
    snapshot: Effect.succeed([]),
    drain: Effect.void,
  })
  const layer = Layer.merge(Layer.succeed(Actors, actors), Layer.succeed(UserSyncStore, store.service))
  return { asked, store, tick: Effect.provide(Scheduler.tick, layer), run: Effect.provide(Scheduler.run, layer) }
})

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`u${n}`, startMs - count + n]))

describe("scheduler", () => {
  it.effect("syncs those who are due, and no others", () =>
    Effect.gen(function* () {
      const { asked, tick } = yield* start({ late: startMs - 1, now: startMs, soon: startMs + 1, never: null })
      expect(yield* tick).toBe(2)
      expect(asked).toEqual(["late", "now"])
    }))

  it.effect("does not take a user again who is being synced, until their claim runs out", () =>
    Effect.gen(function* () {
      const { asked, tick } = yield* start(
        { a: startMs },
        () => Effect.fail(new SyncFailed({ problem: "", retryAtMs: null })),
      )
      yield* tick
      yield* TestClock.adjust(119_999)
      expect(yield* tick).toBe(0)
      yield* TestClock.adjust(1)
      expect(yield* tick).toBe(1)
      expect(asked).toEqual(["a", "a"])
    }))

  it.effect("a user whose sync fails or dies takes nobody with them", () =>
    Effect.gen(function* () {
      const { asked, tick } = yield* start(many(10), (name) => {
        if (name === "u3") return Effect.die(new Error("boom"))
        return name === "u4" ? Effect.fail(new SyncFailed({ problem: "", retryAtMs: null })) : Effect.succeed(synced)
      })
      expect(yield* tick).toBe(10)
      expect(asked).toHaveLength(10)
    }))

  it.effect("takes fifty at a time, earliest first, and syncs eight of them at once", () =>
    Effect.gen(function* () {
      let underWay = 0
      let most = 0
      const gate = yield* Deferred.make<void>()
      const { asked, tick } = yield* start(many(70), () =>
        Effect.gen(function* () {
          most = Math.max(most, ++underWay)
          yield* Deferred.await(gate)
          underWay -= 1
          return synced
        }))
      const first = yield* Effect.forkChild(tick)
      while (asked.length < 8) yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(first)).toBe(50)
      expect(asked).toEqual(Array.from({ length: 50 }, (_, n) => `u${n}`))
      expect(most).toBe(8)
      expect(yield* tick).toBe(20)
    }))

  it.effect("looks once a second while few are due, and at once again after a full batch", () =>
    Effect.gen(function* () {
      const { asked, run, store } = yield* start(many(120))
      const fiber = yield* Effect.forkChild(run)
      yield* TestClock.adjust(0)
      while (store.claims < 3) yield* Effect.yieldNow
      yield* TestClock.adjust(999)
      expect([asked.length, store.claims]).toEqual([120, 3])
      yield* TestClock.adjust(1)
      expect(store.claims).toBe(4)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("goes on when the queue could not be read", () =>
    Effect.gen(function* () {
      const { asked, store } = yield* start({ a: startMs })
      let failing = 2
      const flaky = UserSyncStore.of({
        ...store.service,
        claimDue: (...due) =>
          failing-- > 0
            ? Effect.fail(new StoreUnavailable({ operation: "claim", cause: new Error("gone") }))
            : store.service.claimDue(...due),
      })
      const actors = Actors.of({
        ask: (owner) => Effect.sync(() => (asked.push(owner.userId), synced)),
        snapshot: Effect.succeed([]),
        drain: Effect.void,
      })
      const layer = Layer.merge(Layer.succeed(Actors, actors), Layer.succeed(UserSyncStore, flaky))
      const fiber = yield* Effect.forkChild(Effect.provide(Scheduler.run, layer))
      yield* TestClock.adjust(1_999)
      expect(asked).toEqual([])
      yield* TestClock.adjust(1)
      expect(asked).toEqual(["a"])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("with real actors: a user comes round after the interval, or when the tool said", () => {
    const [store, tool] = [new Store(), new Tool()]
    return Effect.gen(function* () {
      yield* TestClock.setTime(startMs)
      const { ask } = yield* Actors
      yield* ask(anna, { _tag: "Connect", provider: "todoist", token: Redacted.make(token) })
      expect(yield* Scheduler.tick).toBe(0)
      tool.open(task("1"))
      tool.failures.push({ error: rateLimited(1_000_000) })
      yield* TestClock.adjust(990_000)
      expect(yield* Scheduler.tick).toBe(1)
      yield* TestClock.adjust(999_999)
      expect(yield* Scheduler.tick).toBe(0)
      yield* TestClock.adjust(1)
      expect(yield* Scheduler.tick).toBe(1)
      expect([...store.row().tasks.keys()]).toEqual(["1"])
      expect(tool.requests).toHaveLength(3)
    }).pipe(Effect.provide(layerOf(store, tool)))
  })
})
