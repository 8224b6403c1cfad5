import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Wakeup from "./Wakeup.ts"

/** Gives forked fibers their turns: a waiter that is still there afterwards waits for a signal. */
const turns = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

const ended = (fiber: Fiber.Fiber<void>) => Effect.map(turns, () => fiber.pollUnsafe() !== undefined)

describe("wakeup", () => {
  it.effect("a waiter waits while the count is what it has seen", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      const waiter = yield* Effect.forkChild(wakeup.after(wakeup.count()))
      expect(yield* ended(waiter)).toBe(false)
      yield* wakeup.signal
      yield* Fiber.join(waiter)
      expect(wakeup.count()).toBe(1)
    }))

  it.effect("a signal between the look and the wait is not missed", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      const seen = wakeup.count()
      yield* wakeup.signal
      yield* wakeup.after(seen)
    }))

  it.effect("a signal between making the wait and beginning it is not missed", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      const wait = wakeup.after(wakeup.count())
      yield* wakeup.signal
      yield* wait
    }))

  it.effect("every waiter is woken by one signal, and each waits again for the next", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      const all = () => Effect.forEach([1, 2, 3], () => Effect.forkChild(wakeup.after(wakeup.count())))
      for (let round = 0; round < 2; round++) {
        const waiters = yield* all()
        for (const waiter of waiters) expect(yield* ended(waiter)).toBe(false)
        yield* wakeup.signal
        yield* Fiber.joinAll(waiters)
      }
    }))

  it.effect("many signals before a look are one: the next wait is a wait", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      for (let times = 0; times < 1_000; times++) yield* wakeup.signal
      const waiter = yield* Effect.forkChild(wakeup.after(wakeup.count()))
      expect(yield* ended(waiter)).toBe(false)
      yield* Fiber.interrupt(waiter)
    }))

  it.effect("a waiter that is interrupted takes nobody with it", () =>
    Effect.gen(function* () {
      const wakeup = Wakeup.make()
      const leaves = yield* Effect.forkChild(wakeup.after(0))
      const stays = yield* Effect.forkChild(wakeup.after(0))
      yield* turns
      yield* Fiber.interrupt(leaves)
      yield* wakeup.signal
      yield* Fiber.join(stays)
    }))
})
