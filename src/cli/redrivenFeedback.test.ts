/** Feedback that the learner gave up, sent again by an operator: it is learned then, and once. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { reactionKinds, reactionRecorded } from "../../schemas/events.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { featureCount, featureSchema } from "../recommender/features.ts"
import { learnFrom } from "../recommender/Learning.ts"
import { PolicyStates } from "../recommender/PolicyStates.ts"
import type { SavedState } from "../recommender/PolicyStates.ts"
import * as ServingStates from "../recommender/ServingStates.ts"
import { run } from "../streams/Consumer.ts"
import type { ReceivedEvent } from "../streams/Consumer.ts"
import { DeadLetters } from "../streams/DeadLetters.ts"
import { eventually } from "../streams/EventLog.contract.ts"
import { EventLog } from "../streams/EventLog.ts"
import { layerMemory } from "../streams/MemoryEventLog.ts"
import { Outbox } from "../streams/Outbox.ts"
import { learner } from "./consumers.ts"

const acme = TenantId.make("acme")

const done = (id: string, decisionId: string) =>
  reactionRecorded({ id, atMs: 0, correlationId: "c", tenantId: acme, userId: UserId.make("u") }, {
    decisionId,
    candidateId: "todoist:1",
    servedAtMs: 0n,
    reactedAtMs: 1n,
    reaction: reactionKinds.done,
  })

const features = Float64Array.from({ length: featureCount }, (_, column) => (column % 3) / 3)

const states = Layer.sync(PolicyStates, () => {
  const saved = new Map<TenantId, SavedState>()
  return PolicyStates.of({
    load: (tenantId) => Effect.sync(() => saved.get(tenantId)),
    save: (tenantId, state, committed) => Effect.andThen(Effect.sync(() => saved.set(tenantId, state)), committed),
  })
})

const decisions = Layer.succeed(
  Decisions,
  {
    chosenRows: (ids: ReadonlyArray<string>) =>
      Effect.succeed(new Map(ids.map((id) => [id, { features, featureSchema }]))),
  } as Partial<Decisions["Service"]> as Decisions["Service"],
)

const layer = () =>
  Layer.mergeAll(layerMemory({ partitions: 4 }), ServingStates.layer, decisions).pipe(Layer.provideMerge(states))

describe("feedback that is sent again", () => {
  it.live("is learned at its new number, once", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const serving = yield* ServingStates.ServingStates
      const learned = Effect.sync(() => {
        const { position, updates } = serving.current(acme).learner
        return { position, updates }
      })
      const broken = yield* Ref.make(true)
      const handle = Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
        const hasFirst = events.some(({ envelope }) => envelope.id === "first")
        if (hasFirst && (yield* Ref.get(broken))) return yield* Effect.fail("broken")
        yield* learnFrom(events)
      })
      const fiber = yield* Effect.forkChild(run({ consumer: learner(1), attemptsMax: 1, handle }))
      yield* (yield* Outbox).append([done("first", "d1"), done("second", "d2")])
      yield* eventually(learned, ({ position }) => position === 2)
      expect(yield* learned).toEqual({ position: 2, updates: 1 })

      yield* Ref.set(broken, false)
      expect((yield* letters.redrive({}, { limit: 10, dryRun: false })).redriven).toHaveLength(1)
      yield* eventually(learned, ({ position }) => position === 3)
      expect(yield* learned).toEqual({ position: 3, updates: 2 })

      // A second letter of the same event, of whoever else gave it up: the learner knows it by now.
      const [first] = yield* (yield* EventLog).read("FEEDBACK", 0, 1)
      yield* letters.record("other", { ...first!, attempt: 1 }, { reason: "attempts-exhausted", detail: "x" })
      yield* letters.redrive({}, { limit: 10, dryRun: false })
      yield* (yield* Outbox).append([done("third", "d3")])
      yield* eventually(learned, ({ position }) => position === 5)
      expect(yield* learned).toEqual({ position: 5, updates: 3 })
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer())))
})
