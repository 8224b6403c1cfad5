import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection } from "../actors/UserSyncStore.ts"
import { newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { commit } from "./syncStore.fixture.ts"

const minuteMs = 60_000
const emptied = SqlClient.SqlClient.use((sql) => sql`DELETE FROM connections`)
const connected = Effect.fnUntraced(function* (connection: Partial<Connection>) {
  const owner = yield* newUser
  yield* commit(owner, { nextSyncAtMs: nowMs + 1, ...connection })
  return owner
})
const late = (limit: number) => UserSyncStore.use((store) => store.late(nowMs, limit))
const summary = UserSyncStore.use((store) => store.summary(nowMs))

layer(Store.layer)("how syncing goes, in sql", (it) => {
  it.effect("is nothing without users", () =>
    Effect.gen(function* () {
      yield* emptied
      expect([yield* summary, yield* late(9)]).toEqual([[], []])
    }))

  it.effect("is counted for each provider, with why users fail and how long the longest waits", () =>
    Effect.gen(function* () {
      yield* emptied
      yield* connected({})
      yield* connected({ nextSyncAtMs: nowMs })
      yield* connected({ nextSyncAtMs: nowMs - 70, failures: 2, problemCode: "RateLimited" })
      yield* connected({ failures: 1, problemCode: "RateLimited" })
      yield* connected({ failures: 1, problemCode: null })
      yield* connected({ status: "needs-reconnect", nextSyncAtMs: null, problemCode: "TokenRejected" })
      yield* connected({ status: "disconnected", nextSyncAtMs: null })
      yield* connected({ provider: "ical" })
      expect(yield* summary).toEqual([
        { provider: "ical", connected: 1, needsReconnect: 0, failing: 0, due: 0, lagMs: 0, problems: {} },
        {
          provider: "todoist",
          connected: 5,
          needsReconnect: 1,
          failing: 3,
          due: 2,
          lagMs: 70,
          problems: { RateLimited: 2, unknown: 1 },
        },
      ])
    }))

  it.effect("names those who fail, are long overdue or have to connect again, the oldest data first", () =>
    Effect.gen(function* () {
      yield* emptied
      const broken = yield* connected({
        status: "needs-reconnect",
        nextSyncAtMs: null,
        syncedAtMs: nowMs - 5,
        problemCode: "TokenRejected",
        lastProblem: "connect again",
      })
      const failing = yield* connected({ failures: 3, syncedAtMs: nowMs - 9, problemCode: "RateLimited" })
      const overdue = yield* connected({ nextSyncAtMs: nowMs - minuteMs, syncedAtMs: nowMs - 7 })
      const never = yield* connected({ failures: 1, syncedAtMs: null, connectedAtMs: nowMs - 8 })
      yield* connected({ nextSyncAtMs: nowMs - minuteMs + 1 })
      yield* connected({ status: "disconnected", nextSyncAtMs: null })
      const found = yield* late(9)
      expect(found.map(({ owner }) => owner)).toEqual([failing, never, overdue, broken])
      expect(found.at(-1)).toEqual({
        owner: broken,
        provider: "todoist",
        status: "needs-reconnect",
        syncedAtMs: nowMs - 5,
        nextSyncAtMs: null,
        failures: 0,
        problemCode: "TokenRejected",
        lastProblem: "connect again",
      })
      expect((yield* late(2)).map(({ owner }) => owner)).toEqual([failing, never])
    }))
})
