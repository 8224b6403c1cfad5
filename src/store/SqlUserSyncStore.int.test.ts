import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import type { Owner } from "../../schemas/ids.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection, SyncCommit } from "../actors/UserSyncStore.ts"
import { Accounts } from "../identity/Accounts.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { actPickUpMs } from "./reactIn.ts"
import { eventTypesOf, newUser, nowMs } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import {
  bareTask,
  change,
  commit,
  commitUnder,
  eventOf,
  fresh,
  load,
  plain,
  requestAct,
  taskIds,
} from "./syncStore.fixture.ts"

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
        problemCode: "TokenRejected",
        familyId: "family",
        scopes: ["data:read"],
        expiresAtMs: nowMs + 7,
        accountId: "account",
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
          const { lease } = yield* UserSyncStore.use((store) => store.open(owner))
          const results = yield* Effect.all(
            Array.from({ length: 4 }, (_, n) =>
              Effect.result(
                commitUnder(lease, { version, cursor: `${version}/${n}` }, { events: [eventOf(owner)] }),
              )),
            { concurrency: "unbounded" },
          )
          const outcomes = results.map((one) => one._tag === "Success" ? "written" : one.failure._tag)
          expect(outcomes.toSorted()).toEqual(["StaleVersion", "StaleVersion", "StaleVersion", "written"])
          expect(yield* load(owner)).toMatchObject({
            version: version + 1,
            cursor: `${version}/${outcomes.indexOf("written")}`,
          })
        }
        expect(yield* eventTypesOf(owner)).toHaveLength(2)
      }
    }))

  it.effect("that does not exist is made by its first commit only", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      expect((yield* Effect.flip(commit(owner, { version: 4 })))._tag).toBe("StaleVersion")
      expect(yield* load(owner)).toBeUndefined()
      expect(plain(yield* commit(owner))).toEqual({ ...fresh, version: 1 })
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
        change("updated", "1", { timesPostponed: 2 }),
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
      expect(known.get("1")).toEqual({ task: bareTask("1"), timesPostponed: 2 })
    }))

  it.effect("what recurs or came back is open; what ended is remembered as it ended, if it is ours to know", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const gone = (ids: ReadonlyArray<string>) =>
        UserSyncStore.use((store) =>
          Effect.map(store.goneTasks(owner, "todoist", ids), (found) => Object.fromEntries(found))
        )
      const ids = ["recurring", "done", "deleted", "unknown", "withdrawn"]
      yield* commit(owner, {}, { changes: ids.map((id) => change("appeared", id)) })
      const moved = bareTask("recurring", { due: { date: "2026-06-11", atMs: null, isRecurring: true } })
      yield* commit(owner, { version: 1 }, {
        changes: [
          change("occurrence_completed", "recurring", { task: moved }),
          change("completed", "done"),
          change("removed", "deleted"),
          change("removed", "unknown", { removal: "unknown" }),
          change("removed", "withdrawn", { removal: "withdrawn" }),
        ],
      })
      expect(yield* taskIds(owner)).toEqual(["recurring"])
      const known = yield* UserSyncStore.use((store) => store.tasks(owner, "todoist", undefined))
      expect(known.get("recurring")?.task).toEqual(moved)
      expect(yield* gone([...ids, "never"])).toEqual({ done: "completed", deleted: "deleted", unknown: "unknown" })
      expect(yield* gone([])).toEqual({})

      const back = [change("restored", "done"), change("appeared", "deleted")]
      yield* commit(owner, { version: 2 }, { changes: back })
      expect(yield* taskIds(owner)).toEqual(["deleted", "done", "recurring"])
      expect(yield* gone(ids)).toEqual({ unknown: "unknown" })
      yield* commit(owner, { version: 3 }, { changes: [change("removed", "unknown", { removal: "withdrawn" })] })
      expect(yield* gone(ids)).toEqual({})
    }))

  it.effect("a disconnection takes every task along, and what was remembered of others, of that tool only", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const changes = [change("appeared", "1"), change("appeared", "2")]
      for (const one of [owner, other]) {
        yield* commit(one, {}, { changes })
        yield* commit(one, { version: 1 }, { changes: [change("completed", "2")] })
      }
      yield* commit(owner, { provider: "ical" }, { changes })
      yield* commit(owner, { version: 2, status: "disconnected", sealedToken: null, cursor: null })
      const sql = yield* SqlClient.SqlClient
      const left = yield* sql`
        SELECT user_id = ${owner.userId} AS own, provider, task_id, 'open' AS as FROM tasks
        WHERE user_id IN (${owner.userId}, ${other.userId})
        UNION ALL
        SELECT user_id = ${owner.userId}, provider, task_id, gone_as FROM gone_tasks
        WHERE user_id IN (${owner.userId}, ${other.userId}) ORDER BY own, provider, task_id`
      expect(left).toEqual([
        { own: false, provider: "todoist", task_id: "1", as: "open" },
        { own: false, provider: "todoist", task_id: "2", as: "completed" },
        { own: true, provider: "ical", task_id: "1", as: "open" },
        { own: true, provider: "ical", task_id: "2", as: "open" },
      ])
    }))

  it.effect("a task comes back with every character it had", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const rich = bareTask(`a"b\\c`, {
        title: `it's "quoted" \\u0041 {} [] $1 :: 🌱 \u2028 \t`,
        labels: ["ä", ""],
        due: { date: "2026-06-10", atMs: nowMs, isRecurring: true },
        addedAtMs: 0,
      })
      yield* commit(owner, {}, { changes: [change("appeared", rich.taskId, { task: rich })] })
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

  it.effect("keep what the user saw of a recurring task", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const actId = yield* requestAct(owner, "1", nowMs, "2026-06-10@5")
      expect(yield* UserSyncStore.use((store) => store.pendingActs(owner, "todoist", 9))).toEqual([
        { actId, kind: "complete", taskId: "1", expectedDue: "2026-06-10@5", isSent: false },
      ])
    }))

  it.effect("edge case 22 - what was carried out lately is known as an echo, and nothing else is", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const acted: Array<SyncCommit["acted"][number]> = []
      for (const [id, outcome] of [["a", "done"], ["b", "done"], ["c", "missing"]] as const) {
        acted.push({ actId: yield* requestAct(owner, id), outcome })
      }
      yield* requestAct(owner, "pending")
      yield* commit(owner, {}, { acted })
      const echoes = (one: Owner, ids: ReadonlyArray<string>, sinceMs: number) =>
        UserSyncStore.use((store) => Effect.map(store.actedOn(one, "todoist", ids, sinceMs), (found) => [...found]))
      expect(yield* echoes(owner, ["a", "c", "pending", "other"], nowMs)).toEqual(["a"])
      expect(yield* echoes(owner, [], nowMs)).toEqual([])
      expect(yield* echoes(owner, ["a", "b"], nowMs + 1)).toEqual([])
      expect(yield* echoes(yield* newUser, ["a", "b"], nowMs)).toEqual([])
    }))

  it.effect("that were not carried out wake the candidate, unless it is for want of a right; the others sleep on", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      const outcomes = [
        ["a", "done"],
        ["b", "missing"],
        ["c", "failed"],
        ["d", "failed"],
        ["e", "conflict"],
        ["f", "forbidden"],
      ] as const
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
      expect([...sleeps.keys()].toSorted()).toEqual(["todoist:a", "todoist:b", "todoist:d", "todoist:f"])
    }))

  it.effect("asked for while a sync was under way bring the next one forward, unless the tool is left alone", () =>
    Effect.gen(function* () {
      const later = nowMs + 900_000
      const [owner, failing] = [yield* newUser, yield* newUser]
      yield* requestAct(owner, "1")
      yield* requestAct(failing, "1")
      expect((yield* commit(owner, { nextSyncAtMs: later })).nextSyncAtMs).toBe(nowMs + actPickUpMs)
      expect((yield* commit(failing, { nextSyncAtMs: later, failures: 1 })).nextSyncAtMs).toBe(later)
      expect((yield* load(owner))!.nextSyncAtMs).toBe(nowMs + actPickUpMs)
      expect((yield* load(failing))!.nextSyncAtMs).toBe(later)
    }))

  it.effect("asked for in the moment of a disconnection go with it, and none waits for a connection to come", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const sql = yield* SqlClient.SqlClient
      for (const one of [owner, other]) {
        yield* requestAct(one, "1")
        yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
          VALUES (${one.tenantId}, ${one.userId}, 'todoist:1', ${nowMs + 1}, 'done', ${randomUUID()})`
      }
      yield* commit(owner, { provider: "ical", status: "disconnected" })
      expect(yield* pending(owner)).toEqual(["1"])
      yield* commit(owner, { status: "disconnected" })
      expect([yield* pending(owner), yield* pending(other)]).toEqual([[], ["1"]])
      const asleep = yield* sql`SELECT user_id FROM sleeps WHERE user_id IN (${owner.userId}, ${other.userId})`
      expect(asleep).toEqual([{ user_id: other.userId }])
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
