import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { AccountPace, layer, type ReadKind } from "./AccountPace.ts"

const take = (kind: ReadKind, isPerson = false, accountId: string | null = "a") =>
  AccountPace.use((pace) => pace.take("todoist", accountId, kind, isPerson))

/** How many go before the first that has to wait. */
const goes = Effect.fnUntraced(function* (kind: ReadKind, isPerson = false, accountId = "a") {
  for (let count = 0; count < 2_000; count += 1) {
    if ((yield* take(kind, isPerson, accountId))._tag === "Wait") return count
  }
  return Infinity
})

const quarterHourMs = 15 * 60_000

describe("account pace", () => {
  it.effect("edge case 40 - in any 15 minutes an account is read far less than Todoist allows, even by people", () =>
    Effect.gen(function* () {
      for (const [kind, allowed] of [["partial", 1_000], ["full", 100]] as const) {
        let taken = yield* goes(kind, true)
        for (let passedMs = 0; passedMs < quarterHourMs; passedMs += 10_000) {
          yield* TestClock.adjust(10_000)
          taken += yield* goes(kind, true)
        }
        expect(taken).toBeGreaterThan(allowed / 4)
        expect(taken).toBeLessThanOrEqual(allowed / 2)
      }
    }).pipe(Effect.provide(layer)))

  it.effect("edge case 33 - all users of one account share its turns, and no other account's", () =>
    Effect.gen(function* () {
      yield* goes("full")
      expect(yield* take("full")).toEqual({ _tag: "Wait", untilMs: 30_000 })
      expect(yield* take("full", false, "b")).toEqual({ _tag: "Go" })
      expect(yield* take("partial")).toEqual({ _tag: "Go" })
    }).pipe(Effect.provide(layer)))

  it.effect("edge case 23 - a person may borrow what a timer may not, and it is paid back before a timer goes", () =>
    Effect.gen(function* () {
      expect(yield* goes("partial")).toBe(60)
      expect(yield* take("partial")).toEqual({ _tag: "Wait", untilMs: 3_000 })
      expect(yield* goes("partial", true)).toBe(60)
      const wait = yield* take("partial")
      expect(wait).toEqual({ _tag: "Wait", untilMs: 61 * 3_000 })
      yield* TestClock.setTime(61 * 3_000)
      expect(yield* take("partial")).toEqual({ _tag: "Go" })
    }).pipe(Effect.provide(layer)))

  it.effect("account pace - who waits until the time it was told has a turn, and not a millisecond sooner", () =>
    Effect.gen(function* () {
      yield* goes("full")
      yield* TestClock.setTime(29_999)
      expect(yield* take("full")).toMatchObject({ _tag: "Wait", untilMs: 30_000 })
      yield* TestClock.setTime(30_000)
      expect(yield* take("full")).toEqual({ _tag: "Go" })
      expect(yield* take("full")).toMatchObject({ _tag: "Wait" })
    }).pipe(Effect.provide(layer)))

  it.effect("account pace - a clock that is set back neither gives turns nor takes them for ever", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      yield* goes("full")
      yield* TestClock.setTime(0)
      expect(yield* take("full")).toMatchObject({ _tag: "Wait", untilMs: 30_000 })
      yield* TestClock.setTime(30_000)
      expect(yield* take("full")).toEqual({ _tag: "Go" })
    }).pipe(Effect.provide(layer)))

  it.effect("account pace - an account not known yet always goes", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 1_100; n += 1) expect((yield* take("full", false, null))._tag).toBe("Go")
    }).pipe(Effect.provide(layer)))

  it.effect("account pace - the accounts remembered are bounded: the one not used for longest is forgotten", () =>
    Effect.gen(function* () {
      const pace = yield* AccountPace
      yield* goes("full", false, "first")
      yield* goes("full", false, "second")
      for (let n = 0; n < 99_998; n += 1) yield* pace.take("todoist", `n${n}`, "full", false)
      expect(yield* take("full", false, "first")).toMatchObject({ _tag: "Wait" })
      yield* pace.take("todoist", "one more", "full", false)
      expect(yield* take("full", false, "second")).toEqual({ _tag: "Go" })
      expect(yield* take("full", false, "first")).toMatchObject({ _tag: "Wait" })
    }).pipe(Effect.provide(layer)))
})
