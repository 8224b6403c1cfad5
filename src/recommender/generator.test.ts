import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { generatorFromState, generatorOf } from "./generator.ts"

const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

describe("generator", () => {
  // Reference implementation v1.1, as in the tests of Rust's rand_xoshiro.
  it("yields the published sequence of xoshiro128** from state 1, 2, 3, 4", () => {
    const { nextUint32 } = generatorFromState(1, 2, 3, 4)
    expect(times(10, nextUint32)).toEqual([
      11520,
      0,
      5927040,
      70819200,
      2031721883,
      1637235492,
      1287239034,
      3734860849,
      3729100597,
      4258142804,
    ])
  })

  // Computed by a Python program written from the header of generator.ts alone.
  it.each([
    ["0190a1b2-c3d4-7e5f-8a6b-0123456789ab", [0.4577063288030794, 0.7461287205853511, 0.16598068237174868]],
    ["", [0.5476587931090394, 0.18378048213856513, 0.8229930462775147]],
    ["Grüße, 世界 🌍", [0.1345293162560205, 0.05808273663401364, 0.22766478890072184]],
  ])("draws the same numbers for seed %j for ever", (seed, expected) => {
    expect(times(3, generatorOf(seed).nextUniform)).toEqual(expected)
  })

  it("stays in [0, 1) and is spread evenly over neighbouring decision ids", () => {
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 10_000; i++) {
      const uniform = generatorOf(`0190a1b2-c3d4-7e5f-8a6b-${String(i).padStart(12, "0")}`).nextUniform()
      expect(uniform >= 0 && uniform < 1).toBe(true)
      tenths[Math.floor(uniform * 10)]!++
    }
    // Each tenth is binomial(10000, 0.1): 1000 ± 30. Five standard deviations, and the seeds are fixed.
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it("two generators of one seed do not share state", () => {
    fc.assert(fc.property(fc.string(), (seed) => {
      const first = generatorOf(seed)
      const second = generatorOf(seed)
      times(5, first.nextUniform)
      expect(second.nextUniform()).toBe(generatorOf(seed).nextUniform())
    }))
  })
})
