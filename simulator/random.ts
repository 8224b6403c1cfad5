/**
 * A seeded generator (sfc32) whose whole state is four numbers, so that an account's future can be saved and resumed.
 * Not for secrets. Every function advances the state it is given, in place.
 *
 * @see https://pracrand.sourceforge.net/ (sfc32, Chris Doty-Humphrey)
 */
export type RandomState = [number, number, number, number]

/** The same text always gives the same generator (FNV-1a spread over four lanes, then twelve warm-up rounds). */
export const seeded = (text: string): RandomState => {
  const state: RandomState = [lane(text, 0), lane(text, 1), lane(text, 2), 1]
  for (let round = 0; round < 12; round++) nextWord(state)
  return state
}

const lane = (text: string, salt: number): number => {
  let hash = (0x811c9dc5 ^ Math.imul(salt + 1, 0x9e3779b1)) >>> 0
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0
  return hash
}

const nextWord = (state: RandomState): number => {
  const [a, b, c, counter] = state
  const sum = (a + b + counter) | 0
  state[0] = (b ^ (b >>> 9)) >>> 0
  state[1] = (c + (c << 3)) >>> 0
  state[2] = (((c << 21) | (c >>> 11)) + sum) >>> 0
  state[3] = (counter + 1) >>> 0
  return sum >>> 0
}

/** Uniform in [0, 1). */
export const nextUnit = (state: RandomState): number => nextWord(state) / 4294967296

/** Uniform whole number, both ends included. */
export const nextInt = (state: RandomState, from: number, to: number): number =>
  from + Math.floor(nextUnit(state) * (to - from + 1))

/** One element; the list must not be empty. */
export const pick = <A>(state: RandomState, list: ReadonlyArray<A>): A => {
  const chosen = list[nextInt(state, 0, list.length - 1)]
  if (chosen === undefined) throw new Error("pick from an empty list")
  return chosen
}

/** A new list in random order (Fisher-Yates). */
export const shuffled = <A>(state: RandomState, list: ReadonlyArray<A>): Array<A> => {
  const out = [...list]
  for (let i = out.length - 1; i > 0; i--) {
    const j = nextInt(state, 0, i)
    const held = out[i]!
    out[i] = out[j]!
    out[j] = held
  }
  return out
}

const idAlphabet = "23456789CFGHJMPQRVWXcfghjmpqrvwx"

/** An opaque id in the shape of `6X7rM8997g3RQmvh`: 16 characters, 80 bits, never all digits. */
export const nextId = (state: RandomState): string => {
  let id = "6"
  for (let i = 0; i < 14; i++) id += idAlphabet[nextInt(state, 0, 31)]
  return id + idAlphabet[nextInt(state, 8, 31)]
}

/** 32 hex characters, as `error_extra.event_id` has. */
export const nextEventId = (state: RandomState): string =>
  Array.from({ length: 4 }, () => nextWord(state).toString(16).padStart(8, "0")).join("")
