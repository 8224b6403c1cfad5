import { describe, expect, it } from "vitest"
import { SuspectTurn } from "./suspectTurn.ts"

describe("the turn of suspects", () => {
  it("one has it until it ends it, and then all who asked are told, once", () => {
    const turn = new SuspectTurn()
    const [first, second, third] = [{}, {}, {}]
    const told: Array<string> = []
    expect(turn.take(first, () => told.push("first"))).toBe(true)
    expect(turn.take(first, () => told.push("first"))).toBe(true)
    expect(turn.take(second, () => told.push("second"))).toBe(false)
    expect(turn.take(third, () => told.push("third"))).toBe(false)
    expect(turn.take(third, () => told.push("third"))).toBe(false)
    turn.end(second)
    expect(told).toEqual([])
    turn.end(first)
    expect(told).toEqual(["second", "third"])
    expect(turn.take(third, () => told.push("third"))).toBe(true)
    turn.end(third)
    expect(told).toHaveLength(2)
  })
})
