import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { natsOfFile } from "../../../test/support/nats.ts"
import { replayStream } from "./replayStream.ts"
import { addStream, sideOf } from "./serverSide.fixture.ts"

const file = natsOfFile()

describe("the consumer of a replay", () => {
  it.live("is its own, costs no disk, outlives a reader that rests, and is gone with it", () =>
    Effect.scoped(Effect.gen(function* () {
      const side = yield* Effect.suspend(() => sideOf(file.server))
      yield* addStream(side, "ACCOUNTS", { subjects: ["tenant.*.accounts.>"] })
      const messages = Array.from({ length: 6_000 }, (_, index) => ({
        subject: "tenant.t.accounts.user.opened.00.u1",
        headers: { "Nats-Msg-Id": `m${index}` },
        payload: new Uint8Array(4_000),
      }))
      yield* side.broker.publishInOrder(messages, 0)
      const consumers = Effect.promise(async () => {
        const found = []
        for await (const { name, config } of side.nats.manager.consumers.list("ACCOUNTS")) found.push({ name, config })
        return found
      })
      const range = { stream: "ACCOUNTS", fromSequence: 1, toSequence: 6_000 } as const
      const first = <A, E>(then: Effect.Effect<A, E>) =>
        replayStream(side.nats, range).pipe(
          Stream.take(1),
          Stream.mapEffect(() => then),
          Stream.runCollect,
          Effect.map(([seen]) => seen!),
        )
      const found = yield* first(first(consumers))
      expect(new Set(found.map(({ name }) => name)).size).toBe(2)
      for (const { config } of found) {
        expect(config).toMatchObject({ ack_policy: "none", mem_storage: true, inactive_threshold: 60_000_000_000 })
        expect(config.durable_name).toBeUndefined()
      }
      expect(yield* consumers).toEqual([])
    })))
})
