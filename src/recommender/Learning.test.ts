import { create } from "@bufbuild/protobuf"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { exampleEvents } from "../../schemas/events.fixture.ts"
import { reactionKinds, reactionRecorded, tipExpired } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { ReactionKind } from "../../schemas/gen/tipstream/events/v1/feedback_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { Decisions } from "./Decisions.ts"
import type { ChosenRow } from "./Decisions.ts"
import { featureCount, featureSchema } from "./features.ts"
import { initialLearner, learn } from "./Learner.ts"
import type { LearnerEvent } from "./Learner.ts"
import { learnerEventOf, learnFrom } from "./Learning.ts"
import type { FeedbackEvent } from "./Learning.ts"
import { PolicyStates } from "./PolicyStates.ts"
import type { SavedState } from "./PolicyStates.ts"
import * as ServingStates from "./ServingStates.ts"

const acme = TenantId.make("acme")
const occurrence = (tenantId = acme) => ({ id: "id", atMs: 0, correlationId: "c", tenantId, userId: UserId.make("u") })
const times = { candidateId: "todoist:1", servedAtMs: 0n, reactedAtMs: 1n }

const reaction = (kind: ReactionKind, decisionId = "d1", undone?: ReactionKind, tenantId?: TenantId): Envelope =>
  reactionRecorded(occurrence(tenantId), {
    ...times,
    decisionId,
    reaction: kind,
    ...(undone === undefined ? {} : { undone }),
  })
const expiry = (decisionId = "d1"): Envelope =>
  tipExpired(occurrence(), { candidateId: "todoist:1", servedAtMs: 0n, expiredAtMs: 1n, decisionId })

const rowOf = (decision: number): ChosenRow => ({
  features: Float64Array.from({ length: featureCount }, (_, column) => ((column + decision) % 4) / 4),
  featureSchema,
})
const rows = new Map([["d1", rowOf(1)], ["d2", rowOf(2)]])
const at = (sequence: number, envelope: Envelope): FeedbackEvent => ({ envelope, sequence })

describe("what can be learned from", () => {
  const read = (envelope: Envelope, known: ReadonlyMap<string, ChosenRow> = rows) =>
    learnerEventOf(at(7, envelope), known)
  const base = { position: 7, decisionId: "d1", features: rows.get("d1")!.features }

  it("every reaction by its own name, at its position, with the row the policy saw", () => {
    for (const name of ["done", "snooze", "dismiss", "acknowledge", "save"] as const) {
      expect(read(reaction(reactionKinds[name]))).toEqual({ ...base, reaction: name })
    }
    expect(read(expiry())).toEqual({ ...base, reaction: "expired" })
  })

  it("an undo names what it takes back", () => {
    expect(read(reaction(reactionKinds.undo, "d1", reactionKinds.snooze)))
      .toEqual({ ...base, reaction: "undo", undone: "snooze" })
  })

  it.each([
    ["a reaction of a later version", reaction(99 as ReactionKind)],
    ["a reaction that says nothing", reaction(0)],
    ["an undo of nothing", reaction(reactionKinds.undo)],
    ["an undo of an undo", reaction(reactionKinds.undo, "d1", reactionKinds.undo)],
    ["an undo of something of a later version", reaction(reactionKinds.undo, "d1", 99 as ReactionKind)],
    ["a decision that is gone", reaction(reactionKinds.done, "gone")],
    ["another event", exampleEvents["accounts.user.opened"]!],
    ["an event whose payload is not known", create(EnvelopeSchema, { id: "1" })],
  ])("not %s", (_what, envelope) => {
    expect(read(envelope)).toBeUndefined()
  })

  it("not a row of other features", () => {
    const others = new Map([["d1", { ...rowOf(1), featureSchema: "features-v0" }]])
    expect(read(reaction(reactionKinds.done), others)).toBeUndefined()
  })
})

/** A store whose transactions the test ends itself: `committed` runs when it says so. */
const start = Effect.fnUntraced(function* () {
  const saved = new Map<TenantId, SavedState>()
  const commits: Array<Effect.Effect<void>> = []
  const asked: Array<ReadonlyArray<string>> = []
  const states = PolicyStates.of({
    load: (tenantId) => Effect.sync(() => saved.get(tenantId)),
    save: (tenantId, state, committed) =>
      Effect.sync(() => {
        commits.push(Effect.andThen(Effect.sync(() => void saved.set(tenantId, state)), committed))
      }),
  })
  const decisions = {
    chosenRows: (ids: ReadonlyArray<string>) => Effect.sync(() => (asked.push(ids), rows)),
  } as unknown as Decisions["Service"]
  const services = yield* Layer.build(
    ServingStates.layer.pipe(
      Layer.provideMerge(Layer.succeed(PolicyStates, states)),
      Layer.merge(Layer.succeed(Decisions, decisions)),
    ),
  )
  const serving = yield* Effect.provideContext(ServingStates.ServingStates, services)
  return {
    asked,
    saved,
    serving,
    learn: (...events: ReadonlyArray<FeedbackEvent>) => Effect.provideContext(learnFrom(events), services),
    commit: Effect.suspend(() => Effect.all(commits.splice(0), { discard: true })),
    rollBack: () => commits.splice(0).length,
  }
})

const fold = (...events: ReadonlyArray<LearnerEvent>) => events.reduce(learn, initialLearner())
const learned = (position: number, name: "done" | "dismiss", decisionId: "d1" | "d2"): LearnerEvent => ({
  position,
  decisionId,
  reaction: name,
  features: rows.get(decisionId)!.features,
})
const done1 = at(1, reaction(reactionKinds.done, "d1"))
const dismiss2 = at(2, reaction(reactionKinds.dismiss, "d2"))
const both = fold(learned(1, "done", "d1"), learned(2, "dismiss", "d2"))

describe("learning from feedback", () => {
  it.effect("folds a batch in log order, and serves it once it is committed", () =>
    Effect.gen(function* () {
      const { asked, commit, learn, saved, serving } = yield* start()
      const newborn = serving.current(acme)
      yield* learn(done1, dismiss2)
      expect(asked).toEqual([["d1", "d2"]])
      expect(serving.current(acme)).toBe(newborn)
      yield* commit
      expect(serving.current(acme)).toMatchObject({ hash: both.model.hash(), learner: { position: 2, updates: 2 } })
      expect(saved.get(acme)).toMatchObject({ position: 2, updates: 2, hash: both.model.hash() })
    }))

  it.effect("what is rolled back was never learned: the next try learns it from the same state", () =>
    Effect.gen(function* () {
      const { commit, learn, rollBack, serving } = yield* start()
      const newborn = serving.current(acme).hash
      yield* learn(done1)
      expect(rollBack()).toBe(1)
      expect(serving.current(acme)).toMatchObject({ hash: newborn, learner: { position: 0 } })
      expect(serving.current(acme).learner.model.hash()).toBe(newborn)
      yield* learn(done1, dismiss2)
      yield* commit
      expect(serving.current(acme).hash).toBe(both.model.hash())
    }))

  it.effect("what is delivered again is learned once", () =>
    Effect.gen(function* () {
      const { commit, learn, rollBack, serving } = yield* start()
      yield* learn(done1, dismiss2)
      yield* commit
      yield* learn(done1, dismiss2)
      expect(rollBack()).toBe(0)
      expect(serving.current(acme).hash).toBe(both.model.hash())
    }))

  it.effect("goes on from what another replica has learned", () =>
    Effect.gen(function* () {
      const { commit, learn, saved, serving } = yield* start()
      const first = fold(learned(1, "done", "d1"))
      saved.set(acme, { position: 1, updates: 1, hash: first.model.hash(), model: first.model.encode() })
      yield* learn(dismiss2)
      yield* commit
      expect(serving.current(acme)).toMatchObject({ hash: both.model.hash(), learner: { position: 2, updates: 2 } })
    }))

  it.effect("passes over what it cannot learn from", () =>
    Effect.gen(function* () {
      const { commit, learn, rollBack, serving } = yield* start()
      yield* learn(at(1, reaction(99 as ReactionKind)), at(2, reaction(reactionKinds.done, "gone")))
      expect(rollBack()).toBe(0)
      yield* learn(at(1, reaction(0)), dismiss2)
      yield* commit
      expect(serving.current(acme)).toMatchObject({
        hash: fold(learned(2, "dismiss", "d2")).model.hash(),
        learner: { position: 2, updates: 1 },
      })
    }))

  it.effect("each tenant has a state of its own", () =>
    Effect.gen(function* () {
      const { commit, learn, serving } = yield* start()
      const other = TenantId.make("other")
      yield* learn(done1, at(2, reaction(reactionKinds.dismiss, "d2", undefined, other)))
      yield* commit
      expect(serving.current(acme).hash).toBe(fold(learned(1, "done", "d1")).model.hash())
      expect(serving.current(other).hash).toBe(fold(learned(2, "dismiss", "d2")).model.hash())
    }))

  it.effect("an undo takes back what it names", () =>
    Effect.gen(function* () {
      const { commit, learn, serving } = yield* start()
      const dismissed = at(1, reaction(reactionKinds.dismiss, "d1"))
      yield* learn(dismissed, at(2, reaction(reactionKinds.undo, "d1", reactionKinds.dismiss)))
      yield* commit
      expect(serving.current(acme).learner).toMatchObject({ position: 2, updates: 0, undosRefused: 0 })
    }))
})
