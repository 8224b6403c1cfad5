import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { advice, anyCandidates, anyContext, todo, wednesdayMorning as context } from "./candidate.fixture.ts"
import { decide, rowOf } from "./decide.ts"
import { eligible } from "./eligibility.ts"
import { epsilonGreedy } from "./epsilonGreedy.ts"
import { featureCount } from "./features.ts"
import { randomPolicy } from "./Policy.ts"
import type { Policy } from "./Policy.ts"
import { initialModel } from "./prior.ts"

const model = initialModel()
const greedy = epsilonGreedy({ epsilon: 0 })
const dayMs = 86_400_000

/** In the order a newcomer's first tips should come. */
const byUrgency = [
  todo("overdue and urgent", { dueDate: "2026-06-05", priority: 4 }),
  todo("overdue", { dueDate: "2026-06-05" }),
  todo("due today", { dueDate: "2026-06-10" }),
  todo("urgent some day", { priority: 4 }),
  todo("due tomorrow", { dueDate: "2026-06-11" }),
  advice("advice"),
  todo("some day", { addedAtMs: context.decidedAtMs - 90 * dayMs }),
]

describe("decide", () => {
  it("is computed again to the same bits from the same five things", () => {
    fc.assert(fc.property(anyContext, anyCandidates({ minLength: 1 }), fc.uuid(), (moment, given, seed) => {
      const candidates = eligible(given.map((one) => ({ ...one, sleepsUntilMs: null })), 0).candidates
      const input = { context: moment, candidates, policy: epsilonGreedy(), model, seed }
      const choice = decide(input)
      expect(decide(input)).toEqual(choice)
      expect(choice.propensity).toBe(choice.probabilities[choice.chosenIndex])
      expect(choice.propensity).toBeGreaterThan(0)
    }))
  })

  it("a model without experience serves what a sensible person would", () => {
    const left = [...byUrgency]
    const served: Array<string> = []
    while (left.length > 0) {
      const { candidates } = eligible(left, 0)
      const { chosenIndex } = decide({ context, candidates, policy: greedy, model, seed: "any" })
      const chosen = candidates[chosenIndex]!
      served.push(chosen.candidateId)
      left.splice(left.indexOf(chosen), 1)
    }
    expect(served).toEqual(byUrgency.map(({ candidateId }) => candidateId))
  })

  it("serves each candidate as often as the logged probability says", () => {
    const candidates = eligible(byUrgency.slice(0, 3), 0).candidates
    const counts = [0, 0, 0]
    const decisions = 4000
    let probabilities: ReadonlyArray<number> = []
    for (let i = 0; i < decisions; i++) {
      const choice = decide({ context, candidates, policy: epsilonGreedy({ epsilon: 0.6 }), model, seed: `seed ${i}` })
      counts[choice.chosenIndex]!++
      probabilities = Array.from(choice.probabilities)
    }
    // Four standard deviations of a share at 4000 draws are below 0.032; the seeds are fixed.
    counts.forEach((count, i) => expect(Math.abs(count / decisions - probabilities[i]!)).toBeLessThan(0.032))
  })

  it("says that it explored exactly when the model expected more of another", () => {
    const candidates = eligible(byUrgency, 0).candidates
    const best = candidates.findIndex(({ candidateId }) => candidateId === "overdue and urgent")
    for (let i = 0; i < 50; i++) {
      const { chosenIndex, explored } = decide({ context, candidates, policy: randomPolicy, model, seed: `${i}` })
      expect(explored).toBe(chosenIndex !== best)
    }
  })

  it("contributions add up to the prediction for the chosen one", () => {
    const candidates = eligible(byUrgency, 0).candidates
    const { contributions, features, chosenIndex } = decide({ context, candidates, policy: greedy, model, seed: "" })
    const predicted = model.predict(rowOf(features, chosenIndex, featureCount))
    expect(contributions.reduce((sum, part) => sum + part, 0)).toBe(predicted)
  })

  it("nothing to decide, an unsorted set and an id twice are the caller's error", () => {
    const decided = (...ids: Array<string>) => () =>
      decide({ context, candidates: ids.map((id) => todo(id)), policy: greedy, model, seed: "" })
    expect(decided()).toThrow(RangeError)
    expect(decided("b", "a")).toThrow(RangeError)
    expect(decided("a", "a")).toThrow(RangeError)
    expect(decided("a", "b")).not.toThrow()
  })

  it.each([[0.5, 0.6], [1.5, -0.5], [NaN, 1], [0, 0]])(
    "a policy that gives %d and %d is not served",
    (first, second) => {
      const broken: Policy = {
        name: "broken",
        version: "1",
        probabilities: (_m, _f, _ids, out) => out.set([first, second]),
      }
      const candidates = [todo("a"), todo("b")]
      expect(() => decide({ context, candidates, policy: broken, model, seed: "" })).toThrow("gave no distribution")
    },
  )

  it("never serves what has probability 0", () => {
    const second: Policy = { name: "second", version: "1", probabilities: (_m, _f, _ids, out) => out.set([0, 1, 0]) }
    const candidates = [todo("a"), todo("b"), todo("c")]
    for (let i = 0; i < 50; i++) {
      expect(decide({ context, candidates, policy: second, model, seed: `${i}` }).chosenIndex).toBe(1)
    }
  })
})
