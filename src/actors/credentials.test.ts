import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { credentialOf } from "./userSync.fixture.ts"
import { startMs, syncNow, world } from "./userSyncWorld.fixture.ts"

const ending = credentialOf("access-0", { refreshToken: Redacted.make("refresh-0"), expiresAtMs: startMs + 3_600_000 })

describe("a rotating pair", () => {
  it.effect(
    "that the tool gave out is kept, also when the time for the message was over meanwhile",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect(ending)
        yield* TestClock.adjust(3_600_000)
        const [asked, answered] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const { refresh } = it.tool.connector
        Object.assign(it.tool.connector, {
          refresh: (credential: typeof ending) =>
            refresh(credential).pipe(
              Effect.tap(Deferred.succeed(asked, undefined)),
              Effect.tap(Deferred.await(answered)),
            ),
        })
        const sync = yield* Effect.forkChild(Effect.flip(it.ask(syncNow)))
        yield* Deferred.await(asked)
        yield* TestClock.adjust(120_000)
        yield* Deferred.succeed(answered, undefined)
        expect(yield* Fiber.join(sync)).toMatchObject({ _tag: "ActorBusy" })
        yield* it.ask(syncNow)
        expect(it.tool.refreshes).toEqual(["refresh-0"])
        expect(it.tool.requests.at(-1)?.token).toBe("access-1")
      })
    ),
  )
})
