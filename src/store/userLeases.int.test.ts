import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import type { Owner } from "../../schemas/ids.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { decisionOf, newUser, nowMs, servedEventOf } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { fresh, load, plain, requestAct } from "./syncStore.fixture.ts"
import { leaseMs, node, passTime, write } from "./userLeases.fixture.ts"

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.match(effect, { onSuccess: () => "ok", onFailure: (error) => error._tag })

const rowOf = Effect.fnUntraced(function* ({ tenantId, userId }: Owner) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql`SELECT holder, epoch, held_until_ms > 0 AS held FROM user_leases
    WHERE tenant_id = ${tenantId} AND user_id = ${userId}`
  return row
})

layer(Store.layer)("a user's lease in sql", (it) => {
  it.effect("opens with everything a sync begins with", () =>
    Effect.gen(function* () {
      const [one, owner] = [yield* node("one"), yield* newUser]
      const first = yield* one.open(owner)
      expect(first).toEqual({ lease: { owner, epoch: 1 }, connections: [], activeAtMs: null, hasPendingActs: false })
      yield* write(one, first.lease, 0, "c")
      yield* one.commit(first.lease, {
        connection: { ...fresh, provider: "ical" },
        changes: [],
        acted: [],
        timeZone: null,
        events: [],
        nowMs,
        revocation: null,
      })
      for (const servedAtMs of [nowMs - 50, nowMs, nowMs - 7]) {
        const decision = decisionOf(owner, { servedAtMs })
        yield* Decisions.use((store) => store.commit(decision, servedEventOf(decision)))
      }
      yield* requestAct(owner, "1")
      const { connections, ...again } = yield* one.open(owner)
      expect(again).toEqual({ lease: { owner, epoch: 2 }, activeAtMs: nowMs, hasPendingActs: true })
      expect(connections.map(plain)).toEqual([
        { ...fresh, provider: "ical", version: 1 },
        { ...fresh, cursor: "c", version: 1 },
      ])
    }))

  it.effect("is of one process at a time, and of another only once it is given back or has run out", () =>
    Effect.gen(function* () {
      const [one, other, owner] = [yield* node("one"), yield* node("other"), yield* newUser]
      const { lease } = yield* one.open(owner)
      expect(yield* tagOf(other.open(owner))).toBe("UserHeld")
      expect(yield* rowOf(owner)).toEqual({ holder: "one", epoch: 1, held: true })
      yield* one.close(lease)
      expect((yield* other.open(owner)).lease.epoch).toBe(2)
      yield* passTime(leaseMs - 100_000)
      expect(yield* tagOf(one.open(owner))).toBe("UserHeld")
      yield* passTime(100_000)
      expect((yield* one.open(owner)).lease.epoch).toBe(3)
    }))

  it.effect("renewed or written under it lasts anew; ended, it is not renewed", () =>
    Effect.gen(function* () {
      const [one, other, owner] = [yield* node("one"), yield* node("other"), yield* newUser]
      const { lease } = yield* one.open(owner)
      const nearlyOver = passTime(leaseMs - 100_000)
      yield* nearlyOver
      yield* one.renew(lease)
      yield* nearlyOver
      yield* write(one, lease, 0, "c")
      yield* nearlyOver
      expect(yield* tagOf(other.open(owner))).toBe("UserHeld")
      yield* passTime(100_000)
      expect(yield* tagOf(one.renew(lease))).toBe("LeaseLost")
      expect(yield* tagOf(write(one, lease, 1, "late"))).toBe("LeaseLost")
      expect(yield* load(owner)).toMatchObject({ version: 1, cursor: "c" })
    }))

  it.effect("is taken again by its own process at once, and the one before can neither write nor give it back", () =>
    Effect.gen(function* () {
      const [one, owner] = [yield* node("one"), yield* newUser]
      const before = yield* one.open(owner)
      const now = yield* one.open(owner)
      expect([before.lease.epoch, now.lease.epoch]).toEqual([1, 2])
      expect(yield* tagOf(write(one, before.lease, 0, "old"))).toBe("LeaseLost")
      expect(yield* tagOf(one.renew(before.lease))).toBe("LeaseLost")
      yield* one.close(before.lease)
      expect(yield* rowOf(owner)).toEqual({ holder: "one", epoch: 2, held: true })
      expect(yield* tagOf(write(one, now.lease, 0, "new"))).toBe("ok")
      expect(yield* load(owner)).toMatchObject({ cursor: "new" })
    }))

  it.effect("edge case 4 - a process that was paused finds it taken, and writes nothing", () =>
    Effect.gen(function* () {
      const [paused, other, owner] = [yield* node("paused"), yield* node("other"), yield* newUser]
      const { lease } = yield* paused.open(owner)
      yield* passTime(leaseMs)
      const taken = yield* other.open(owner)
      // At the same version: only the lease tells them apart.
      expect(yield* tagOf(write(paused, lease, 0, "paused"))).toBe("LeaseLost")
      expect(yield* load(owner)).toBeUndefined()
      yield* paused.close(lease)
      expect(yield* tagOf(write(other, taken.lease, 0, "other"))).toBe("ok")
    }))

  it.effect("is not taken while a write under it runs, however long that takes", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [slow, other, owner] = [yield* node("slow"), yield* node("other"), yield* newUser]
      const { lease } = yield* slow.open(owner)
      yield* passTime(leaseMs - 100_000)
      const [written, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const writing = yield* Effect.forkChild(sql.withTransaction(
        Effect.tap(write(slow, lease, 0, "slow"), () =>
          Effect.andThen(Deferred.succeed(written, undefined), Deferred.await(finish))),
      ))
      yield* Deferred.await(written)
      const taking = yield* Effect.forkChild(tagOf(other.open(owner)))
      yield* Effect.repeat(
        sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        {
          until: (rows) =>
            rows.length > 0,
        },
      )
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(writing)
      expect(yield* Fiber.join(taking)).toBe("UserHeld")
      expect(yield* load(owner)).toMatchObject({ cursor: "slow" })
    }))

  it.effect("wanted by many at once goes to one of them", () =>
    Effect.gen(function* () {
      const nodes = yield* Effect.forEach(["a", "b", "c", "d", "e"], node)
      for (let round = 0; round < 5; round++) {
        const owner = yield* newUser
        const answers = yield* Effect.forEach(nodes, (one) => tagOf(one.open(owner)), { concurrency: "unbounded" })
        expect(answers.toSorted()).toEqual(["UserHeld", "UserHeld", "UserHeld", "UserHeld", "ok"])
      }
    }))

  it.effect("notes what is being sent to the tool, and lets nobody send whose lease is over", () =>
    Effect.gen(function* () {
      const [one, two, owner] = [yield* node("one"), yield* node("two"), yield* newUser]
      const first = yield* one.open(owner)
      yield* write(one, first.lease, 0, "c")
      const [sent, kept] = [yield* requestAct(owner, "1"), yield* requestAct(owner, "2")]
      yield* one.sending(first.lease, [sent], nowMs)
      const isSent = Effect.map(
        one.pendingActs(owner, "todoist", 10),
        (acts) => Object.fromEntries(acts.map((act) => [act.actId, act.isSent])),
      )
      expect(yield* isSent).toEqual({ [sent]: true, [kept]: false })
      yield* passTime(leaseMs + 1)
      yield* two.open(owner)
      expect(yield* tagOf(one.sending(first.lease, [kept], nowMs))).toBe("LeaseLost")
      expect(yield* isSent).toEqual({ [sent]: true, [kept]: false })
    }))
})
