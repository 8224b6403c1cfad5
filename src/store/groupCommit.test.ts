import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { makeGroupCommit } from "./groupCommit.ts"

/** Writes that end when the test says so. */
const heldWriter = (refused: string = "") => {
  const writes: Array<{ readonly items: ReadonlyArray<string>; readonly finish: Deferred.Deferred<void> }> = []
  const write = Effect.fnUntraced(function* (items: ReadonlyArray<string>) {
    const finish = yield* Deferred.make<void>()
    writes.push({ items, finish })
    yield* Deferred.await(finish)
    if (items.includes(refused)) yield* Effect.fail("refused")
    if (items.includes("unreachable")) yield* Effect.fail("unreachable")
  })
  const finish = (index: number) =>
    Effect.andThen(
      Deferred.succeed(writes[index]!.finish, undefined),
      Effect.yieldNow.pipe(Effect.repeat({ times: 9 })),
    )
  return { writes, write, finish, isRefusal: (error: string) => error === "refused" }
}

const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 9 }))
/** One after the other: what comes in one instant would go together at once. */
const forkEach = <A, E>(names: ReadonlyArray<string>, run: (name: string) => Effect.Effect<A, E>) =>
  Effect.forEach(names, (name) => Effect.tap(Effect.forkChild(run(name)), settle))
const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `item ${index}`)

describe("group commit", () => {
  it.effect("writes at once while there is room, and together what comes meanwhile", () =>
    Effect.gen(function* () {
      const held = heldWriter()
      const commit = yield* makeGroupCommit(held)
      const names = namesOf(3 + 16 + 2)
      const fibers = yield* forkEach(names, commit)
      expect(held.writes.map(({ items }) => items)).toEqual([[names[0]], [names[1]], [names[2]]])
      yield* held.finish(1)
      expect(held.writes.slice(3).map(({ items }) => items)).toEqual([names.slice(3, 19)])
      yield* held.finish(0)
      expect(held.writes.slice(4).map(({ items }) => items)).toEqual([names.slice(19)])
      for (const index of [2, 3, 4]) yield* held.finish(index)
      yield* Fiber.joinAll(fibers)
      yield* Effect.forkChild(commit("later"))
      yield* settle
      expect(held.writes.at(-1)!.items).toEqual(["later"])
    }))

  it.effect("tells a caller only after the write that holds its item", () =>
    Effect.gen(function* () {
      const held = heldWriter()
      const commit = yield* makeGroupCommit(held)
      const fibers = yield* forkEach(namesOf(5), commit)
      yield* held.finish(0)
      expect(fibers.map((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([true, false, false, false, false])
      yield* held.finish(3)
      expect(fibers.map((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([true, false, false, true, true])
    }))

  it.effect("what is refused in one item costs no other, and is told to its caller alone", () =>
    Effect.gen(function* () {
      const held = heldWriter("item 4")
      const commit = yield* makeGroupCommit(held)
      const fibers = yield* forkEach(namesOf(6), (name) => Effect.exit(commit(name)))
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
      const held = heldWriter()
      const commit = yield* makeGroupCommit(held)
      const names = [...namesOf(3), "unreachable", "other"]
      const fibers = yield* forkEach(names, (name) => Effect.exit(commit(name)))
      for (let index = 0; index < 4; index++) yield* held.finish(index)
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      expect(exits.map(({ _tag }) => _tag)).toEqual([
        "Success",
        "Success",
        "Success",
        "Failure",
        "Failure",
      ])
      expect(held.writes).toHaveLength(4)
    }))

  it.effect("a caller that stops waiting takes nothing back, and costs no other its turn", () =>
    Effect.gen(function* () {
      const held = heldWriter()
      const commit = yield* makeGroupCommit(held)
      const fibers = yield* forkEach(namesOf(5), commit)
      yield* Effect.forEach([fibers[0]!, fibers[3]!], Fiber.interrupt)
      yield* held.finish(0)
      expect(held.writes[3]!.items).toEqual(["item 3", "item 4"])
      yield* held.finish(3)
      yield* Fiber.join(fibers[4]!)
    }))
})
