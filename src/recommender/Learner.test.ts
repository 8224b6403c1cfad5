import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { featureCount } from "./features.ts"
import { copyLearner, initialLearner, learn } from "./Learner.ts"
import type { LearnerEvent, LearnerState } from "./Learner.ts"
import type { Outcome } from "./reward.ts"
import { rewardOf } from "./reward.ts"

const outcomes: ReadonlyArray<Outcome> = ["done", "acknowledge", "save", "snooze", "dismiss", "expired"]
const features = fc.float64Array({ minLength: featureCount, maxLength: featureCount, min: 0, max: 1, noNaN: true })
const event = fc.record({ decisionId: fc.uuid(), features, reaction: fc.constantFrom(...outcomes) })

/** Events at positions 1, 2, 3, … */
const log = fc.array(event, { maxLength: 20 })
  .map((events): Array<LearnerEvent> => events.map((one, index) => ({ ...one, position: index + 1 })))
const fold = (events: ReadonlyArray<LearnerEvent>): LearnerState => events.reduce(learn, initialLearner())

const distance = (left: Float64Array, right: Float64Array): number =>
  Math.max(...left.map((value, j) => Math.abs(value - right[j]!)))
const row = Float64Array.from({ length: featureCount }, (_, j) => (j % 3) / 2)

describe("learner", () => {
  it("folds the same log to the same bytes", () => {
    fc.assert(fc.property(log, (events) => {
      const state = fold(events)
      expect(fold(events).model.encode()).toEqual(state.model.encode())
      expect(state).toMatchObject({ position: events.length, updates: events.length, undosRefused: 0 })
    }))
  })

  it("what is delivered again changes nothing", () => {
    fc.assert(fc.property(log, fc.nat(20), (events, from) => {
      const redelivered = [...events, ...events.slice(from)]
      expect(fold(redelivered).model.hash()).toBe(fold(events).model.hash())
      expect(fold(redelivered).updates).toBe(events.length)
    }))
  })

  it("goes on from a snapshot as if it had never stopped", () => {
    fc.assert(fc.property(log, fc.nat(20), (events, cut) => {
      const snapshot = copyLearner(fold(events.slice(0, cut)))
      expect(events.reduce(learn, snapshot).model.hash()).toBe(fold(events).model.hash())
    }))
  })

  it("undo takes back exactly what the reaction had added", () => {
    fc.assert(fc.property(log, event, (events, taken) => {
      const position = events.length + 1
      const { reaction, ...same } = taken
      const undone = fold([
        ...events,
        { ...same, reaction, position },
        { ...same, reaction: "undo", undone: reaction, position: position + 1 },
      ])
      expect(distance(undone.model.coefficients(), fold(events).model.coefficients())).toBeLessThan(1e-10)
      expect(undone).toMatchObject({ updates: events.length, undosRefused: 0, position: position + 1 })
    }))
  })

  it("an undo of what was never learned is counted, not guessed", () => {
    const state = learn(initialLearner(), {
      position: 1,
      decisionId: "d",
      features: row,
      reaction: "undo",
      undone: "dismiss",
    })
    expect(state).toMatchObject({ position: 1, updates: 0, undosRefused: 1 })
    expect(state.model.hash()).toBe(initialLearner().model.hash())
  })

  it("done raises and dismiss lowers what is expected of the same row", () => {
    const expected = (reaction: Outcome) =>
      learn(initialLearner(), { position: 1, decisionId: "d", features: row, reaction }).model.predict(row)
    const before = initialLearner().model.predict(row)
    expect(expected("done")).toBeGreaterThan(before)
    expect(expected("dismiss")).toBeLessThan(before)
  })

  it("a row of another width is refused and the state stays", () => {
    const state = initialLearner()
    const before = state.model.hash()
    const bad: LearnerEvent = { position: 1, decisionId: "d", features: Float64Array.of(1), reaction: "done" }
    expect(() => learn(state, bad)).toThrow(RangeError)
    expect(state.model.hash()).toBe(before)
  })

  it("a position that would stop all later learning is refused", () => {
    const bad: LearnerEvent = { position: NaN, decisionId: "d", features: row, reaction: "done" }
    expect(() => learn(initialLearner(), bad)).toThrow(RangeError)
  })

  it("a copy is not touched by later learning", () => {
    const state = initialLearner()
    const kept = copyLearner(state)
    const before = kept.model.hash()
    learn(state, { position: 1, decisionId: "d", features: row, reaction: "done" })
    expect(kept.model.hash()).toBe(before)
  })
})

describe("rewards", () => {
  it("lie within [0, 1] and fall from done to silence", () => {
    expect(outcomes.map(rewardOf)).toEqual([1, 0.7, 0.6, 0.3, 0, 0])
  })
})
