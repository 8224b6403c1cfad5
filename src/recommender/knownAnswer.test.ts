/**
 * One whole decision and three reactions, pinned to the bit. It must pass unchanged on every runtime and after every
 * refactoring: a difference here means that logged decisions can no longer be computed again, and calls for a new
 * version, not for new literals.
 */
import { describe, expect, it } from "vitest"
import { advice, todo, wednesdayMorning as context } from "./candidate.fixture.ts"
import { decide, rowOf } from "./decide.ts"
import { eligible } from "./eligibility.ts"
import { epsilonGreedy } from "./epsilonGreedy.ts"
import { featureCount } from "./features.ts"
import { initialLearner, learn } from "./Learner.ts"

const now = context.decidedAtMs
const { candidates } = eligible([
  todo("todoist:8", { dueDate: "2026-06-03", priority: 3, timesPostponed: 3, addedAtMs: now - 20 * 86_400_000 }),
  todo("todoist:10", { dueDate: "2026-06-10", dueAtMs: now + 5_400_000, title: "Call Ada", isRecurring: true }),
  todo("todoist:9", { sleepsUntilMs: now + 1 }),
  advice("advice:one-window"),
], now)
const seed = "0190a1b2-c3d4-7e5f-8a6b-0123456789ab"
const choiceBy = (model = initialLearner().model) =>
  decide({ context, candidates, policy: epsilonGreedy(), model, seed })

const rowsOf = (features: Float64Array): Array<Array<number>> =>
  candidates.map((_, index) => Array.from(rowOf(features, index, featureCount)))

describe("known answer", () => {
  it("the decision", () => {
    const choice = choiceBy()
    expect(candidates.map(({ candidateId }) => candidateId)).toEqual(["advice:one-window", "todoist:10", "todoist:8"])
    expect(rowsOf(choice.features)).toEqual([
      [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0.25, 0.25],
      [1, 0, 0, 0, 1, 0, 0, 0.4, 0, 0, 0, 1, 0.5, 1, 0, 0, 0, 0, 0, 0.25, 0],
      [1, 0, 1, 0.7, 0, 0, 0, 0, 0.6666666666666666, 0.4, 0.6, 0, 0, 1, 0, 0, 0, 0, 0, 0.25, 0],
    ])
    expect(Array.from(choice.probabilities)).toEqual([0.03333333333333333, 0.03333333333333333, 0.9333333333333333])
    expect(choice.chosenIndex).toBe(2)
    expect(choice.propensity).toBe(0.9333333333333333)
    expect(choice.explored).toBe(false)
    expect(Array.from(choice.contributions).filter((part) => part !== 0)).toEqual([
      0.19999999999999998,
      0.15,
      0.06999999999999999,
      0.1333333333333333,
    ])
  })

  it("the model after three reactions, the decision it then makes, and the model after an undo", () => {
    const rows = rowsOf(choiceBy().features).map((row) => Float64Array.from(row))
    let state = initialLearner()
    expect(state.model.hash()).toBe("c4bccec105ed62cb")
    state = learn(state, { position: 7, decisionId: "a", features: rows[2]!, reaction: "dismiss" })
    state = learn(state, { position: 8, decisionId: "b", features: rows[1]!, reaction: "done" })
    state = learn(state, { position: 12, decisionId: "c", features: rows[0]!, reaction: "save" })
    expect(state.model.hash()).toBe("1fbfd2f59d6c2676")
    const next = choiceBy(state.model)
    expect(Array.from(next.probabilities)).toEqual([0.03333333333333333, 0.9333333333333333, 0.03333333333333333])
    expect(next.chosenIndex).toBe(1)
    const undo = { reaction: "undo", undone: "dismiss" } as const
    state = learn(state, { position: 13, decisionId: "a", features: rows[2]!, ...undo })
    expect(state.model.hash()).toBe("15fd72eb1135fa17")
  })
})
