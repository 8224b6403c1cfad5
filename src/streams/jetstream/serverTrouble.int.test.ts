import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { inject } from "vitest"
import { nats as startedNats, startNats } from "../../../test/support/nats.ts"
import { addLane, addStream, fill, messageOf, ms, reading, sequences, sideOf, until } from "./serverSide.fixture.ts"

/** The budget of its disk is a megabyte. The later of two settings of one name counts. */
const smallNats = Effect.acquireRelease(
  Effect.promise(async () => {
    const storeDir = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-test-nats-"))
    const config = `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_file_store: 1MB }`
    return { storeDir, server: await startNats({ program: inject("natsServer"), storeDir, config }) }
  }),
  ({ server, storeDir }) =>
    Effect.promise(async () => {
      await server.remove()
      await fs.rm(storeDir, { recursive: true, force: true })
    }),
).pipe(Effect.map(({ server }) => server))

describe("a server in trouble", () => {
  it.live("leaves no question without an end: each fails when a frozen one does not answer", () =>
    Effect.scoped(Effect.gen(function* () {
      const server = yield* startedNats
      const side = yield* sideOf(server)
      yield* addStream(side, "FROZEN")
      yield* addLane(side, "FROZEN")
      yield* fill(side, "FROZEN", 1)
      yield* Effect.acquireRelease(Effect.sync(server.freeze), () => Effect.sync(server.thaw))
      const { broker } = side
      const questions: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, Scope.Scope>> = [
        broker.publish(messageOf("FROZEN", "m2")),
        broker.streamInfo("FROZEN"),
        broker.laneInfo("FROZEN", "lane"),
        broker.messages("FROZEN", { fromSequence: 1, toSequence: 9, limit: 9 }),
        broker.beginAt("FROZEN", 5),
        broker.openLane({ stream: "FROZEN", durable: "lane" }, { onMessage: () => {}, onTrouble: () => {} }),
      ]
      const ends = yield* Effect.forEach(questions, Effect.flip, { concurrency: "unbounded" })
      expect(ends.map(({ _tag }) => _tag)).toEqual(questions.map(() => "StoreUnavailable"))
    })))

  it.live("is read on by the same lane after it was stopped and started", () =>
    Effect.scoped(Effect.gen(function* () {
      const server = yield* startedNats
      const side = yield* sideOf(server)
      yield* addStream(side, "STOPPED")
      yield* addLane(side, "STOPPED", { ack_wait: 500 * ms })
      yield* fill(side, "STOPPED", 3)
      const given = yield* reading(side, "STOPPED")
      yield* until("what was there is delivered", () => given.length === 3)
      const seen = side.nats.reconnected.count()
      yield* Effect.promise(() => server.stop())
      yield* Effect.promise(() => server.start())
      yield* side.nats.reconnected.after(seen)
      yield* side.broker.publish(messageOf("STOPPED", "m4"))
      yield* until("all is delivered", () => new Set(sequences(given.slice(3))).size === 4)
    })))

  it.live("without room refuses what is new, keeps what it has, and gives it out", () =>
    Effect.scoped(Effect.gen(function* () {
      const server = yield* smallNats
      const side = yield* sideOf(server)
      yield* addStream(side, "ROOM")
      yield* addLane(side, "ROOM")
      const large = (id: string) => ({ ...messageOf("ROOM", id), payload: new Uint8Array(100_000) })
      const batch = Array.from({ length: 20 }, (_, index) => large(`m${index + 1}`))
      const { sequences: stored, end } = yield* side.broker.publishInOrder(batch, 0)
      expect(end).toBe("full")
      expect(stored.length).toBeGreaterThan(1)
      expect(yield* Effect.flip(side.broker.publish(large("one more")))).toMatchObject({ end: "full" })
      expect(yield* side.broker.streamInfo("ROOM")).toMatchObject({ messages: stored.length, firstSequence: 1 })
      const given = yield* reading(side, "ROOM")
      yield* until("what is there is delivered", () => given.length === stored.length)
    })))
})
