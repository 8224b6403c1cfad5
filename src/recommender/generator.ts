/**
 * Random numbers that can be drawn again: the same seed gives the same numbers on every runtime, for ever.
 *
 * The seed's UTF-8 bytes go through SHA-256 and its first 16 bytes become the state of xoshiro128** 1.1
 * (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c). Decision ids are UUIDv7 and share long prefixes,
 * so a weak string hash would make neighbouring decisions draw alike. Integer arithmetic only, hence no rounding to
 * differ. Not for secrets: whoever knows the decision id knows the draws.
 */
import { createHash } from "node:crypto"

export interface Generator {
  /** An integer in [0, 2^32). */
  readonly nextUint32: () => number
  /** A multiple of 2^-53 in [0, 1). Takes two integers from the sequence. */
  readonly nextUniform: () => number
}

export const generatorOf = (seed: string): Generator => {
  const digest = createHash("sha256").update(seed, "utf8").digest()
  return generatorFromState(
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  )
}

/** The bare generator. At least one of the four words must differ from zero, or it yields zeros only. */
export const generatorFromState = (word0: number, word1: number, word2: number, word3: number): Generator => {
  let s0 = word0 | 0
  let s1 = word1 | 0
  let s2 = word2 | 0
  let s3 = word3 | 0

  const nextUint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotateLeft(s3, 11)
    return result
  }

  const nextUniform = (): number => {
    const high27 = nextUint32() >>> 5
    const low26 = nextUint32() >>> 6
    return (high27 * 0x4000000 + low26) / 0x20000000000000
  }

  return { nextUint32, nextUniform }
}

const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))
