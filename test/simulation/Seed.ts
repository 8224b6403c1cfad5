/** Chance that can be had again: the same seed gives the same numbers, on every runtime. */
export interface Seed {
  /** From 0 to below 1. */
  readonly next: () => number
  /** A whole number from `min` to `max`, both included. */
  readonly int: (min: number, max: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  /** An independent line of numbers: what draws from it does not shift what draws here. */
  readonly fork: () => Seed
}

/** Mulberry32: 32 bits of state are plenty for runs of some thousand draws. */
export const seedOf = (seed: number): Seed => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (from) => from[int(0, from.length - 1)]!,
    fork: () => seedOf(Math.floor(next() * 2 ** 32)),
  }
}
