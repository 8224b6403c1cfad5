import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import { performance } from "node:perf_hooks"
import { inject } from "vitest"
import { eventually } from "../../../test/support/eventually.ts"
import { startGreeter } from "../../../test/support/greeting.ts"
import { nats, startNats } from "../../../test/support/nats.ts"
import { layer, Nats } from "./NatsConnection.ts"

const connect = (url: string, waitMs = 0) =>
  Effect.map(
    Layer.build(layer({ url: Redacted.make(url), credentials: undefined, name: "test", waitMs })),
    (built) => Context.get(built, Nats),
  )

const refusal = (url: string, waitMs = 0) => Effect.flip(Effect.scoped(connect(url, waitMs)))

const server = (config: string) =>
  Effect.acquireRelease(
    Effect.promise(() => startNats({ program: inject("natsServer"), config })),
    (started) => Effect.promise(started.remove),
  )

const greeter = (version: string) =>
  Effect.acquireRelease(
    Effect.promise(() => startGreeter(version)),
    (started) => Effect.promise(started.close),
  )

const become = (what: string, is: () => boolean, withinMs?: number) =>
  Effect.promise(() => eventually(what, () => Promise.resolve(is() || undefined), withinMs))

const answers = (connected: Nats["Service"]) => Effect.promise(() => connected.manager.getAccountInfo())

/** Nobody listens on it: it is of this machine, and reserved. */
const nowhere = "nats://127.0.0.1:1"

describe("connection to NATS", () => {
  it.live(
    "an outage is known at once, told after a hiccup, and over when the server is back",
    () =>
      Effect.gen(function* () {
        const broker = yield* nats
        const connected = yield* connect(broker.url)
        expect(connected.atLeast(2, 9)).toBe(true)
        expect(connected.atLeast(99, 0)).toBe(false)
        expect([connected.isUp(), connected.isConnected(), connected.problem()]).toEqual([true, true, undefined])
        const seen = connected.reconnected.count()
        yield* Effect.promise(broker.kill)
        yield* become("disconnected", () => !connected.isConnected())
        expect(connected.problem()).toMatch(/^the connection to NATS at 127\.0\.0\.1:\d+ is lost$/)
        yield* become("down", () => !connected.isUp())
        yield* Effect.promise(broker.start)
        yield* connected.reconnected.after(seen)
        yield* become("up", () => connected.isUp() && connected.problem() === undefined)
        yield* answers(connected)
      }),
    40_000,
  )

  it.live(
    "a frozen server is an outage within seconds, and needs no restart to be over",
    () =>
      Effect.gen(function* () {
        const broker = yield* nats
        const connected = yield* connect(broker.url)
        broker.freeze()
        yield* become("down", () => !connected.isUp(), 12_000)
        expect(connected.problem()).toMatch(/does not answer|is lost/)
        broker.thaw()
        yield* become("up", () => connected.isUp() && connected.isConnected())
        yield* answers(connected)
      }),
    40_000,
  )

  it.live("a connection whose server is away is closed all the same", () =>
    Effect.gen(function* () {
      const broker = yield* nats
      const closed = yield* Effect.scoped(Effect.gen(function* () {
        const connected = yield* connect(broker.url)
        broker.freeze()
        return connected.connection.closed()
      }))
      broker.thaw()
      expect(yield* Effect.promise(() => closed)).toBeUndefined()
    }), 20_000)

  it.live("nobody listens: with no wait it fails at once, naming the server", () =>
    Effect.gen(function* () {
      const problem = yield* refusal("nats://someone:s3cret@127.0.0.1:1")
      expect(problem._tag).toBe("BrokerUnreachable")
      expect(problem.message).toBe(
        "NATS at 127.0.0.1:1 (NATS_URL): connection refused. Is the server running there? " +
          "It is started with `nats-server -js`.",
      )
    }))

  it.live("a server without TLS is there all the same: it is told which address to write", () =>
    Effect.gen(function* () {
      const broker = yield* nats
      expect((yield* refusal(broker.url.replace("nats:", "tls:"), 600_000)).message)
        .toContain("it does not speak TLS. Write nats:// instead of tls://")
    }))

  it.live("with a wait it connects once the server is there", () =>
    Effect.gen(function* () {
      const broker = yield* nats
      yield* Effect.promise(broker.stop)
      const fiber = yield* Effect.forkChild(connect(`${nowhere},${broker.url}`, 20_000))
      yield* Effect.promise(broker.start)
      const connected = yield* Fiber.join(fiber)
      expect(connected.isUp()).toBe(true)
    }), 40_000)

  it.live(
    "user and password, or a token, come from the address, and are not repeated when they are wrong",
    () =>
      Effect.gen(function* () {
        const withUser = yield* server(`authorization { user: "ann", password: "p@ss/w" }`)
        expect((yield* connect(withUser.url.replace("//", "//ann:p%40ss%2Fw@"))).isUp()).toBe(true)
        // Waiting does not make a password right.
        const problem = yield* refusal(withUser.url.replace("//", "//ann:wr0ng@"), 600_000)
        expect(problem.message).toContain("it refuses the user, password, token or credentials it was given")
        expect(problem.message).not.toMatch(/wr0ng|ann/)
        const withToken = yield* server(`authorization { token: "t0ken" }`)
        expect((yield* connect(withToken.url.replace("//", "//t0ken@"))).isUp()).toBe(true)
      }),
    20_000,
  )

  it.live("a server, or an account, without JetStream is told how to get it", () =>
    Effect.gen(function* () {
      const bare = yield* server("jetstream: false")
      expect((yield* refusal(bare.url, 600_000)).message).toContain("JetStream is not enabled there")
      const poor = yield* server(`accounts { A { users: [{ user: a, password: b }] } }`)
      expect((yield* refusal(poor.url.replace("//", "//a:b@"), 600_000)).message).toContain("JetStream is not enabled")
    }), 20_000)

  it.live("a server that is too old is told which one is needed", () =>
    Effect.gen(function* () {
      const old = yield* greeter("2.8.4")
      expect((yield* refusal(old.url, 600_000)).message)
        .toContain("it is nats-server 2.8.4, and 2.9 or newer is needed.")
    }))

  it.live("a server that greets and hangs up is dialled ever more seldom", () =>
    Effect.gen(function* () {
      const flaky = yield* greeter("2.12.0")
      const connected = yield* connect(flaky.url)
      const startedMs = performance.now()
      flaky.hangUp()
      yield* become("six connections", () => flaky.count() >= 6)
      // Halves of the pauses between the last five: what jitter cannot go below.
      expect(performance.now() - startedMs).toBeGreaterThan(50 + 100 + 200 + 400)
      expect(connected.isConnected() && connected.isUp()).toBe(false)
    }), 20_000)
})
