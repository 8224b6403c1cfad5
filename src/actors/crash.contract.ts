/** The part of the engine contract about actors that crash. Run by `engine.contract.ts`. */
import { expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  crash,
  defaults,
  failureOf,
  interrupt,
  inTime,
  note,
  numbers,
  type Start,
  type System,
  tagOf,
  until,
} from "./probe.contract.ts"

export const crashes = (start: Start) => {
  it.effect("a defect reaches its caller, and the next message meets freshly loaded state", () =>
    Effect.gen(function* () {
      const { overlaps, system } = yield* start()
      yield* system.ask("a", note(1))
      const exit = yield* Effect.exit(system.ask("a", crash(2)))
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({ message: "crashed on 2" })
      expect(yield* inTime(system.ask("a", note(3)))).toEqual({ n: 3, life: 2, handled: 1 })
      expect(overlaps).toEqual([])
    }))

  it.effect("a handler that interrupts itself answers its caller and restarts", () =>
    Effect.gen(function* () {
      const { system } = yield* start()
      const exit = yield* Effect.exit(system.ask("a", interrupt(1)))
      expect(failureOf(exit)).toMatchObject({ _tag: "ActorStopped", reason: "interrupted" })
      expect((yield* inTime(system.ask("a", note(2)))).life).toBe(2)
    }))

  it.effect("what was queued behind a crash is handled in order after the restart", () =>
    Effect.gen(function* () {
      const { handled, system } = yield* start()
      const asks = [crash(1), note(2), note(3)].map((message) => Effect.exit(system.ask("a", message)))
      const all = yield* Effect.forkChild(Effect.all(asks, { concurrency: "unbounded" }))
      const row = yield* until(system, "a", (each) => each?.state === "restarting")
      expect(row).toEqual({ id: "a", state: "restarting", queued: 2, restarts: 1, lastFailure: "Error: crashed on 1" })
      expect((yield* inTime(Fiber.join(all))).map(Exit.isSuccess)).toEqual([false, true, true])
      expect(handled).toEqual(["a:1", "a:2", "a:3"])
    }))

  it.effect("waits between restarts grow, and none is longer than its cap", () =>
    Effect.gen(function* () {
      const restart = { baseMs: 100, capMs: 400, restartsMax: 10, coolDownMs: 300_000 }
      const { lives, system } = yield* start({ restart, mailboxCapacity: 10, idleMs: 600_000 })
      for (const n of numbers(6)) yield* system.tell("a", crash(n))
      yield* until(system, "a", (row) => row?.state === "restarting")
      const waitsMs: Array<number> = []
      for (const life of numbers(5)) {
        let waitMs = 0
        for (; lives.get("a") === life && waitMs < 1_000; waitMs += 10) yield* TestClock.adjust(10)
        waitsMs.push(waitMs)
      }
      const ceilingsMs = [100, 200, 400, 400, 400]
      expect(waitsMs.every((waitMs, index) => waitMs <= ceilingsMs[index]!)).toBe(true)
      expect(waitsMs.every((waitMs, index) => waitMs >= ceilingsMs[index]! / 2)).toBe(true)
    }))
}

/** Leaves `id` poisoned. */
const poisoned = Effect.fnUntraced(function* (system: System, id: string) {
  for (const n of numbers(1 + defaults.restart.restartsMax)) {
    expect(tagOf(yield* inTime(Effect.exit(system.ask(id, crash(n)))))).toBe("no failure")
  }
  return yield* until(system, id, (row) => row?.state === "poisoned")
})

export const poison = (start: Start) => {
  it.effect("an actor that crashed too often in a row refuses at once, is listed, and no other notices", () =>
    Effect.gen(function* () {
      const { lives, system } = yield* start()
      yield* system.ask("b", note(1))
      const row = yield* poisoned(system, "a")
      expect(row).toEqual({ id: "a", state: "poisoned", queued: 0, restarts: 3, lastFailure: "Error: crashed on 4" })
      const loads = lives.get("a")
      expect(failureOf(yield* Effect.exit(system.ask("a", note(5))))).toMatchObject({ reason: "poisoned" })
      expect(failureOf(yield* Effect.exit(system.tell("a", note(6))))).toMatchObject({ reason: "poisoned" })
      expect(lives.get("a")).toBe(loads)
      expect(yield* system.ask("b", note(2))).toEqual({ n: 2, life: 1, handled: 2 })
    }))

  it.effect("what is queued when an actor is poisoned is answered with the reason", () =>
    Effect.gen(function* () {
      const { handled, system } = yield* start({ restart: { ...defaults.restart, restartsMax: 0 } })
      const asks = [crash(1), note(2), note(3)].map((message) => Effect.exit(system.ask("a", message)))
      const [first, ...queued] = yield* Effect.all(asks, { concurrency: "unbounded" })
      expect(first && tagOf(first)).toBe("no failure")
      expect(queued.map(failureOf)).toMatchObject([{ reason: "poisoned" }, { reason: "poisoned" }])
      expect(handled).toEqual(["a:1"])
    }))

  it.effect("a handled message starts the count of crashes anew", () =>
    Effect.gen(function* () {
      const { system } = yield* start({ restart: { ...defaults.restart, restartsMax: 1 } })
      for (const n of numbers(4)) {
        yield* Effect.exit(system.ask("a", crash(n)))
        expect((yield* inTime(system.ask("a", note(n)))).life).toBe(n + 1)
      }
    }))

  it.effect("passing time without a message does not start the count anew before the cool-down", () =>
    Effect.gen(function* () {
      const { system } = yield* start({ idleMs: 150, restart: { ...defaults.restart, restartsMax: 1 } })
      yield* system.ask("a", note(0))
      yield* TestClock.adjust(1)
      yield* Effect.exit(system.ask("a", crash(1)))
      yield* TestClock.adjust(200_000)
      yield* Effect.exit(system.ask("a", crash(2)))
      expect(failureOf(yield* Effect.exit(system.ask("a", note(3))))).toMatchObject({ reason: "poisoned" })
    }))

  it.effect("after the cool-down one attempt is made, and success makes the actor whole", () =>
    Effect.gen(function* () {
      const { system } = yield* start()
      yield* poisoned(system, "a")
      yield* TestClock.adjust(defaults.restart.coolDownMs)
      expect((yield* system.ask("a", note(1))).handled).toBe(1)
      yield* Effect.exit(system.ask("a", crash(2)))
      yield* until(system, "a", (row) => row?.state === "restarting")
    }))

  it.effect("after the cool-down one failed attempt poisons again", () =>
    Effect.gen(function* () {
      const { system } = yield* start()
      yield* poisoned(system, "a")
      yield* TestClock.adjust(defaults.restart.coolDownMs)
      yield* Effect.exit(system.ask("a", crash(1)))
      expect(failureOf(yield* Effect.exit(system.ask("a", note(2))))).toMatchObject({ reason: "poisoned" })
    }))
}

export const loading = (start: Start) => {
  it.effect("a typed failure of loading answers all who wait, and the next message loads again", () =>
    Effect.gen(function* () {
      const { loads, system } = yield* start()
      loads.set("a", ["refuse"])
      const asks = [note(1), note(2)].map((message) => Effect.exit(system.ask("a", message)))
      expect((yield* Effect.all(asks, { concurrency: "unbounded" })).map(tagOf)).toEqual(["Refused", "Refused"])
      expect(yield* system.ask("a", note(3))).toEqual({ n: 3, life: 2, handled: 1 })
    }))

  it.effect("a defect of loading is retried, and keeps what is queued", () =>
    Effect.gen(function* () {
      const { loads, system } = yield* start()
      loads.set("a", ["crash", "crash"])
      const asks = [note(1), note(2)].map((message) => system.ask("a", message))
      const all = Effect.all(asks, { concurrency: "unbounded" })
      expect(yield* inTime(all)).toEqual([{ n: 1, life: 3, handled: 1 }, { n: 2, life: 3, handled: 2 }])
    }))
}
