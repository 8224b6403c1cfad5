import { describe, expect, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { names, numbered, reaches, storedOn, withWorld } from "./relay.fixture.ts"

const gauge = (name: string) =>
  Effect.map(Metric.snapshot, (all) => {
    const found = all.find(({ id, type }) => id === name && type === "Gauge")
    return found?.type === "Gauge" ? Number(found.state.value) : undefined
  })

describe("relay without a broker", () => {
  it.live(
    "what waits is counted for operators and for dashboards, and gets there in order once the broker is back",
    () =>
      withWorld((world) =>
        Effect.gen(function* () {
          const relay = yield* world.start()
          yield* world.addStreams(relay)
          yield* world.append(["first"])
          yield* reaches("published", world.rows(), ([row]) => row?.[1] === 1)
          yield* Effect.promise(() => world.server.kill())
          // One more than the fixture's alarm.
          const ids = names("s", 1_001)
          for (let at = 0; at < ids.length; at += 100) yield* world.append(ids.slice(at, at + 100))
          const state = yield* reaches("all wait", relay.state, ({ waiting }) => waiting === ids.length)
          expect(state.problems[0]).toMatch(/^1001 events wait for NATS, the oldest for \d+ s$/)
          expect(yield* reaches("counted", gauge("outbox_waiting_events"), (value) => value === ids.length)).toBe(1_001)
          expect(yield* gauge("outbox_oldest_ms")).toBeGreaterThan(0)
          yield* Effect.promise(() => world.server.start())
          yield* reaches("nothing waits", relay.state, ({ waiting }) => waiting === 0)
          expect(yield* storedOn(relay)).toEqual(numbered(["first", ...ids]))
          yield* reaches("counted", gauge("outbox_waiting_events"), (value) => value === 0)
          yield* reaches("nothing is said any more", relay.state, ({ problems }) => problems.length === 0)
        })
      ),
    60_000,
  )
})
