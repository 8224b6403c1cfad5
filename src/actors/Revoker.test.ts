import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { revokeOwed } from "./Revoker.ts"
import { anna, credentialOf, layerOf, sealed, Store, token, Tool, unavailable, vault } from "./userSync.fixture.ts"
import { UserSyncStore } from "./UserSyncStore.ts"

const owing = Effect.fnUntraced(function* (bytes?: Uint8Array) {
  const [store, tool] = [new Store(), new Tool()]
  store.owed.add("r1")
  const revocation = {
    revocationId: "r1",
    owner: anna,
    provider: "todoist" as const,
    sealed: bytes ?? (yield* sealed(credentialOf(token))),
    attempts: 0,
  }
  const owed = UserSyncStore.of({
    ...store.service,
    claimRevocations: () => Effect.succeed(store.owed.has("r1") ? [revocation] : []),
  })
  const layer = Layer.mergeAll(layerOf(store, tool), vault).pipe(Layer.provideMerge(Layer.succeed(UserSyncStore, owed)))
  return { store, tool, round: Effect.provide(revokeOwed, Layer.merge(layer, Layer.succeed(UserSyncStore, owed))) }
})

describe("a revocation that is owed", () => {
  it.effect("edge case 31 - is made good once the tool answers, and then no more", () =>
    Effect.gen(function* () {
      const { round, tool } = yield* owing()
      tool.revokeFailure = unavailable
      expect([yield* round, tool.revoked]).toEqual([0, []])
      tool.revokeFailure = undefined
      expect([yield* round, tool.revoked]).toEqual([1, [token]])
      expect([yield* round, tool.revoked]).toEqual([0, [token]])
    }))

  it.effect("whose credential no key opens any more is given up", () =>
    Effect.gen(function* () {
      const { round, store, tool } = yield* owing(new Uint8Array(80))
      expect([yield* round, tool.revoked, store.owed.size]).toEqual([1, [], 0])
    }))
})
