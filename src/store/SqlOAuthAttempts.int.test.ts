import { expect, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { createHash, randomUUID } from "node:crypto"
import type { Owner } from "../../schemas/ids.ts"
import { attemptsMax, OAuthAttempts } from "../connectors/OAuthAttempts.ts"
import type { AttemptKey, OAuthAttempt } from "../connectors/OAuthAttempts.ts"
import * as SqlOAuthAttempts from "./SqlOAuthAttempts.ts"
import { newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const hashOf = (text: string) => new Uint8Array(createHash("sha256").update(text).digest())
const keyOf = (state: string = randomUUID(), session = "session"): AttemptKey => ({
  stateHash: hashOf(state),
  sessionHash: hashOf(session),
})
const attemptOf = (owner: Owner, expiresAtMs = nowMs + 600_000): OAuthAttempt => ({
  owner,
  provider: "todoist",
  redirectUri: "https://tips.example/oauth/todoist",
  expiresAtMs,
})
const begin = (key: AttemptKey, attempt: OAuthAttempt, atMs = nowMs) =>
  OAuthAttempts.use((attempts) => attempts.begin(key, attempt, atMs))
const take = (key: AttemptKey, atMs = nowMs) => OAuthAttempts.use((attempts) => attempts.take(key, atMs))

layer(Layer.provideMerge(SqlOAuthAttempts.layer, Store.layer))("ways to a tool in sql", (it) => {
  it.effect("edge case 34 - one is come back from once, as it was begun", () =>
    Effect.gen(function* () {
      const [key, attempt] = [keyOf(), attemptOf(yield* newUser)]
      yield* begin(key, attempt)
      expect(yield* take(key)).toEqual(attempt)
      expect(yield* take(key)).toBeUndefined()
    }))

  it.effect("edge case 34 - of many who come back at once, one gets it", () =>
    Effect.gen(function* () {
      const key = keyOf()
      yield* begin(key, attemptOf(yield* newUser))
      const taken = yield* Effect.all(Array.from({ length: 6 }, () => take(key)), { concurrency: "unbounded" })
      expect(taken.filter((one) => one !== undefined)).toHaveLength(1)
    }))

  it.effect("another session gets nothing, and leaves it to the one that began", () =>
    Effect.gen(function* () {
      const [key, attempt] = [keyOf("state"), attemptOf(yield* newUser)]
      yield* begin(key, attempt)
      expect(yield* take(keyOf("state", "another"))).toBeUndefined()
      expect(yield* take(keyOf("never begun"))).toBeUndefined()
      expect(yield* take(key)).toEqual(attempt)
    }))

  it.effect("one that has run out is not come back from, and is forgotten by the next beginning", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [key, owner] = [keyOf(), yield* newUser]
      yield* begin(key, attemptOf(owner, nowMs + 10))
      expect(yield* take(key, nowMs + 10)).toBeUndefined()
      expect(yield* sql`SELECT FROM oauth_attempts WHERE state_hash = ${key.stateHash}`).toHaveLength(1)
      yield* begin(keyOf(), attemptOf(yield* newUser), nowMs + 10)
      expect(yield* sql`SELECT FROM oauth_attempts WHERE state_hash = ${key.stateHash}`).toHaveLength(0)
    }))

  it.effect("a user has a handful at most: beginning another forgets the oldest, and nobody else's", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const others = keyOf()
      yield* begin(others, attemptOf(other))
      const keys = Array.from({ length: attemptsMax + 2 }, () => keyOf())
      for (const [n, key] of keys.entries()) yield* begin(key, attemptOf(owner, nowMs + 1_000 + n))
      const taken = yield* Effect.forEach(keys, (key) => take(key))
      expect(taken.map((one) => one !== undefined)).toEqual(keys.map((_, n) => n >= 2))
      expect(yield* take(others)).toBeDefined()
    }))
})
