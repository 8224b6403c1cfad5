import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Metric, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import { suite } from "./engine.contract.ts"
import * as LocalEngine from "./LocalEngine.ts"
import { crash, defaults, failureOf, hold, inTime, note, refuse, starter, until } from "./probe.contract.ts"

suite("local engine", LocalEngine.make)

const start = starter(LocalEngine.make)

it.effect("local engine - a message whose caller leaves before its turn is taken back, and its place is free", () =>
  Effect.gen(function* () {
    const { gate, handled, holding, system } = yield* start({ mailboxCapacity: 1 })
    yield* system.tell("a", hold(1))
    yield* holding.await
    const caller = yield* Effect.forkChild(system.ask("a", note(2)))
    yield* until(system, "a", (row) => row?.queued === 1)
    yield* Fiber.interrupt(caller)
    yield* system.tell("a", note(3))
    yield* gate.open
    yield* system.drain
    expect(handled).toEqual(["a:1", "a:3"])
  }))

it.effect("local engine - a message that times out before its turn is taken back", () =>
  Effect.gen(function* () {
    const { gate, handled, holding, system } = yield* start()
    yield* system.tell("a", hold(1))
    yield* holding.await
    const caller = yield* Effect.forkChild(Effect.exit(system.ask("a", note(2))))
    yield* TestClock.adjust(defaults.askTimeoutMs)
    expect(failureOf(yield* Fiber.join(caller))).toMatchObject({ _tag: "AskTimeout" })
    yield* gate.open
    yield* system.drain
    expect(handled).toEqual(["a:1"])
  }))

it.effect("local engine - at actorsMax an idle actor gives way to the next one that asks again", () =>
  Effect.gen(function* () {
    const { loaded, system } = yield* start({ actorsMax: 2 })
    yield* system.ask("a", note(1))
    yield* system.ask("b", note(2))
    expect(failureOf(yield* Effect.exit(system.ask("c", note(3))))).toMatchObject({ bound: "actorsMax" })
    yield* until(system, "a", (row) => row === undefined)
    yield* system.ask("c", note(4))
    expect([...loaded]).toEqual(["b", "c"])
  }))

it.effect("local engine - at actorsMax a poisoned actor gives way, once its cool-down is over", () =>
  Effect.gen(function* () {
    const { system } = yield* start({ actorsMax: 1, restart: { ...defaults.restart, restartsMax: 0 } })
    yield* Effect.exit(system.ask("a", crash(1)))
    yield* TestClock.adjust(defaults.restart.coolDownMs - 1)
    expect(failureOf(yield* Effect.exit(system.ask("b", note(2))))).toMatchObject({ bound: "actorsMax" })
    yield* TestClock.adjust(1)
    expect((yield* system.ask("b", note(3))).life).toBe(1)
    expect((yield* system.snapshot).map((row) => row.id)).toEqual(["b"])
  }))

it.effect("local engine - a poisoned actor whose finalizers still run is not loaded a second time", () =>
  Effect.gen(function* () {
    const { exits, overlaps, system } = yield* start({ restart: { ...defaults.restart, restartsMax: 0 } })
    yield* exits.close
    yield* Effect.exit(system.ask("a", crash(1)))
    yield* TestClock.adjust(defaults.restart.coolDownMs)
    expect(failureOf(yield* Effect.exit(system.ask("a", note(2))))).toMatchObject({ reason: "poisoned" })
    yield* exits.open
    yield* TestClock.adjust(1)
    expect((yield* inTime(system.ask("a", note(3)))).life).toBe(2)
    expect(overlaps).toEqual([])
  }))

it.effect("local engine - a finalizer that dies is a crash: logged, counted and followed by a fresh life", () =>
  Effect.gen(function* () {
    let lives = 0
    const system = yield* LocalEngine.make<number, number, never, never>({
      ...defaults,
      name: "Probe",
      behaviour: Effect.fnUntraced(function* () {
        lives += 1
        if (lives === 1) yield* Effect.addFinalizer(() => Effect.die(new Error("finalizer died")))
        return Effect.succeed
      }),
    })
    yield* system.ask("a", 1)
    yield* TestClock.adjust(defaults.idleMs)
    expect(yield* system.snapshot).toMatchObject([{ restarts: 1, lastFailure: "Error: finalizer died" }])
    expect(yield* inTime(system.ask("a", 2))).toBe(2)
    expect(lives).toBe(2)
  }))

it.effect("local engine - nobody is left waiting when the supervision itself dies", () =>
  Effect.gen(function* () {
    const broken = () => {
      throw new Error("no random number")
    }
    const { system } = yield* start().pipe(
      Effect.provideService(Random.Random, { nextDoubleUnsafe: broken, nextIntUnsafe: broken }),
    )
    const asks = [crash(1), note(2)].map((message) => Effect.exit(system.ask("a", message)))
    const [, queued] = yield* Effect.all(asks, { concurrency: "unbounded" })
    expect(queued && failureOf(queued)).toMatchObject({ _tag: "ActorStopped", reason: "interrupted" })
    yield* until(system, "a", (row) => row === undefined)
    expect((yield* system.ask("a", note(3))).life).toBe(2)
    yield* system.drain
  }))

it.effect("local engine - the span an engine was built in is no parent of what its actors do", () =>
  Effect.gen(function* () {
    const { system, traces } = yield* start().pipe(Effect.withSpan("start"))
    yield* system.ask("a", note(1))
    expect(traces.has(1)).toBe(false)
  }))

it.effect("local engine - a drain that is still waited for ends with the scope", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const { holding, system } = yield* Scope.provide(start(), scope)
    yield* system.tell("a", hold(1))
    yield* holding.await
    const drained = yield* Effect.forkChild(system.drain)
    yield* Effect.yieldNow
    yield* Scope.close(scope, Exit.void)
    yield* Effect.yieldNow
    expect(drained.pollUnsafe()).toBeDefined()
  }))

it.effect("local engine - a planned end logs nothing", () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
  return start().pipe(
    Effect.tap(({ system }) => system.ask("a", note(1))),
    Effect.scoped,
    Effect.andThen(Effect.sync(() => expect(lines).toEqual([]))),
    Effect.provide(Logger.layer([logger])),
  )
})

it.effect("local engine - crashes, poison, refusals, time limits and unheard failures are logged or counted", () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
  return Effect.gen(function* () {
    const { gate, holding, system } = yield* start({
      mailboxCapacity: 1,
      restart: { ...defaults.restart, restartsMax: 1 },
    })
    yield* system.tell("b", refuse(1))
    yield* Effect.exit(system.ask("a", crash(2)))
    yield* inTime(Effect.exit(system.ask("a", crash(3))))
    yield* Effect.exit(system.ask("a", note(4)))
    const slow = yield* Effect.forkChild(Effect.exit(system.ask("c", hold(5))))
    yield* holding.await
    yield* system.tell("c", note(6))
    yield* Effect.exit(system.tell("c", note(7)))
    yield* TestClock.adjust(defaults.askTimeoutMs)
    yield* Fiber.join(slow)
    yield* gate.open
    expect(lines).toEqual([
      "Warn a message failed and nobody waited for the answer",
      "Warn actor crashed, restarting",
      "Error actor poisoned: it crashed too often in a row",
    ])
    const counts = (yield* Metric.snapshot).map((metric) => [
      metric.id.replace("tip_actors_", ""),
      { ...metric.attributes }["reason"],
      metric.type === "Counter" && Number(metric.state.count),
    ])
    expect(counts.sort()).toEqual([
      ["ask_timeouts_total", undefined, 1],
      ["poisoned_total", undefined, 1],
      ["refusals_total", "mailboxCapacity", 1],
      ["refusals_total", "poisoned", 1],
      ["restarts_total", undefined, 1],
      ["unheard_failures_total", undefined, 1],
    ])
  }).pipe(
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.provide(Logger.layer([logger])),
  )
})
