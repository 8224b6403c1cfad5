import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger, Metric } from "effect"
import { TestClock } from "effect/testing"
import {
  type ConnectorError,
  IsCallerFailing,
  ProviderGone,
  ProviderRefused,
  ProviderUnavailable,
  RateLimited,
  ScopeMissing,
  TokenRejected,
} from "./Connector.ts"
import * as HostCircuit from "./HostCircuit.ts"

const provider = "todoist"

const failing = (reason: ProviderUnavailable["reason"], retryAfterMs: number | null = null) =>
  new ProviderUnavailable({ provider, reason, status: null, retryAfterMs })

const start = Effect.fnUntraced(function* () {
  const circuit = yield* HostCircuit.make(provider)
  let calls = 0
  const run = (outcome: ConnectorError | "ok") =>
    circuit.guard(Effect.suspend(() => {
      calls += 1
      return outcome === "ok" ? Effect.succeed(outcome) : Effect.fail(outcome)
    }))
  return {
    circuit,
    calls: () => calls,
    run,
    repeat: (count: number, outcome: ConnectorError | "ok") =>
      Effect.forEach(Array.from({ length: count }), () => Effect.exit(run(outcome)), { discard: true }),
  }
})

describe("host circuit", () => {
  it.effect("edge case 27 - ten failures of the host stop all calls, and the caller is told for how long", () =>
    Effect.gen(function* () {
      const host = yield* start()
      yield* host.repeat(9, failing("connection"))
      expect(yield* host.circuit.state).toEqual({ state: "closed", retryAtMs: null })
      yield* host.repeat(1, failing("html"))
      expect(yield* host.circuit.state).toEqual({ state: "open", retryAtMs: 10_000 })
      yield* TestClock.adjust(4_000)
      expect(yield* Effect.flip(host.run("ok"))).toMatchObject({ reason: "circuit-open", retryAfterMs: 6_000 })
      expect(host.calls()).toBe(10)
    }))

  it.effect("edge case 27 - half of the last twenty calls are enough, a quarter is not", () =>
    Effect.gen(function* () {
      const host = yield* start()
      for (let n = 0; n < 20; n += 1) yield* host.repeat(1, n % 4 === 0 ? failing("server-error") : "ok")
      expect((yield* host.circuit.state).state).toBe("closed")
      for (let n = 0; n < 20; n += 1) yield* host.repeat(1, n % 2 === 0 ? failing("timeout") : "ok")
      expect((yield* host.circuit.state).state).toBe("open")
    }))

  it.effect("edge case 27 - what a host says of one user shows that it lives, and never stops the others", () =>
    Effect.gen(function* () {
      const ofOneUser: ReadonlyArray<ConnectorError> = [
        new TokenRejected({ provider, status: 401 }),
        new TokenRejected({ provider, status: null }),
        new ScopeMissing({ provider }),
        new RateLimited({ provider, retryAfterMs: 1_000 }),
        new ProviderRefused({ provider, status: 400, tag: null }),
        failing("malformed"),
        failing("incomplete"),
      ]
      const host = yield* start()
      for (const error of ofOneUser) yield* host.repeat(40, error)
      expect(yield* host.circuit.state).toEqual({ state: "closed", retryAtMs: null })
      expect(host.calls()).toBe(40 * ofOneUser.length)
    }))

  it.effect("edge case 27 - users who failed before do not stop the others by failing again", () =>
    Effect.gen(function* () {
      const host = yield* start()
      const again = Effect.provideService(IsCallerFailing, true)
      yield* again(host.repeat(60, failing("server-error")))
      for (let n = 0; n < 40; n += 1) {
        yield* host.repeat(1, "ok")
        yield* again(host.repeat(9, failing("timeout")))
      }
      expect((yield* host.circuit.state).state).toBe("closed")
      yield* host.repeat(10, failing("connection"))
      expect((yield* host.circuit.state).state).toBe("open")
    }))

  it.effect("edge case 27 - whoever probes a host that failed for everybody says how it is", () =>
    Effect.gen(function* () {
      const host = yield* start()
      const again = Effect.provideService(IsCallerFailing, true)
      yield* host.repeat(10, failing("connection"))
      yield* TestClock.adjust(10_000)
      yield* again(host.repeat(1, failing("connection")))
      expect(yield* host.circuit.state).toEqual({ state: "open", retryAtMs: 30_000 })
      yield* TestClock.adjust(20_000)
      yield* again(host.repeat(1, "ok"))
      expect((yield* host.circuit.state).state).toBe("closed")
    }))

  it.effect("edge case 27 - what says nothing of the host does not make its failures look rare", () =>
    Effect.gen(function* () {
      const host = yield* start()
      for (let n = 0; n < 10; n += 1) {
        yield* host.repeat(1, failing("malformed"))
        yield* host.repeat(2, new TokenRejected({ provider, status: null }))
        yield* host.repeat(1, failing("connection"))
      }
      expect((yield* host.circuit.state).state).toBe("open")
    }))

  it.effect("edge case 27 - one call probes the host, the others wait, and its success lets them all through", () =>
    Effect.gen(function* () {
      const host = yield* start()
      yield* host.repeat(10, failing("connection"))
      yield* TestClock.adjust(10_000)
      expect(yield* host.circuit.state).toEqual({ state: "half-open", retryAtMs: null })
      const answer = yield* Deferred.make<string>()
      const probe = yield* Effect.forkChild(host.circuit.guard(Deferred.await(answer)), { startImmediately: true })
      expect(yield* host.circuit.state).toEqual({ state: "half-open", retryAtMs: null })
      expect(yield* Effect.flip(host.run("ok"))).toMatchObject({ reason: "circuit-open", retryAfterMs: 15_000 })
      yield* Deferred.succeed(answer, "ok")
      yield* Fiber.join(probe)
      expect(yield* host.circuit.state).toEqual({ state: "closed", retryAtMs: null })
      expect(yield* host.run("ok")).toBe("ok")
    }))

  it.effect("edge case 27 - a probe that is given up leaves its place to another", () =>
    Effect.gen(function* () {
      const host = yield* start()
      yield* host.repeat(10, failing("connection"))
      yield* TestClock.adjust(10_000)
      const probe = yield* Effect.forkChild(host.circuit.guard(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(probe)
      expect(yield* host.run("ok")).toBe("ok")
      expect((yield* host.circuit.state).state).toBe("closed")
    }))

  it.effect("edge case 27 - a failed probe doubles the pause, up to five minutes, and the host may ask for more", () =>
    Effect.gen(function* () {
      const host = yield* start()
      yield* host.repeat(10, failing("connection"))
      const pauses: Array<number> = []
      for (let n = 0; n < 7; n += 1) {
        const { retryAtMs } = yield* host.circuit.state
        const nowMs = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        pauses.push((retryAtMs ?? 0) - nowMs)
        yield* TestClock.setTime(retryAtMs ?? 0)
        yield* host.repeat(1, failing("server-error"))
      }
      expect(pauses).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
      const asked = yield* start()
      yield* asked.repeat(10, failing("server-error", 60_000))
      expect((yield* asked.circuit.state).retryAtMs).toBe(
        (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) + 60_000,
      )
    }))

  it.effect("edge case 28 - a host that ended its API is never called again, and it is said once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      const host = yield* start()
      yield* host.repeat(3, new ProviderGone({ provider })).pipe(Effect.provide(Logger.layer([logger])))
      yield* TestClock.adjust("1 day")
      expect(yield* Effect.flip(host.run("ok"))).toMatchObject({ _tag: "ProviderGone" })
      expect(yield* host.circuit.state).toEqual({ state: "gone", retryAtMs: null })
      expect(host.calls()).toBe(1)
      expect(lines.length).toBe(1)
    }))

  it.effect("host circuit - each change is one line in the log and one count", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        const host = yield* start()
        yield* host.repeat(30, failing("connection"))
        yield* TestClock.adjust(10_000)
        yield* host.repeat(5, "ok")
        yield* TestClock.adjust(1)
        const counted = (yield* Metric.snapshot).filter(({ id }) => id === "provider_circuit_changes_total")
        expect(counted.map((one) => [one.attributes?.["to"], one.type === "Counter" ? one.state.count : 0])).toEqual([
          ["open", 1],
          ["half-open", 1],
          ["closed", 1],
        ])
      }).pipe(
        Effect.scoped,
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(Metric.MetricRegistry, new Map()),
      )
      expect(lines).toEqual([
        "todoist fails for everybody: no call for 10000 ms",
        "todoist is tried again with one call",
        "todoist answers again",
      ])
    }))
})
