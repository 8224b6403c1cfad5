import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Tracer } from "effect"
import { makeGrouped } from "./grouped.ts"

/** Runs that end when the test says so. */
const heldRuns = (refused: string = "") => {
  const runs: Array<{ readonly items: ReadonlyArray<string>; readonly finish: Deferred.Deferred<void> }> = []
  const run = Effect.fnUntraced(function* (items: ReadonlyArray<string>) {
    const finish = yield* Deferred.make<void>()
    runs.push({ items, finish })
    yield* Deferred.await(finish)
    if (items.includes(refused)) yield* Effect.fail("refused")
    if (items.includes("unreachable")) yield* Effect.fail("unreachable")
    return items.map((item) => `${item}!`)
  })
  const finish = (index: number) =>
    Effect.andThen(
      Deferred.succeed(runs[index]!.finish, undefined),
      Effect.yieldNow.pipe(Effect.repeat({ times: 9 })),
    )
  return { runs, run, finish, isRefusal: (error: string) => error === "refused" }
}

const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 9 }))
/** One after the other: what comes in one instant would go together at once. */
const forkEach = <A, E>(names: ReadonlyArray<string>, run: (name: string) => Effect.Effect<A, E>) =>
  Effect.forEach(names, (name) => Effect.tap(Effect.forkChild(run(name)), settle))
const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `item ${index}`)

describe("grouped", () => {
  it.effect("runs at once while there is room, and together what comes meanwhile", () =>
    Effect.gen(function* () {
      const held = heldRuns()
      const ask = yield* makeGrouped(held)
      const names = namesOf(3 + 16 + 2)
      const fibers = yield* forkEach(names, ask)
      expect(held.runs.map(({ items }) => items)).toEqual([[names[0]], [names[1]], [names[2]]])
      yield* held.finish(1)
      expect(held.runs.slice(3).map(({ items }) => items)).toEqual([names.slice(3, 19)])
      yield* held.finish(0)
      expect(held.runs.slice(4).map(({ items }) => items)).toEqual([names.slice(19)])
      for (const index of [2, 3, 4]) yield* held.finish(index)
      expect(yield* Effect.forEach(fibers, Fiber.join)).toEqual(names.map((name) => `${name}!`))
      yield* Effect.forkChild(ask("later"))
      yield* settle
      expect(held.runs.at(-1)!.items).toEqual(["later"])
    }))

  it.effect("tells a caller only after the run that holds its item, and of its item alone", () =>
    Effect.gen(function* () {
      const held = heldRuns()
      const ask = yield* makeGrouped(held)
      const fibers = yield* forkEach(namesOf(5), ask)
      yield* held.finish(0)
      expect(fibers.map((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([true, false, false, false, false])
      yield* held.finish(3)
      expect(fibers.map((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([true, false, false, true, true])
    }))

  it.effect("what is refused in one item costs no other, and is told to its caller alone", () =>
    Effect.gen(function* () {
      const held = heldRuns("item 4")
      const ask = yield* makeGrouped(held)
      const fibers = yield* forkEach(namesOf(6), (name) => Effect.exit(ask(name)))
      for (let index = 0; index < 7; index++) yield* held.finish(index)
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      expect(exits.map(({ _tag }) => _tag)).toEqual([
        "Success",
        "Success",
        "Success",
        "Success",
        "Failure",
        "Success",
      ])
    }))

  it.effect("a store out of reach is told to all at once, and not asked for each", () =>
    Effect.gen(function* () {
      const held = heldRuns()
      const ask = yield* makeGrouped(held)
      const names = [...namesOf(3), "unreachable", "other"]
      const fibers = yield* forkEach(names, (name) => Effect.exit(ask(name)))
      for (let index = 0; index < 4; index++) yield* held.finish(index)
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      expect(exits.map(({ _tag }) => _tag)).toEqual([
        "Success",
        "Success",
        "Success",
        "Failure",
        "Failure",
      ])
      expect(held.runs).toHaveLength(4)
    }))

  it.effect("runs beside its callers, in no transaction and no trace of theirs", () =>
    Effect.gen(function* () {
      const ask = yield* makeGrouped<string, boolean, never>({
        run: (items) =>
          Effect.map(Effect.serviceOption(Tracer.ParentSpan), (span) => items.map(() => Option.isSome(span))),
        isRefusal: () => false,
      })
      expect(yield* Effect.withSpan(ask("item"), "of the caller")).toBe(false)
    }))

  it.effect("a caller that stops waiting takes nothing back, and costs no other its turn", () =>
    Effect.gen(function* () {
      const held = heldRuns()
      const ask = yield* makeGrouped(held)
      const fibers = yield* forkEach(namesOf(5), ask)
      yield* Effect.forEach([fibers[0]!, fibers[3]!], Fiber.interrupt)
      yield* held.finish(0)
      expect(held.runs[3]!.items).toEqual(["item 3", "item 4"])
      yield* held.finish(3)
      expect(yield* Fiber.join(fibers[4]!)).toBe("item 4!")
    }))
})
