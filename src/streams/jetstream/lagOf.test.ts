import { expect, it } from "vitest"
import { lagOf } from "./lagOf.ts"

const stream = { lastSequence: 120, messages: 60 }
const known = (lag: number, lastSequence = 100) => ({ lag, lastSequence })

it("lag - durables count it; of those that are gone, what they had left and their share of what came since", () => {
  const there = { known: known(3), isGone: false }
  expect(lagOf([there, { ...there, known: known(0) }], stream)).toBe(3)
  expect(lagOf([there, { known: known(4), isGone: true }], stream)).toBe(3 + 4 + 20 / 2)
  expect(lagOf([{ known: known(0), isGone: true }], stream)).toBe(20)
  // Nobody counts, and yet it is not done.
  expect(lagOf([{ known: undefined, isGone: true }], stream)).toBe(60)
  expect(lagOf([{ known: undefined, isGone: true }, there, there], stream)).toBe(60 / 3 + 6)
})

it("lag - of a durable that is gone with its stream, or whose stream was set back, it stays what it was", () => {
  expect(lagOf([{ known: known(4), isGone: true }], undefined)).toBe(4)
  expect(lagOf([{ known: known(4), isGone: true }], { lastSequence: 7, messages: 7 })).toBe(4)
})
