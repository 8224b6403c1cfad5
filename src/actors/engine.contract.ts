/** What an actor engine must do to stand behind `ActorSystem`. Every engine's test runs this suite. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { crashes, loading, poison } from "./crash.contract.ts"
import {
  defaults,
  failureOf,
  hold,
  type MakeEngine,
  note,
  numbers,
  refuse,
  type Start,
  starter,
  tagOf,
  until,
} from "./probe.contract.ts"

export const suite = (name: string, make: MakeEngine): void => {
  const start = starter(make)
  describe(`${name} - messages`, () => messages(start))
  describe(`${name} - bounds`, () => bounds(start))
  describe(`${name} - crashes`, () => crashes(start))
  describe(`${name} - poison`, () => poison(start))
  describe(`${name} - loading`, () => loading(start))
  describe(`${name} - passivation`, () => passivation(start))
  describe(`${name} - callers that leave`, () => leaving(start))
  describe(`${name} - draining`, () => draining(start))
  describe(`${name} - closing`, () => closing(start))
}

const messages = (start: Start) => {
  it.effect("messages of one id are handled one at a time, in the order they were accepted", () =>
    Effect.gen(function* () {
      const { handled, system } = yield* start({ mailboxCapacity: 100 })
      const replies = yield* Effect.forEach(numbers(50), (n) => system.ask("a", note(n)), { concurrency: "unbounded" })
      expect(replies).toEqual(numbers(50).map((n) => ({ n, life: 1, handled: n })))
      expect(handled).toEqual(numbers(50).map((n) => `a:${n}`))
    }))

  it.effect("a told message keeps its place among asked ones", () =>
    Effect.gen(function* () {
      const { handled, system } = yield* start()
      yield* system.tell("a", note(1))
      yield* system.tell("a", note(2))
      yield* system.ask("a", note(3))
      expect(handled).toEqual(["a:1", "a:2", "a:3"])
    }))

  it.effect("a busy actor keeps no other waiting", () =>
    Effect.gen(function* () {
      const { gate, holding, system } = yield* start()
      const busy = yield* Effect.forkChild(system.ask("a", hold(1)))
      yield* holding.await
      expect((yield* system.ask("b", note(2))).n).toBe(2)
      yield* gate.open
      expect((yield* Fiber.join(busy)).n).toBe(1)
    }))

  it.effect("a typed failure answers the caller and keeps the actor and its state", () =>
    Effect.gen(function* () {
      const { system } = yield* start()
      yield* system.ask("a", note(1))
      expect(tagOf(yield* Effect.exit(system.ask("a", refuse(2))))).toBe("Refused")
      expect(yield* system.ask("a", note(3))).toEqual({ n: 3, life: 1, handled: 3 })
    }))

  it.effect("the handler's spans continue the caller's trace", () =>
    Effect.gen(function* () {
      const { system, traces } = yield* start()
      const traceOf = (n: number) =>
        Effect.currentSpan.pipe(
          Effect.tap(() => system.ask("a", note(n))),
          Effect.map((span) => span.traceId),
          Effect.withSpan(`caller ${n}`),
        )
      const [first, second] = [yield* traceOf(1), yield* traceOf(2)]
      expect(first).not.toBe(second)
      expect([traces.get(1), traces.get(2)]).toEqual([first, second])
    }))

  it.effect("the snapshot names each actor with its queue", () =>
    Effect.gen(function* () {
      const { gate, holding, system } = yield* start()
      yield* system.tell("a", hold(1))
      yield* holding.await
      yield* system.tell("a", note(2))
      yield* system.ask("b", note(3))
      const rows = yield* system.snapshot
      expect([...rows].sort((one, other) => one.id < other.id ? -1 : 1)).toEqual([
        { id: "a", state: "running", queued: 1, restarts: 0 },
        { id: "b", state: "running", queued: 0, restarts: 0 },
      ])
      yield* gate.open
    }))
}

const bounds = (start: Start) => {
  it.effect("a full mailbox refuses, and what it refused never runs", () =>
    Effect.gen(function* () {
      const { gate, handled, holding, system } = yield* start({ mailboxCapacity: 2 })
      yield* system.tell("a", hold(1))
      yield* holding.await
      yield* system.tell("a", note(2))
      yield* system.tell("a", note(3))
      const refusal = failureOf(yield* Effect.exit(system.ask("a", note(4))))
      expect(refusal).toMatchObject({ _tag: "MailboxFull", id: "a", bound: "mailboxCapacity", limit: 2 })
      expect(tagOf(yield* Effect.exit(system.tell("a", note(5))))).toBe("MailboxFull")
      yield* gate.open
      yield* until(system, "a", (row) => row?.queued === 0)
      yield* system.ask("a", note(6))
      expect(handled).toEqual(["a:1", "a:2", "a:3", "a:6"])
    }))

  it.effect("no more actors than actorsMax are in memory, and the ones there go on", () =>
    Effect.gen(function* () {
      const { gate, lives, system } = yield* start({ actorsMax: 2 })
      yield* system.tell("a", hold(1))
      yield* system.tell("b", hold(2))
      const refusal = failureOf(yield* Effect.exit(system.ask("c", note(3))))
      expect(refusal).toMatchObject({ _tag: "MailboxFull", id: "c", bound: "actorsMax", limit: 2 })
      yield* gate.open
      expect((yield* system.ask("a", note(4))).life).toBe(1)
      expect(lives.has("c")).toBe(false)
    }))

  it.effect("an ask without an answer in time fails with AskTimeout, and the actor goes on", () =>
    Effect.gen(function* () {
      const { gate, holding, system } = yield* start()
      const slow = yield* Effect.forkChild(Effect.exit(system.ask("a", hold(1))))
      yield* holding.await
      yield* TestClock.adjust(defaults.askTimeoutMs - 1)
      expect(slow.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(failureOf(yield* Fiber.join(slow))).toMatchObject({ _tag: "AskTimeout", id: "a", timeoutMs: 30_000 })
      yield* gate.open
      expect(yield* system.ask("a", note(2))).toEqual({ n: 2, life: 1, handled: 2 })
    }))
}

const passivation = (start: Start) => {
  it.effect("an idle actor is unloaded after idleMs, not before, and loads again for the next message", () =>
    Effect.gen(function* () {
      const { loaded, system } = yield* start()
      yield* system.ask("a", note(1))
      yield* TestClock.adjust(defaults.idleMs - 1)
      expect(loaded.has("a")).toBe(true)
      yield* system.ask("a", note(2))
      yield* TestClock.adjust(defaults.idleMs - 1)
      expect(loaded.has("a")).toBe(true)
      yield* TestClock.adjust(1)
      yield* until(system, "a", (row) => row === undefined)
      expect(loaded.has("a")).toBe(false)
      expect(yield* system.ask("a", note(3))).toEqual({ n: 3, life: 2, handled: 1 })
    }))

  it.effect("a message that arrives while finalizers run waits for them and for a new life", () =>
    Effect.gen(function* () {
      const { exits, overlaps, system } = yield* start()
      yield* system.ask("a", note(1))
      yield* exits.close
      yield* TestClock.adjust(defaults.idleMs)
      const next = yield* Effect.forkChild(system.ask("a", note(2)))
      yield* until(system, "a", (row) => row?.queued === 1)
      yield* exits.open
      expect(yield* Fiber.join(next)).toEqual({ n: 2, life: 2, handled: 1 })
      expect(overlaps).toEqual([])
    }))

  it.effect(
    "20 000 asks against actors that passivate all the time are all answered, once",
    () =>
      Effect.gen(function* () {
        const { handled, lives, overlaps, system } = yield* start({
          idleMs: 1,
          mailboxCapacity: 100,
          actorsMax: 400,
          askTimeoutMs: 500,
        })
        let seed = 42
        const random = (below: number) => {
          seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
          return Math.floor(seed / 65_536) % below
        }
        // Callers do not sleep: a test clock lets all that one sleeper set off finish before it wakes the next, so only
        // callers that run on by themselves meet actors in the middle of passivating.
        const caller = (first: number) =>
          Effect.forEach(numbers(2_500), (step) => {
            const n = first * 2_500 + step
            return Effect.yieldNow.pipe(
              Effect.repeat({ times: random(6) }),
              Effect.andThen(system.ask(`id${random(400)}`, note(n))),
              Effect.map((reply) => reply.n === n),
            )
          })
        const callers = yield* Effect.forkChild(
          Effect.forEach(numbers(8), (first) => caller(first), { concurrency: "unbounded" }),
        )
        while (callers.pollUnsafe() === undefined) yield* TestClock.adjust(1)
        expect((yield* Fiber.join(callers)).flat().filter((own) => own)).toHaveLength(20_000)
        expect(new Set(handled.map((line) => line.split(":")[1])).size).toBe(20_000)
        expect(handled).toHaveLength(20_000)
        expect(overlaps).toEqual([])
        expect([...lives.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1_000)
      }),
    60_000,
  )
}

const leaving = (start: Start) => {
  it.effect("an interrupted caller leaves the actor alive and its message running to the end", () =>
    Effect.gen(function* () {
      const { gate, handled, holding, system } = yield* start()
      const caller = yield* Effect.forkChild(system.ask("a", hold(1)))
      yield* holding.await
      yield* Fiber.interrupt(caller)
      const next = yield* Effect.forkChild(system.ask("a", note(2)))
      yield* until(system, "a", (row) => row?.queued === 1)
      expect(handled).toEqual(["a:1"])
      yield* gate.open
      expect(yield* Fiber.join(next)).toEqual({ n: 2, life: 1, handled: 2 })
    }))

  it.effect("a caller's own shorter timeout works like an interruption", () =>
    Effect.gen(function* () {
      const { gate, holding, system } = yield* start()
      const caller = yield* Effect.forkChild(Effect.timeoutOption(system.ask("a", hold(1)), 50))
      yield* holding.await
      yield* TestClock.adjust(50)
      expect(Option.isNone(yield* Fiber.join(caller))).toBe(true)
      yield* gate.open
      expect((yield* system.ask("a", note(2))).life).toBe(1)
    }))
}

const draining = (start: Start) => {
  it.effect("draining refuses what is new and finishes what was accepted", () =>
    Effect.gen(function* () {
      const { gate, handled, holding, system } = yield* start()
      yield* system.tell("a", hold(1))
      yield* holding.await
      yield* system.tell("a", note(2))
      const drained = yield* Effect.forkChild(system.drain)
      yield* Effect.yieldNow
      expect(failureOf(yield* Effect.exit(system.ask("a", note(3))))).toMatchObject({ reason: "draining" })
      expect(failureOf(yield* Effect.exit(system.tell("b", note(4))))).toMatchObject({ reason: "draining" })
      expect(drained.pollUnsafe()).toBeUndefined()
      yield* gate.open
      yield* Fiber.join(drained)
      expect(handled).toEqual(["a:1", "a:2"])
    }))

  it.effect("a drain that its caller gives up on keeps refusing", () =>
    Effect.gen(function* () {
      const { gate, holding, system } = yield* start()
      yield* system.tell("a", hold(1))
      yield* holding.await
      const drained = yield* Effect.forkChild(Effect.timeoutOption(system.drain, 100))
      yield* TestClock.adjust(100)
      expect(Option.isNone(yield* Fiber.join(drained))).toBe(true)
      expect(failureOf(yield* Effect.exit(system.ask("b", note(0))))).toMatchObject({ reason: "draining" })
      yield* gate.open
    }))
}

const closing = (start: Start) => {
  it.effect("closing finishes what is queued, then unloads every actor", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { gate, handled, loaded, system } = yield* Scope.provide(start(), scope)
      yield* system.ask("idle", note(0))
      const asks = [hold(1), note(2), note(3)].map((message) => system.ask("a", message))
      const all = yield* Effect.forkChild(Effect.all(asks, { concurrency: "unbounded" }))
      yield* until(system, "a", (row) => row?.queued === 2)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.yieldNow
      yield* gate.open
      expect((yield* Fiber.join(all)).map((reply) => reply.n)).toEqual([1, 2, 3])
      yield* Fiber.join(closing)
      expect(handled).toEqual(["idle:0", "a:1", "a:2", "a:3"])
      expect([...loaded]).toEqual([])
    }))

  it.effect("closing after a drain that was given up answers everyone at once and unloads every actor", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { handled, holding, loaded, system } = yield* Scope.provide(start(), scope)
      const asks = [hold(1), note(2)].map((message) => Effect.exit(system.ask("a", message)))
      const all = yield* Effect.forkChild(Effect.all(asks, { concurrency: "unbounded" }))
      yield* holding.await
      const drained = yield* Effect.forkChild(Effect.timeoutOption(system.drain, 100))
      yield* TestClock.adjust(100)
      yield* Fiber.join(drained)
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(all)).map(failureOf)).toMatchObject([{ reason: "interrupted" }, { reason: "draining" }])
      expect(handled).toEqual(["a:1"])
      expect([...loaded]).toEqual([])
    }))

  it.effect("closing over a handler that hangs ends when every asker has an answer", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { handled, holding, loaded, system } = yield* Scope.provide(start(), scope)
      yield* system.tell("a", hold(1))
      yield* holding.await
      const queued = yield* Effect.forkChild(Effect.exit(system.ask("a", note(2))))
      yield* until(system, "a", (row) => row?.queued === 1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(defaults.askTimeoutMs - 1)
      expect(closing.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect(["AskTimeout", "ActorStopped"]).toContain(tagOf(yield* Fiber.join(queued)))
      expect(handled).toEqual(["a:1"])
      expect([...loaded]).toEqual([])
    }))
}
