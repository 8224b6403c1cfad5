import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Actors, SyncFailed } from "../actors/Actors.ts"
import type { SyncReport } from "../actors/Actors.ts"
import { Freshness } from "../recommender/Recommender.ts"
import { Inbox } from "../streams/Inbox.ts"
import * as FreshnessLive from "./freshness.ts"
import * as Projected from "./Projected.ts"

const owner = { tenantId: TenantId.make("acme"), userId: UserId.make("ada") }
const budgetMs = 300
const report: SyncReport = { status: "synced", changes: 1, syncedAtMs: 0, lastEventId: "e1" }

/** A tool answers when its gate opens; the projector's inbox holds what is added to it. */
const start = Effect.fnUntraced(function* () {
  const asked: Array<Provider | null> = []
  const inbox = new Set<string>()
  let looks = 0
  const gates = {
    todoist: yield* Deferred.make<SyncReport, SyncFailed>(),
    ical: yield* Deferred.make<SyncReport, SyncFailed>(),
  }
  const actors = Layer.mock(Actors, {
    ask: (_, message) => {
      if (message._tag !== "SyncNow" || message.provider === null) return Effect.die("not what a recommend asks for")
      asked.push(message.provider)
      return Deferred.await(gates[message.provider])
    },
  })
  const handled = Layer.mock(Inbox, {
    handled: (_, eventId) =>
      Effect.sync(() => {
        looks++
        return inbox.has(eventId)
      }),
  })
  const context = yield* Layer.build(
    FreshnessLive.layer(budgetMs).pipe(
      Layer.provide(Layer.merge(actors, handled)),
      Layer.provideMerge(Projected.layer),
    ),
  )
  const run = <A, E>(effect: Effect.Effect<A, E, Freshness | Projected.Projected>) =>
    Effect.provideContext(effect, context)
  const refresh = (...providers: ReadonlyArray<Provider>) =>
    run(Freshness.use((freshness) => freshness.refresh(owner, providers))).pipe(
      Effect.map((refreshed) => [...refreshed].sort()),
    )
  const project = (eventId: string) =>
    run(
      Effect.flatMap(
        Projected.Projected,
        ({ signal }) => Effect.andThen(Effect.sync(() => inbox.add(eventId)), signal),
      ),
    )
  return { asked, gates, inbox, looks: () => looks, project, refresh }
})

describe("freshness", () => {
  it.effect("ends as soon as this process projected what the tool had, without asking meanwhile", () =>
    Effect.gen(function* () {
      const { gates, looks, project, refresh } = yield* start()
      const waiting = yield* Effect.forkChild(refresh("todoist"))
      yield* Deferred.succeed(gates.todoist, report)
      yield* Effect.yieldNow
      yield* TestClock.adjust(0)
      expect([waiting.pollUnsafe(), looks()]).toEqual([undefined, 1])
      yield* project("e1")
      expect(yield* Fiber.join(waiting)).toEqual(["todoist"])
      expect(looks()).toBe(2)
    }))

  it.effect("sees by looking what another process projected", () =>
    Effect.gen(function* () {
      const { gates, inbox, refresh } = yield* start()
      const waiting = yield* Effect.forkChild(refresh("todoist"))
      yield* Deferred.succeed(gates.todoist, report)
      yield* TestClock.adjust(0)
      inbox.add("e1")
      yield* TestClock.adjust(10)
      expect(yield* Fiber.join(waiting)).toEqual(["todoist"])
    }))

  it.effect("what was read and is not projected within the budget is not there", () =>
    Effect.gen(function* () {
      const { gates, looks, refresh } = yield* start()
      yield* Deferred.succeed(gates.todoist, report)
      const waiting = yield* Effect.forkChild(refresh("todoist"))
      yield* TestClock.adjust(budgetMs)
      expect(yield* Fiber.join(waiting)).toEqual([])
      yield* TestClock.adjust(budgetMs)
      const before = looks()
      yield* TestClock.adjust(60_000)
      expect(looks()).toBe(before)
    }))

  it.effect("waits for no slow tool beyond the budget, and has what the quick one brought", () =>
    Effect.gen(function* () {
      const { gates, refresh } = yield* start()
      yield* Deferred.succeed(gates.ical, { ...report, lastEventId: null })
      const waiting = yield* Effect.forkChild(refresh("todoist", "ical"))
      yield* TestClock.adjust(budgetMs - 1)
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(waiting)).toEqual(["ical"])
    }))

  it.effect("who asks while the tool is being read, also beyond the budget, shares that reading", () =>
    Effect.gen(function* () {
      const { asked, gates, project, refresh } = yield* start()
      const first = yield* Effect.forkChild(refresh("todoist"))
      yield* TestClock.adjust(budgetMs)
      expect(yield* Fiber.join(first)).toEqual([])
      const second = yield* Effect.forkChild(Effect.all([refresh("todoist"), refresh("todoist")], { concurrency: 2 }))
      yield* TestClock.adjust(0)
      yield* project("e1")
      yield* Deferred.succeed(gates.todoist, report)
      expect(yield* Fiber.join(second)).toEqual([["todoist"], ["todoist"]])
      expect(asked).toEqual(["todoist"])
      expect(yield* refresh("todoist")).toEqual(["todoist"])
      expect(asked).toHaveLength(2)
    }))

  it.effect("a tool that fails has brought nothing, and nobody is told of a failure", () =>
    Effect.gen(function* () {
      const { gates, refresh } = yield* start()
      yield* Deferred.fail(
        gates.todoist,
        new SyncFailed({ problem: "down", code: "ProviderUnavailable", retryAtMs: 0 }),
      )
      expect(yield* refresh("todoist")).toEqual([])
    }))
})
