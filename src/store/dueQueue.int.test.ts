import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import type { Provider } from "../../schemas/Task.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection } from "../actors/UserSyncStore.ts"
import { webhookPickUpMs } from "./dueQueue.ts"
import { newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { commit, load } from "./syncStore.fixture.ts"

layer(Store.layer)("the due queue in sql", (it) => {
  const claimOf = (limit: number, atMs = nowMs, claimMs = 1_000, provider: Provider = "todoist") =>
    UserSyncStore.use((store) => store.claimDue(provider, atMs, claimMs, { healthy: limit, failing: limit }))
  const claim = (...given: Parameters<typeof claimOf>) =>
    Effect.map(claimOf(...given), (users) => users.map(({ owner }) => owner.userId))
  const dueUsers = (times: ReadonlyArray<number | null>) =>
    Effect.forEach(
      times,
      Effect.fnUntraced(function* (nextSyncAtMs) {
        const owner = yield* newUser
        yield* commit(owner, { nextSyncAtMs })
        return owner.userId
      }),
    )
  const emptied = SqlClient.SqlClient.use((sql) => sql`UPDATE connections SET next_sync_at_ms = NULL`)

  it.effect("gives those who are due, the longest waiting first when there are too many, and each once per claim", () =>
    Effect.gen(function* () {
      yield* emptied
      const [third, second, first, , none] = yield* dueUsers([nowMs, nowMs - 1, nowMs - 2, nowMs + 1, null])
      expect(yield* claim(2)).toEqual([first, second])
      expect(yield* claim(10)).toEqual([third])
      expect(yield* claim(10)).toEqual([])
      expect(new Set(yield* claim(10, nowMs + 1_000))).not.toContain(none)
      expect(yield* claim(10, nowMs + 1_999)).toEqual([])
      expect(yield* claim(10, nowMs + 2_000)).toHaveLength(4)
    }))

  it.effect("edge case 23 - gives those whose last sync failed apart from the others, earliest first in each", () =>
    Effect.gen(function* () {
      yield* emptied
      const users = yield* dueUsers([nowMs - 9, nowMs - 8, nowMs - 7, nowMs - 6, nowMs - 5])
      const owners = (yield* claimOf(9, nowMs - 5, 0)).map(({ owner }) => owner)
      yield* Effect.forEach(
        [0, 1, 3],
        (n) => commit(owners[n]!, { version: 1, failures: 2, nextSyncAtMs: nowMs - 9 + n }),
      )
      yield* Effect.forEach([2, 4], (n) => commit(owners[n]!, { version: 1, nextSyncAtMs: nowMs - 9 + n }))
      const take = (healthy: number, failing: number) =>
        Effect.map(
          UserSyncStore.use((store) => store.claimDue("todoist", nowMs, 1_000, { healthy, failing })),
          (claims) => claims.map(({ owner, isFailing }) => [users.indexOf(owner.userId), isFailing]),
        )
      expect(yield* take(1, 2)).toEqual([[0, true], [1, true], [2, false]])
      expect(yield* take(0, 0)).toEqual([])
      expect(yield* take(5, 0)).toEqual([[4, false]])
      expect(yield* take(5, 5)).toEqual([[3, true]])
    }))

  it.effect("shared by schedulers gives no user to two of them, and none more than it may hold", () =>
    Effect.gen(function* () {
      yield* emptied
      for (let round = 0; round < 5; round++) {
        const users = yield* dueUsers(Array.from({ length: 20 }, (_, n) => nowMs - n))
        const claims = yield* Effect.all(Array.from({ length: 6 }, () => claim(4, nowMs, 1e9)), {
          concurrency: "unbounded",
        })
        for (const one of claims) expect(one.length).toBeLessThanOrEqual(4)
        const rest = yield* claim(100, nowMs, 1e9)
        expect([...claims.flat(), ...rest].toSorted()).toEqual(users.toSorted())
      }
    }))

  it.effect("does not wait for a scheduler that is taking others at the moment", () =>
    Effect.gen(function* () {
      yield* emptied
      const sql = yield* SqlClient.SqlClient
      const users = yield* dueUsers([nowMs - 2, nowMs - 1, nowMs])
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = yield* Effect.forkChild(sql.withTransaction(
        claim(1).pipe(Effect.tap(() => Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(finish)))),
      ))
      yield* Deferred.await(begun)
      expect(yield* claim(100)).toEqual(users.slice(1))
      yield* Deferred.succeed(finish, undefined)
      expect(yield* Fiber.join(slow)).toEqual([users[0]])
    }))

  it.effect("does not make the sync that follows stale", () =>
    Effect.gen(function* () {
      yield* emptied
      const owner = yield* newUser
      yield* commit(owner, { nextSyncAtMs: nowMs })
      expect(yield* claim(1)).toEqual([owner.userId])
      yield* commit(owner, { version: 1, nextSyncAtMs: nowMs + 5 })
      expect(yield* load(owner)).toMatchObject({ version: 2, nextSyncAtMs: nowMs + 5 })
    }))

  it.effect("of one provider is not the queue of another", () =>
    Effect.gen(function* () {
      yield* emptied
      const [owner] = [yield* newUser]
      yield* commit(owner, { nextSyncAtMs: nowMs - 1 })
      yield* commit(owner, { provider: "ical", nextSyncAtMs: nowMs })
      expect(yield* claimOf(9, nowMs, 1_000, "ical")).toEqual([
        { owner, provider: "ical", isFailing: false, dueAtMs: nowMs, claimedUntilMs: nowMs + 1_000 },
      ])
      expect(yield* claimOf(9)).toMatchObject([{ owner, provider: "todoist", dueAtMs: nowMs - 1 }])
    }))

  it.effect("takes claims back, but of whom who has a new turn, or none any more", () =>
    Effect.gen(function* () {
      yield* emptied
      const users = yield* dueUsers([nowMs - 4, nowMs - 3, nowMs - 2, nowMs - 1])
      const claims = yield* claimOf(9)
      expect(claims.map(({ owner }) => owner.userId)).toEqual(users)
      const [, failed, gone] = claims
      yield* commit(failed!.owner, { version: 1, nextSyncAtMs: nowMs + 500, failures: 1 })
      yield* commit(gone!.owner, { version: 1, nextSyncAtMs: null, status: "needs-reconnect" })
      yield* UserSyncStore.use((store) => store.unclaim(claims))
      const turns = yield* Effect.forEach(claims, ({ owner }) => Effect.map(load(owner), (one) => one?.nextSyncAtMs))
      expect(turns).toEqual([nowMs - 4, nowMs + 500, null, nowMs - 1])
      yield* UserSyncStore.use((store) => store.unclaim([]))
    }))

  const note = (accountId: string, deliveryId: string = randomUUID()) =>
    UserSyncStore.use((store) => store.noteWebhook("todoist", deliveryId, accountId, nowMs))
  const ofAccount = Effect.fnUntraced(function* (accountId: string, connection: Partial<Connection>) {
    const owner = yield* newUser
    yield* commit(owner, { accountId, ...connection })
    return owner
  })
  const later = nowMs + 900_000

  it.effect("edge case 29 - a webhook brings everybody of its account round, once, and nobody else", () =>
    Effect.gen(function* () {
      yield* emptied
      const account = randomUUID()
      const one = yield* ofAccount(account, { nextSyncAtMs: later })
      const due = yield* ofAccount(account, { nextSyncAtMs: nowMs })
      const other = yield* ofAccount(randomUUID(), { nextSyncAtMs: later })
      const delivery = randomUUID()
      const noted = yield* note(account, delivery)
      expect(noted).toHaveLength(2)
      expect(noted).toEqual(expect.arrayContaining([one, due]))
      expect((yield* load(one))?.nextSyncAtMs).toBe(nowMs + webhookPickUpMs)
      expect((yield* load(due))?.nextSyncAtMs).toBe(nowMs)
      expect((yield* load(other))?.nextSyncAtMs).toBe(later)
      yield* commit(one, { version: 1, accountId: account, nextSyncAtMs: later })
      expect(yield* note(account, delivery)).toBe("seen")
      expect((yield* load(one))?.nextSyncAtMs).toBe(later)
    }))

  it.effect("edge case 29 - a webhook of an account nobody has finds nobody, and is remembered as well", () =>
    Effect.gen(function* () {
      const delivery = randomUUID()
      expect(yield* note(randomUUID(), delivery)).toEqual([])
      expect(yield* note(randomUUID(), delivery)).toBe("seen")
    }))

  it.effect("edge case 23 - a webhook does not shorten the wait of who fails, nor wake who has to connect again", () =>
    Effect.gen(function* () {
      const account = randomUUID()
      const failing = yield* ofAccount(account, { nextSyncAtMs: later, failures: 1 })
      yield* ofAccount(account, { nextSyncAtMs: null, status: "needs-reconnect" })
      expect(yield* note(account)).toEqual([failing])
      expect((yield* load(failing))?.nextSyncAtMs).toBe(later)
    }))
})
