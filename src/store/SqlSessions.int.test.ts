import { expect, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import { Sessions } from "../identity/Sessions.ts"
import * as SqlSessions from "./SqlSessions.ts"
import { newUser, nowMs, sessionIdleMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

/** Longer than a process may go on believing what it has looked up. */
const cacheMs = 5_000

const begin = Effect.gen(function* () {
  yield* TestClock.setTime(nowMs)
  const owner = yield* newUser
  const sessions = yield* Sessions
  return { owner, sessions, token: yield* sessions.begin(owner) }
})

const expiryOf = Effect.fnUntraced(function* (token: Redacted.Redacted<string>) {
  const sql = yield* SqlClient.SqlClient
  const hash = createHash("sha256").update(Redacted.value(token)).digest()
  const [row] = yield* sql<
    { readonly expires_at_ms: number }
  >`SELECT expires_at_ms FROM sessions WHERE token_hash = ${hash}`
  return row?.expires_at_ms
})

layer(Store.layer)("sessions in sql", (it) => {
  it.effect("are found by their token, and by no other", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      expect(yield* sessions.find(token)).toEqual(owner)
      const text = Redacted.value(token)
      for (const wrong of ["", `${text}x`, text.slice(1), text.toLowerCase(), "'; DROP TABLE sessions; --"]) {
        expect(yield* sessions.find(Redacted.make(wrong))).toBeUndefined()
      }
    }))

  it.effect("have tokens of 256 bits that show nowhere, of which the store keeps only the hash", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      const text = Redacted.value(token)
      expect(Buffer.from(text, "base64url")).toHaveLength(32)
      expect(Redacted.value(yield* sessions.begin(owner))).not.toBe(text)
      expect(`${token} ${JSON.stringify(token)}`).not.toContain(text)
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql<{ readonly row: string }>`SELECT sessions::text AS row FROM sessions`
      const dump = rows.map(({ row }) => row).join("\n")
      expect(dump).toContain(createHash("sha256").update(text).digest("hex"))
      for (const form of [text, Buffer.from(text).toString("hex"), Buffer.from(text, "base64url").toString("hex")]) {
        expect(dump).not.toContain(form)
      }
    }))

  it.effect("end when nobody used them for as long as they may idle", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      yield* TestClock.adjust(sessionIdleMs - 1)
      expect(yield* sessions.find(token)).toEqual(owner)
      const { token: unused } = yield* begin
      yield* TestClock.adjust(sessionIdleMs)
      expect(yield* sessions.find(unused)).toBeUndefined()
    }))

  it.effect("move their end on with use, and write that rarely", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      const tenth = sessionIdleMs / 10
      yield* sessions.find(token)
      yield* TestClock.adjust(tenth)
      yield* sessions.find(token)
      expect(yield* expiryOf(token)).toBe(nowMs + sessionIdleMs)
      yield* TestClock.adjust(cacheMs)
      yield* sessions.find(token)
      expect(yield* expiryOf(token)).toBe(nowMs + tenth + cacheMs + sessionIdleMs)
      for (let hours = 0; hours < 30; hours++) {
        yield* TestClock.adjust(sessionIdleMs / 2)
        expect(yield* sessions.find(token)).toEqual(owner)
      }
    }))

  it.effect("end at once where they are ended, alone, and soon in other processes", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      const kept = yield* sessions.begin(owner)
      yield* Effect.gen(function* () {
        const elsewhere = yield* Sessions
        expect([yield* sessions.find(token), yield* elsewhere.find(token)]).toEqual([owner, owner])
        yield* sessions.end(token)
        expect(yield* sessions.find(token)).toBeUndefined()
        yield* TestClock.adjust(cacheMs)
        expect(yield* elsewhere.find(token)).toBeUndefined()
        yield* sessions.end(token)
      }).pipe(Effect.provide(Layer.fresh(SqlSessions.layer({ idleMs: sessionIdleMs })), { local: true }))
      expect(yield* sessions.find(kept)).toEqual(owner)
    }))

  it.effect("are found again as soon as the database is, not only when a failure is forgotten", () =>
    Effect.gen(function* () {
      const { owner, sessions, token } = yield* begin
      const sql = yield* SqlClient.SqlClient
      yield* sql`ALTER TABLE sessions RENAME TO sessions_away`
      expect((yield* Effect.flip(sessions.find(token)))._tag).toBe("StoreUnavailable")
      yield* sql`ALTER TABLE sessions_away RENAME TO sessions`
      expect(yield* sessions.find(token)).toEqual(owner)
    }))
})
