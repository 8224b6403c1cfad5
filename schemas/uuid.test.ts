import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { DecisionId } from "./ids.ts"
import { newUuid, tipstreamNamespace, uuidv5, uuidv7 } from "./uuid.ts"

/** RFC 9562 section 6.6. */
const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
const tenBytes = fc.uint8Array({ minLength: 10, maxLength: 10 })
/** 48 bits. */
const anyMs = fc.integer({ min: 0, max: 2 ** 48 - 1 })

describe("uuid version 5", () => {
  it("is what RFC 9562 appendix A.4 shows", () => {
    expect(uuidv5(dns, "www.example.com")).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2")
  })

  // Computed with Python's uuid.uuid5.
  it("of names beyond ASCII, and in our own namespace, is what another implementation makes", () => {
    expect(uuidv5(dns, "büro ☕")).toBe("7d052c16-cd97-5f02-9aab-f29a0a802066")
    expect(uuidv5(tipstreamNamespace, "complete/01890a5d-ac96-774b-bcce-b302099a8057"))
      .toBe("3f609a9b-8d0a-5d2a-9969-293aa8768a1b")
  })

  it("is the same for the same name, another for another, and always well formed", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (name, other) => {
      const id = uuidv5(tipstreamNamespace, name)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(uuidv5(tipstreamNamespace, name)).toBe(id)
      expect(uuidv5(dns, name)).not.toBe(id)
      expect(uuidv5(tipstreamNamespace, other) === id).toBe(other === name)
    }))
  })
})

describe("uuid version 7", () => {
  it("is what RFC 9562 appendix A.6 shows", () => {
    const random = Uint8Array.of(0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f)
    expect(uuidv7(Date.parse("2022-02-22T14:22:22-05:00"), random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
  })

  it("holds the time in its first 48 bits, version and variant in theirs, and 74 random bits", () => {
    fc.assert(fc.property(anyMs, tenBytes, (atMs, random) => {
      const id = uuidv7(atMs, random)
      expect(Schema.is(DecisionId)(id)).toBe(true)
      const bytes = Buffer.from(id.replaceAll("-", ""), "hex")
      expect(bytes.readUIntBE(0, 6)).toBe(atMs)
      expect([bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([7, 2])
      expect([bytes[6]! & 0x0f, bytes[7], bytes[8]! & 0x3f, ...bytes.subarray(9)])
        .toEqual([random[0]! & 0x0f, random[1], random[2]! & 0x3f, ...random.subarray(3)])
    }))
  })

  it("sorts by its time", () => {
    fc.assert(fc.property(anyMs, anyMs, tenBytes, tenBytes, (one, other, first, second) => {
      fc.pre(one < other)
      expect(uuidv7(one, first) < uuidv7(other, second)).toBe(true)
    }))
  })

  it("leaves the random bytes it was given as they were", () => {
    const random = new Uint8Array(10).fill(0xff)
    uuidv7(0, random)
    expect(random).toEqual(new Uint8Array(10).fill(0xff))
  })

  it.effect("a fresh one carries the time of the clock and never comes twice", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_645_557_742_000)
      const ids = yield* Effect.forEach(Array.from({ length: 1_000 }), () => newUuid)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.every((id) => id.startsWith("017f22e2-79b0-7"))).toBe(true)
    }))
})
