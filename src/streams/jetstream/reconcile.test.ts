import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { OutboxRows } from "../OutboxRows.ts"
import { Broker } from "./Broker.ts"
import { reconcile } from "./reconcile.ts"
import type { RelayStream } from "./relayRound.ts"

it.effect("a stream that was purged is not compared with every row that was published to it", () =>
  Effect.gen(function* () {
    const end = 640_000
    let asked = 0
    const outbox: Partial<OutboxRows["Service"]> = {
      mark: (stream) => Effect.succeed({ stream, publishedUntil: end, lastSequence: end }),
      numbered: (_, from, to) =>
        Effect.sync(() => {
          asked++
          return Array.from({ length: to - from + 1 }, (_, index) => ({ sequence: from + index, eventId: "e" }))
        }),
    }
    const broker: Partial<Broker["Service"]> = {
      streamInfo: () => Effect.succeed({ firstSequence: end + 1, lastSequence: end, messages: 0, createdAtMs: 0 }),
      messages: () => Effect.succeed([]),
    }
    const found = { foreign: 0, publishedAgain: 0, lost: 0, unpublishable: 0 }
    const state: RelayStream = {
      stream: "SIGNALS",
      last: undefined,
      given: 0,
      hasLeapt: false,
      blocked: undefined,
      found,
    }
    const problem = yield* reconcile(state).pipe(
      Effect.provideService(OutboxRows, outbox as OutboxRows["Service"]),
      Effect.provideService(Broker, broker as Broker["Service"]),
    )
    expect({ problem, last: state.last, asked }).toEqual({ problem: undefined, last: end, asked: 0 })
  }))
