import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { epsilonGreedy } from "./epsilonGreedy.ts"
import { LinearModel } from "./LinearModel.ts"
import { randomPolicy } from "./Policy.ts"
import type { Policy } from "./Policy.ts"
import { policyNamed, policyNames, PolicyUnknown } from "./policies.ts"

/** One column with coefficient 1: a candidate's only feature is its score. */
const model = LinearModel.fromPrior({ schemaHash: "0123456789abcdef", mean: Float64Array.of(1), precision: 1 })

const probabilitiesOf = (policy: Policy, scores: ReadonlyArray<number>): Array<number> => {
  const out = new Float64Array(scores.length)
  const ids = scores.map((_, index) => `todoist:${index}`)
  policy.probabilities(model, Float64Array.from(scores), ids, out, "seed")
  return Array.from(out)
}
const distance = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): number =>
  Math.max(...left.map((value, index) => Math.abs(value - right[index]!)))

// Few distinct values, so that ties are common.
const scores = fc.array(fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: -2, max: 2, noNaN: true })), {
  minLength: 1,
  maxLength: 60,
})

describe.each(policyNames)("policy %s", (name) => {
  const policy = policyNamed(name)

  it("gives a distribution", () => {
    fc.assert(fc.property(scores, (given) => {
      const probabilities = probabilitiesOf(policy, given)
      expect(Math.abs(probabilities.reduce((sum, p) => sum + p, 0) - 1)).toBeLessThan(1e-12)
      expect(Math.min(...probabilities)).toBeGreaterThanOrEqual(0)
    }))
  })

  it("does not depend on the order of the candidates", () => {
    fc.assert(fc.property(scores, (given) => {
      expect(probabilitiesOf(policy, given.toReversed()).toReversed()).toEqual(probabilitiesOf(policy, given))
    }))
  })

  it("leaves the rest of a longer buffer alone", () => {
    const out = new Float64Array(3).fill(7)
    policy.probabilities(model, Float64Array.of(1, 2), ["a", "b"], out, "seed")
    expect(out[2]).toBe(7)
  })
})

describe("epsilon-greedy", () => {
  // Vowpal Wabbit: --cb_explore_adf --epsilon on cb_test.ldf, and explore_test.cc.
  it.each<[number, Array<number>, Array<number>]>([
    [0.1, [0, 0, 0], [1 / 3, 1 / 3, 1 / 3]],
    [0.1, [1, 0], [0.95, 0.05]],
    [0.2, [1, 0], [0.9, 0.1]],
    [0.4, [0, 0.1, 3, 0.2], [0.1, 0.1, 0.7, 0.1]],
  ])("epsilon %d on scores %j gives what Vowpal Wabbit gives", (epsilon, given, expected) => {
    expect(distance(probabilitiesOf(epsilonGreedy({ epsilon }), given), expected)).toBeLessThan(1e-12)
  })

  it("those tied on the best share the greedy mass, the others keep the floor", () => {
    expect(distance(probabilitiesOf(epsilonGreedy({ epsilon: 0.2 }), [1, 0, 1, 0]), [0.45, 0.05, 0.45, 0.05]))
      .toBeLessThan(1e-12)
  })

  it("nobody falls below epsilon / n", () => {
    fc.assert(fc.property(scores, fc.double({ min: 0, max: 1, noNaN: true }), (given, epsilon) => {
      const lowest = Math.min(...probabilitiesOf(epsilonGreedy({ epsilon }), given))
      expect(lowest).toBeGreaterThanOrEqual(epsilon / given.length)
    }))
  })

  it.each([-0.1, 1.1, NaN])("an epsilon of %d is refused", (epsilon) => {
    expect(() => epsilonGreedy({ epsilon })).toThrow(RangeError)
  })
})

describe("policies", () => {
  it("are found by name, with their settings in the version", () => {
    expect(policyNamed("random")).toBe(randomPolicy)
    expect(policyNamed("epsilon-greedy").version).toBe("1(epsilon=0.1)")
    expect(policyNamed("epsilon-greedy", { epsilon: 0.25 }).version).toBe("1(epsilon=0.25)")
  })

  it("an unknown name is answered with the known ones", () => {
    expect(() => policyNamed("greedy")).toThrow(new PolicyUnknown("greedy"))
    expect(new PolicyUnknown("greedy").message).toBe('no policy is named "greedy"; known: random, epsilon-greedy')
  })
})
