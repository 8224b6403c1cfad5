import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { play } from "./lane.fixture.ts"
import type { Step } from "./lane.fixture.ts"
import { isResting, laneAt, pulled, pullSize, refused, settled } from "./lane.ts"
import type { Lane } from "./lane.ts"

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 6, arbitrary: fc.constant({ do: "pull" as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), part: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ do: "bury" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("refuse" as const), delayMs: fc.nat(3), counts: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "crash" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("settle-late" as const), delivery: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(3) }) },
)

/** Hands out and tells which attempt it was. */
const attempts = (lane: Lane, ...batches: ReadonlyArray<ReadonlyArray<number>>) => {
  const seen: Array<number> = []
  for (const batch of batches) {
    const next = pulled(lane, batch)
    seen.push(next.attempt)
    lane = next.lane
  }
  return { lane, seen }
}

describe("lane", () => {
  it("whatever happens: in order, nothing past a doubt, attempts counted, and in the end everything settled", () => {
    const steps = fc.array(anyStep, { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), fc.boolean(), (steps, batchMax, gaps) => {
        const { lane, log, settledOnce } = play(steps, batchMax, gaps)
        expect([...settledOnce].toSorted((one, other) => one - other)).toEqual(log)
        expect(lane.cursor).toBe(log.at(-1) ?? 0)
        expect(pullSize(lane, batchMax)).toBe(batchMax)
      }),
      { numRuns: 1_000 },
    )
  })

  it("starts after its cursor with whole batches", () => {
    const lane = laneAt(41)
    expect(pullSize(lane, 10)).toBe(10)
    expect(isResting(lane, 0)).toBe(false)
    expect(attempts(lane, [42, 43, 44]).seen).toEqual([1])
  })

  it("a lost batch comes again one by one, then batches are whole again", () => {
    let { lane, seen } = attempts(laneAt(0), [1, 2, 3], [1])
    expect(seen).toEqual([1, 2])
    expect(lane.pulledUntil).toBe(3)
    lane = settled(lane, 1)
    // Nobody works on what was lost with the batch.
    expect(lane.pulledUntil).toBe(1)
    expect(pullSize(lane, 10)).toBe(1)
    ;({ lane, seen } = attempts(lane, [2], [2]))
    expect(seen).toEqual([2, 3])
    ;({ lane, seen } = attempts(settled(lane, 2), [3]))
    expect(seen).toEqual([2])
    lane = settled(lane, 3)
    expect(pullSize(lane, 10)).toBe(10)
    expect(attempts(lane, [4, 5]).seen).toEqual([1])
  })

  it("the attempts of a poisoned message do not count for its neighbour", () => {
    const { lane } = attempts(laneAt(0), [1, 2], [1], [1], [1])
    expect(lane.headAttempts).toBe(4)
    expect(attempts(settled(lane, 1), [2]).seen).toEqual([2])
  })

  it("a batch settled in part leaves its rest in doubt", () => {
    const { lane } = attempts(laneAt(0), [1, 2, 3])
    const partly = settled(lane, 2)
    expect(pullSize(partly, 10)).toBe(1)
    expect(attempts(partly, [3]).seen).toEqual([2])
  })

  it("settling again, or late, changes nothing", () => {
    const lane = settled(attempts(laneAt(0), [1, 2, 3]).lane, 3)
    for (const sequence of [0, 1, 2, 3]) expect(settled(lane, sequence)).toBe(lane)
  })

  it("rests until the instant it was told, and not after it was settled or handed out", () => {
    const lane = refused(attempts(laneAt(0), [1, 2]).lane, 100, true)
    expect([99, 100].map((nowMs) => isResting(lane, nowMs))).toEqual([true, false])
    expect(isResting(pulled(lane, [1]).lane, 0)).toBe(false)
    expect(isResting(settled(lane, 1), 0)).toBe(false)
  })

  it("a batch refused without counting comes again whole, as for the first time", () => {
    const lane = refused(attempts(laneAt(0), [1, 2, 3]).lane, 100, false)
    expect(isResting(lane, 99)).toBe(true)
    expect(pullSize(lane, 10)).toBe(10)
    expect(attempts(lane, [1, 2, 3]).seen).toEqual([1])
  })

  it("a head refused without counting gets back that attempt and no other, and never more than it had", () => {
    let { lane } = attempts(laneAt(0), [1, 2], [1])
    lane = refused(lane, 0, false)
    expect(pullSize(lane, 10)).toBe(1)
    expect(attempts(lane, [1]).seen).toEqual([2])
    for (let n = 0; n < 3; n++) lane = refused(lane, 0, false)
    expect(attempts(lane, [1]).seen).toEqual([1])
  })
})
