import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import { newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { commit, load } from "./syncStore.fixture.ts"

const sealed = Uint8Array.of(7, 0, 255)
const hourMs = 3_600_000
const retryMs = 60_000

/** A user who disconnected, and the tool is still to be told. */
const disconnected = Effect.fnUntraced(function* (expiresAtMs = nowMs + hourMs) {
  const owner = yield* newUser
  yield* commit(owner)
  const revocationId = randomUUID()
  const revocation = { revocationId, sealed, expiresAtMs }
  yield* commit(owner, { version: 1, status: "disconnected", sealedToken: null }, { revocation })
  return { owner, revocationId }
})
const emptied = SqlClient.SqlClient.use((sql) => sql`DELETE FROM revocations`)
const claim = (atMs: number, limit = 9) =>
  UserSyncStore.use((store) =>
    Effect.map(
      store.claimRevocations(atMs, retryMs, limit),
      (owed) => owed.map((one) => ({ ...one, sealed: Uint8Array.from(one.sealed) })),
    )
  )
const ids = (owed: ReadonlyArray<{ readonly revocationId: string }>) => owed.map(({ revocationId }) => revocationId)
/** Whoever disconnects tries first. */
const soonMs = nowMs + 30_000

layer(Store.layer)("revocations owed, in sql", (it) => {
  it.effect("edge case 31 - come with the wipe or not at all, and are tried again until the tool was told", () =>
    Effect.gen(function* () {
      yield* emptied
      const { owner, revocationId } = yield* disconnected()
      const refused = commit(owner, { version: 1 }, {
        revocation: { revocationId: randomUUID(), sealed, expiresAtMs: nowMs + hourMs },
      })
      expect((yield* Effect.flip(refused))._tag).toBe("StaleVersion")
      expect(yield* load(owner)).toMatchObject({ status: "disconnected", sealedToken: null })
      expect(yield* claim(soonMs - 1)).toEqual([])
      expect(yield* claim(soonMs)).toEqual([{ revocationId, owner, provider: "todoist", sealed, attempts: 1 }])
      expect(yield* claim(soonMs + retryMs - 1)).toEqual([])
      expect(yield* claim(soonMs + retryMs)).toMatchObject([{ revocationId, attempts: 2 }])
      yield* UserSyncStore.use((store) => store.revoked(revocationId))
      expect(yield* claim(soonMs + 9 * retryMs)).toEqual([])
      yield* UserSyncStore.use((store) => store.revoked(revocationId))
    }))

  it.effect("are forgotten once they ran out, with the credential in them", () =>
    Effect.gen(function* () {
      yield* emptied
      yield* disconnected(soonMs)
      const kept = yield* disconnected(soonMs + 1)
      expect(ids(yield* claim(soonMs))).toEqual([kept.revocationId])
      const sql = yield* SqlClient.SqlClient
      expect(yield* sql`SELECT FROM revocations`).toHaveLength(1)
    }))

  it.effect("are given to one of several at a time, and no more than asked for", () =>
    Effect.gen(function* () {
      yield* emptied
      const all = ids(yield* Effect.forEach(Array.from({ length: 7 }), () => disconnected()))
      const claims = yield* Effect.all(Array.from({ length: 3 }, () => claim(soonMs, 2)), { concurrency: "unbounded" })
      for (const one of claims) expect(one.length).toBeLessThanOrEqual(2)
      const rest = yield* claim(soonMs)
      expect(ids([...claims.flat(), ...rest]).toSorted()).toEqual(all.toSorted())
    }))
})
