import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { connectionChanged } from "../../schemas/events.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { TaskChangeName } from "../../schemas/events.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection, SyncCommit } from "../actors/UserSyncStore.ts"
import { task } from "../actors/userSync.fixture.ts"
import { Accounts } from "../identity/Accounts.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { actPickUpMs } from "./reactIn.ts"
import { eventTypesOf, newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const fresh: Connection = {
  provider: "todoist",
  status: "connected",
  sealedToken: Uint8Array.of(0, 1, 255, 0),
  cursor: "c0",
  version: 0,
  connectedAtMs: nowMs,
  syncedAtMs: nowMs,
  nextSyncAtMs: null,
  failures: 0,
  lastProblem: null,
}

const commit = (owner: Owner, connection: Partial<Connection> = {}, rest: Partial<SyncCommit> = {}) =>
  UserSyncStore.use((store) =>
    store.commit(owner, {
      connection: { ...fresh, ...connection },
      changes: [],
      acted: [],
      timeZone: null,
      events: [],
      nowMs,
      ...rest,
    })
  )
const load = (owner: Owner) =>
  UserSyncStore.use((store) =>
    Effect.map(
      store.load(owner, "todoist"),
      (one) =>
        one === undefined ? undefined : { ...one, sealedToken: one.sealedToken && Uint8Array.from(one.sealedToken) },
    )
  )
const taskIds = (owner: Owner, ids?: ReadonlyArray<string>) =>
  UserSyncStore.use((store) => Effect.map(store.tasks(owner, "todoist", ids), (tasks) => [...tasks.keys()].toSorted()))
const change = (name: TaskChangeName, taskId: string, timesPostponed = 0) => ({
  change: name,
  task: task(taskId),
  timesPostponed,
})
const eventOf = (owner: Owner, id: string = randomUUID()) =>
  connectionChanged({ ...owner, id, atMs: nowMs, correlationId: "c" }, "todoist", "connected")

const requestAct = Effect.fnUntraced(function* ({ tenantId, userId }: Owner, taskId: string, requestedAtMs = nowMs) {
  const sql = yield* SqlClient.SqlClient
  const actId = randomUUID()
  yield* sql`INSERT INTO acts (act_id, tenant_id, user_id, provider, task_id, requested_at_ms)
    VALUES (${actId}, ${tenantId}, ${userId}, 'todoist', ${taskId}, ${requestedAtMs})`
  return actId
})
const pending = (owner: Owner, limit = 100) =>
  UserSyncStore.use((store) =>
    Effect.map(store.pendingActs(owner, "todoist", limit), (acts) => acts.map(({ taskId }) => taskId))
  )

layer(Store.layer)("a connection in sql", (it) => {
  it.effect("is loaded as it was committed, its version one higher each time", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      expect(yield* load(owner)).toBeUndefined()
      yield* commit(owner)
      expect(yield* load(owner)).toEqual({ ...fresh, version: 1 })
      const broken: Connection = {
        ...fresh,
        version: 1,
        status: "needs-reconnect",
        sealedToken: null,
        cursor: null,
        syncedAtMs: null,
        nextSyncAtMs: nowMs + 1,
        failures: 3,
        lastProblem: "no",
      }
      yield* commit(owner, broken)
      expect(yield* load(owner)).toEqual({ ...broken, version: 2 })
      expect(yield* UserSyncStore.use((store) => store.connections(owner))).toEqual([{ ...broken, version: 2 }])
    }))

  it.effect("moves on from the version it was loaded with only; what is stale leaves nothing behind", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      yield* commit(owner)
      for (const version of [0, 2, 7]) {
        const stale = commit(owner, { version, cursor: "stale" }, {
          changes: [change("appeared", "1")],
          events: [eventOf(owner)],
          timeZone: "Asia/Tokyo",
        })
        expect(yield* Effect.flip(stale)).toMatchObject({ _tag: "StaleVersion", expected: version })
      }
      expect(yield* load(owner)).toMatchObject({ version: 1, cursor: "c0" })
      expect([yield* taskIds(owner), yield* eventTypesOf(owner)]).toEqual([[], []])
      expect(yield* Accounts.use((accounts) => accounts.profile(owner))).toMatchObject({ timeZone: "Europe/Berlin" })
    }))

  it.effect("written by many at once is written by one, also the first time", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const owner = yield* newUser
        for (const version of [0, 1]) {
          const results = yield* Effect.all(
            Array.from({ length: 4 }, (_, n) =>
              Effect.result(commit(owner, { version, cursor: `${version}/${n}` }, { events: [eventOf(owner)] }))),
            { concurrency: "unbounded" },
          )
          const outcomes = results.map((one) =>
            one._tag === "Success" ? "written" : one.failure._tag
          )
          expect(outcomes.toSorted()).toEqual(["StaleVersion", "StaleVersion", "StaleVersion", "written"])
          expect(yield* load(owner)).toMatchObject({
            version: version + 1,
            cursor: `${version}/${outcomes.indexOf("written")}`,
          })
        }
        expect(yield* eventTypesOf(owner)).toHaveLength(2)
      }
    }))

  it.effect("of somebody who does not exist is refused by the store", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const ghost = { ...owner, userId: `${owner.userId}x` as typeof owner.userId }
      expect((yield* Effect.flip(commit(ghost)))._tag).toBe("StoreUnavailable")
    }))
})

layer(Store.layer)("what one sync changes in sql", (it) => {
  it.effect("tasks appear, change, go; they are found by id, each user's own", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const all = ["1", "2", "3", "4"].map((id) => change("appeared", id))
      yield* commit(owner, {}, { changes: all })
      yield* commit(other, {}, { changes: all })
      const changes = [
        change("updated", "1", 2),
        change("completed", "2"),
        change("removed", "3"),
        change("removed", "9"),
      ]
      yield* commit(owner, { version: 1 }, { changes })
      expect(yield* taskIds(owner)).toEqual(["1", "4"])
      expect(yield* taskIds(owner, ["1", "2", "9"])).toEqual(["1"])
      expect(yield* taskIds(owner, [])).toEqual([])
      expect(yield* taskIds(other)).toEqual(["1", "2", "3", "4"])
      const known = yield* UserSyncStore.use((store) => store.tasks(owner, "todoist", ["1"]))
      expect(known.get("1")).toEqual({ task: task("1"), timesPostponed: 2 })
    }))

  it.effect("a task comes back with every character it had", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const rich = task(`a"b\\c`, {
        title: `it's "quoted" \\u0041 {} [] $1 :: 🌱 \u2028 \t`,
        labels: ["ä", ""],
        due: { date: "2026-06-10", atMs: nowMs, isRecurring: true },
        addedAtMs: 0,
      })
      yield* commit(owner, {}, { changes: [{ change: "appeared", task: rich, timesPostponed: 0 }] })
      const known = yield* UserSyncStore.use((store) => store.tasks(owner, "todoist", [rich.taskId]))
      expect(known.get(rich.taskId)?.task).toEqual(rich)
    }))

  it.effect("the zone is taken over when the tool knows it, and only this user's", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const zoneOf = (one: Owner) =>
        Accounts.use((accounts) => Effect.map(accounts.profile(one), (found) => found?.timeZone))
      yield* commit(owner, {}, { timeZone: "Asia/Tokyo" })
      yield* commit(owner, { version: 1 })
      expect([yield* zoneOf(owner), yield* zoneOf(other)]).toEqual(["Asia/Tokyo", "Europe/Berlin"])
    }))

  it.effect("and events are one: when an event cannot be appended nothing is changed", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const bad = { ...eventOf(owner), type: "nowhere" }
      const exit = yield* Effect.exit(
        commit(owner, {}, { changes: [change("appeared", "1")], events: [eventOf(owner), bad] }),
      )
      expect(exit._tag).toBe("Failure")
      expect([yield* load(owner), yield* taskIds(owner), yield* eventTypesOf(owner)]).toEqual([undefined, [], []])
    }))

  it.effect("more tasks and events than one statement takes are all there, and an event seen before is one", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const ids = Array.from({ length: 450 }, (_, n) => String(n))
      const events = ids.map(() => eventOf(owner))
      yield* commit(owner, {}, { changes: ids.map((id) => change("appeared", id)), events })
      yield* commit(owner, { version: 1 }, { events: [...events.slice(0, 3), eventOf(owner)] })
      expect(yield* taskIds(owner)).toHaveLength(450)
      expect(yield* eventTypesOf(owner)).toHaveLength(451)
    }))
})

layer(Store.layer)("acts in sql", (it) => {
  it.effect("wait oldest first, as many as asked for, until they are settled", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const third = yield* requestAct(owner, "third", nowMs + 2)
      yield* requestAct(owner, "first", nowMs)
      yield* requestAct(owner, "second", nowMs + 1)
      yield* requestAct(yield* newUser, "of another")
      expect(yield* pending(owner)).toEqual(["first", "second", "third"])
      expect(yield* pending(owner, 2)).toEqual(["first", "second"])
      yield* commit(owner, {}, { acted: [{ actId: third, outcome: "done" }] })
      expect(yield* pending(owner)).toEqual(["first", "second"])
    }))

  it.effect("that failed wake the candidate; those that were done or found nothing let it sleep", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      const outcomes = [["a", "done"], ["b", "missing"], ["c", "failed"], ["d", "failed"]] as const
      const acted: Array<SyncCommit["acted"][number]> = []
      for (const [id, outcome] of outcomes) {
        acted.push({ actId: yield* requestAct(owner, id), outcome })
        // The user snoozed d again since.
        yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
          VALUES (${owner.tenantId}, ${owner.userId}, ${`todoist:${id}`}, ${nowMs + 1},
            ${id === "d" ? "snooze" : "done"}, ${randomUUID()})`
      }
      yield* commit(owner, {}, { acted })
      expect(yield* pending(owner)).toEqual([])
      const { sleeps } = yield* Decisions.use((store) => store.situation(owner, nowMs))
      expect([...sleeps.keys()].toSorted()).toEqual(["todoist:a", "todoist:b", "todoist:d"])
    }))

  it.effect("asked for while a sync was under way bring the next one forward, unless the tool is left alone", () =>
    Effect.gen(function* () {
      const later = nowMs + 900_000
      const [owner, failing] = [yield* newUser, yield* newUser]
      yield* requestAct(owner, "1")
      yield* requestAct(failing, "1")
      yield* commit(owner, { nextSyncAtMs: later })
      yield* commit(failing, { nextSyncAtMs: later, failures: 1 })
      expect((yield* load(owner))!.nextSyncAtMs).toBe(nowMs + actPickUpMs)
      expect((yield* load(failing))!.nextSyncAtMs).toBe(later)
    }))

  it.effect("stay pending when the sync that performed them could not be committed", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      yield* commit(owner)
      const actId = yield* requestAct(owner, "1")
      yield* Effect.flip(commit(owner, { version: 9 }, { acted: [{ actId, outcome: "done" }] }))
      expect(yield* pending(owner)).toEqual(["1"])
    }))
})

layer(Store.layer)("the due queue in sql", (it) => {
  const claim = (limit: number, atMs = nowMs, claimMs = 1_000) =>
    UserSyncStore.use((store) =>
      Effect.map(store.claimDue(atMs, claimMs, limit), (owners) => owners.map(({ userId }) => userId))
    )
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
      expect(new Set(yield* claim(2))).toEqual(new Set([first, second]))
      expect(yield* claim(10)).toEqual([third])
      expect(yield* claim(10)).toEqual([])
      expect(new Set(yield* claim(10, nowMs + 1_000))).not.toContain(none)
      expect(yield* claim(10, nowMs + 1_999)).toEqual([])
      expect(yield* claim(10, nowMs + 2_000)).toHaveLength(4)
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
      expect(new Set(yield* claim(100))).toEqual(new Set(users.slice(1)))
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
})
