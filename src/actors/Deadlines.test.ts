import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Deadlines from "./Deadlines.ts"

describe("deadlines", () => {
  const start = Effect.fnUntraced(function* (waitMs: number) {
    const expired: Array<string> = []
    const deadlines = yield* Deadlines.make<string>(waitMs, (item) => void expired.push(item))
    return { deadlines, expired }
  })

  it.effect("what was added expires after the wait, not before, oldest first", () =>
    Effect.gen(function* () {
      const { deadlines, expired } = yield* start(100)
      deadlines.add("first")
      yield* TestClock.adjust(1)
      deadlines.add("second")
      deadlines.add("third")
      yield* TestClock.adjust(98)
      expect(expired).toEqual([])
      yield* TestClock.adjust(1)
      expect(expired).toEqual(["first"])
      expect(deadlines.oldest()).toBe("second")
      yield* TestClock.adjust(1)
      expect(expired).toEqual(["first", "second", "third"])
      yield* TestClock.adjust(1_000)
      expect(expired).toHaveLength(3)
    }))

  it.effect("what was removed never expires, and adding again starts the wait anew", () =>
    Effect.gen(function* () {
      const { deadlines, expired } = yield* start(100)
      deadlines.add("removed")
      deadlines.add("renewed")
      yield* TestClock.adjust(60)
      deadlines.remove("removed")
      deadlines.add("renewed")
      yield* TestClock.adjust(60)
      expect(expired).toEqual([])
      yield* TestClock.adjust(40)
      expect(expired).toEqual(["renewed"])
    }))

  it.effect("it works again after it was empty", () =>
    Effect.gen(function* () {
      const { deadlines, expired } = yield* start(10)
      deadlines.add("a")
      yield* TestClock.adjust(10)
      deadlines.add("b")
      yield* TestClock.adjust(10)
      expect(expired).toEqual(["a", "b"])
    }))

  it.effect("one expiry that throws does not stop the others", () =>
    Effect.gen(function* () {
      const expired: Array<string> = []
      const deadlines = yield* Deadlines.make<string>(10, (item) => {
        if (item === "bad") throw new Error("bad")
        expired.push(item)
      })
      deadlines.add("bad")
      deadlines.add("good")
      yield* TestClock.adjust(10)
      expect(expired).toEqual(["good"])
    }))
})
