import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import { newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { commit, commitUnder, fresh, load } from "./syncStore.fixture.ts"

const laterMs = nowMs + 900_000

layer(Store.layer)("the next sync", (it) => {
  it.effect("stays where a webhook brought it while another sync was under way, also when that one is done", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* UserSyncStore
      const accountId = randomUUID()
      yield* commit(owner, { accountId, nextSyncAtMs: laterMs })
      const { lease } = yield* store.open(owner)
      expect(yield* store.noteWebhook("todoist", randomUUID(), accountId, nowMs)).toEqual([owner])
      const broughtMs = (yield* load(owner))!.nextSyncAtMs!
      expect(broughtMs).toBeLessThan(laterMs)
      const after = yield* commitUnder(lease, { accountId, version: 1, nextSyncAtMs: laterMs }, {
        nextSyncSeenMs: laterMs,
      })
      expect(after.nextSyncAtMs).toBe(broughtMs)
      // The next step of that sync has seen it: what it decides then, it decides.
      yield* commitUnder(lease, { accountId, version: 2, nextSyncAtMs: laterMs }, { nextSyncSeenMs: broughtMs })
      expect((yield* load(owner))!.nextSyncAtMs).toBe(laterMs)
    }))

  it.effect("of a sync that failed is when the tool may be asked again, whatever came meanwhile", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* UserSyncStore
      const accountId = randomUUID()
      yield* commit(owner, { accountId, nextSyncAtMs: laterMs })
      const { lease } = yield* store.open(owner)
      yield* store.noteWebhook("todoist", randomUUID(), accountId, nowMs)
      yield* commitUnder(lease, { ...fresh, accountId, version: 1, failures: 1, nextSyncAtMs: laterMs + 1 }, {
        nextSyncSeenMs: laterMs,
      })
      expect((yield* load(owner))!.nextSyncAtMs).toBe(laterMs + 1)
    }))
})
