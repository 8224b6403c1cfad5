import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { LaneAttempts } from "../streams/LaneAttempts.ts"
import { holder, lanesNamed, prepareStream } from "./laneLeases.fixture.ts"
import * as SqlLaneAttempts from "./SqlLaneAttempts.ts"

const layer = Layer.mergeAll(Layer.effectDiscard(prepareStream), SqlLaneAttempts.layer).pipe(
  Layer.provideMerge(MigratedDatabase.layer),
)

describe("attempts of lanes in Postgres", () => {
  it.live(
    "are counted over holders, for the latest head only, and not under a lease that is over",
    () =>
      Effect.gen(function* () {
        const { begin, giveBack } = yield* LaneAttempts
        const lanes = lanesNamed("projector", 1)
        const one = yield* holder("one")
        const [lease] = (yield* one.renew(lanes)).held
        expect(yield* begin(lease!, 7)).toBe(1)
        expect(yield* begin(lease!, 7)).toBe(2)
        yield* giveBack(lease!, 7)
        yield* giveBack(lease!, 6)
        yield* one.leave
        const two = yield* holder("two")
        const [next] = (yield* two.renew(lanes)).held
        expect(yield* begin(next!, 7)).toBe(2)
        yield* begin(lease!, 7)
        expect(yield* begin(next!, 7)).toBe(3)
        expect(yield* begin(next!, 8)).toBe(1)
      }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})
