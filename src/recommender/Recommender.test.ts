import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Decisions } from "./Decisions.ts"
import type { Situation } from "./Decisions.ts"
import { initialLearner } from "./Learner.ts"
import { policyNamed } from "./policies.ts"
import * as Recommender from "./Recommender.ts"
import { servingOf, ServingStates } from "./ServingStates.ts"

const owner = { tenantId: TenantId.make("acme"), userId: UserId.make("ada") }
const nowMs = 1_000_000
const freshMs = 30_000
const policy = policyNamed("epsilon-greedy")

type Ages = Partial<Readonly<Record<Provider, number>>>

/** Tools by how many milliseconds ago they were read; all of them may be read again. */
const situationOf = (ages: Ages): Situation => {
  const readable = (["todoist", "ical"] as const).flatMap((provider) => {
    const age = ages[provider]
    return age === undefined ? [] : [{ provider, syncedAtMs: nowMs - age }]
  })
  return {
    candidates: [],
    sleeps: new Map(),
    timeZone: "UTC",
    connected: true,
    syncedAtMs: Math.min(...readable.map(({ syncedAtMs }) => syncedAtMs)),
    readable,
    doneLast7Days: 0,
    dismissedLast7Days: 0,
  }
}

/** One recommend that finds `before`, asks for what is old, gets `refreshed`, and finds `after` then. */
const recommend = Effect.fnUntraced(function* (before: Ages, refreshed: ReadonlyArray<Provider> = [], after = before) {
  const asked: Array<ReadonlyArray<Provider>> = []
  const decisions = Layer.mock(Decisions, {
    situation: () => Effect.sync(() => situationOf(asked.length === 0 ? before : after)),
    commit: () => Effect.void,
  })
  const freshness = Layer.succeed(Recommender.Freshness, {
    refresh: (_, providers) =>
      Effect.sync(() => {
        asked.push(providers)
        return new Set(refreshed)
      }),
  })
  const serving = Layer.mock(ServingStates, { current: () => servingOf(initialLearner()), publish: () => {} })
  yield* TestClock.setTime(nowMs)
  const { dataAgeMs } = yield* Recommender.Recommender.use((recommender) => recommender.recommend(owner)).pipe(
    Effect.provide(
      Recommender.layer({ policy, tipWindowMs: 60_000, freshMs }).pipe(
        Layer.provide([decisions, freshness, serving]),
      ),
    ),
  )
  return { asked, dataAgeMs }
})

describe("recommender", () => {
  it.effect("asks for nothing while no tool's data is older than it may be", () =>
    Effect.gen(function* () {
      expect(yield* recommend({ todoist: freshMs, ical: 0 })).toEqual({ asked: [], dataAgeMs: freshMs })
    }))

  it.effect("asks for the old ones alone, and is as old as the oldest then", () =>
    Effect.gen(function* () {
      const answer = yield* recommend({ todoist: freshMs + 1, ical: 5 }, ["todoist"], { todoist: 0, ical: 5 })
      expect(answer).toEqual({ asked: [["todoist"]], dataAgeMs: 5 })
    }))

  it.effect("what was read while it waited, but is not among the candidates, makes it no younger", () =>
    Effect.gen(function* () {
      const answer = yield* recommend({ todoist: 50_000, ical: 40_000 }, ["ical"], { todoist: 0, ical: 0 })
      expect(answer).toEqual({ asked: [["todoist", "ical"]], dataAgeMs: 50_000 })
    }))
})
