import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { uuidv5 } from "../../schemas/uuid.ts"
import type { UserMessage } from "./Actors.ts"
import { StaleVersion } from "./UserSyncStore.ts"
import { credentialOf, rateLimited, rejected, syncIntervalMs, task, token, unavailable } from "./userSync.fixture.ts"
import { connection, disconnect, startMs, syncNow, typesOf, world } from "./userSyncWorld.fixture.ts"

describe("connecting", () => {
  it.effect(
    "proves the token by a first full sync and keeps it sealed",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("2"))
        it.tool.timeZone = "Europe/Berlin"
        expect(yield* it.connect()).toMatchObject({ status: "synced", changes: 2, syncedAtMs: startMs })
        expect(it.tool.requests).toEqual([{ token, kind: "read", cursor: null, acts: [] }])
        expect(connection(it.store)).toMatchObject({
          status: "connected",
          cursor: "2",
          version: 1,
          connectedAtMs: startMs,
          syncedAtMs: startMs,
          failures: 0,
          lastProblem: null,
        })
        expect(Buffer.from(connection(it.store).sealedToken!).includes(token)).toBe(false)
        expect(it.store.commits[0]!.timeZone).toBe("Europe/Berlin")
        expect(typesOf(it.store)).toEqual([
          "signals.task.appeared",
          "signals.task.appeared",
          "signals.connection.connected",
        ])
        const waitMs = connection(it.store).nextSyncAtMs! - startMs
        expect(waitMs).toBeGreaterThanOrEqual(0.9 * syncIntervalMs)
        expect(waitMs).toBeLessThanOrEqual(1.1 * syncIntervalMs)
      })
    ),
  )

  it.effect(
    "with a token the tool does not take, or a tool that does not answer, stores nothing",
    world((it) =>
      Effect.gen(function* () {
        it.tool.failures.push({ error: rejected }, { error: unavailable })
        expect(yield* Effect.flip(it.connect())).toMatchObject({ _tag: "ConnectionRejected", provider: "todoist" })
        expect(yield* Effect.flip(it.connect())).toMatchObject({ _tag: "SyncFailed", retryAtMs: null })
        expect(it.store.commits).toEqual([])
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "not-connected" })
      })
    ),
  )

  it.effect(
    "again with another token replaces it, reads all anew and tells only what changed",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.open(task("2"))
        it.tool.change({ task: task("1"), state: "deleted" })
        expect(yield* it.connect(credentialOf("another-token"))).toMatchObject({ changes: 2 })
        yield* it.ask(syncNow)
        expect(it.tool.requests.map((one) => [one.token, one.cursor]))
          .toEqual([[token, null], ["another-token", null], ["another-token", "3"]])
        expect(typesOf(it.store)).toEqual([
          "signals.task.appeared",
          "signals.connection.connected",
          "signals.task.appeared",
          "signals.task.removed",
        ])
      })
    ),
  )
})

describe("syncing", () => {
  it.effect(
    "asks from the last cursor, tells what changed, and nothing when nothing did",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("2"))
        yield* it.connect()
        it.tool.change({ task: task("1", { title: "new" }), state: "open" }, { task: task("2"), state: "completed" })
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced", changes: 2 })
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced", changes: 0 })
        expect(it.tool.requests.map(({ cursor }) => cursor)).toEqual([null, "2", "4"])
        expect(typesOf(it.store).slice(3)).toEqual(["signals.task.updated", "signals.task.completed"])
        expect([...it.store.row().tasks.keys()]).toEqual(["1"])
        expect(connection(it.store).version).toBe(3)
      })
    ),
  )

  it.effect(
    "a user who never connected has nothing to sync",
    world((it) =>
      Effect.gen(function* () {
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "not-connected", changes: 0 })
        expect([it.tool.requests, it.store.commits]).toEqual([[], []])
      })
    ),
  )

  it.effect(
    "repeats the same events, under the same ids, when the commit of a sync was lost",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.open(task("1"), task("2"))
        it.store.failingCommits = 1
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "StoreUnavailable" })
        yield* TestClock.adjust(5_000)
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 2 })
        expect(it.tool.requests.map(({ cursor }) => cursor)).toEqual([null, "0", "0"])
        const lost = it.store.commits.at(-1)!.events.map((event) => event.id)
        expect(new Set(lost).size).toBe(2)
        // From owner, provider, version of the connection and what changed: not from the time.
        expect(lost[0]).toBe(uuidv5(
          "8e2f4c0a-5d7b-5e1f-9a44-7c1d2b6f3e90",
          `acme/anna/todoist/1/appeared/1/0/["1","",null,null,[],1,null,null,null,""]`,
        ))
      })
    ),
  )
})

describe("a tool that refuses", () => {
  it.effect(
    "the token: the user is told, once, and it is not asked again until they connect anew",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.failures.push({ error: rejected })
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ConnectionRejected" })
        expect(connection(it.store)).toMatchObject({ status: "needs-reconnect", nextSyncAtMs: null })
        expect(connection(it.store).lastProblem).toContain("connect again")
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "not-connected" })
        expect(it.tool.requests).toHaveLength(2)
        expect([...it.store.row().tasks.keys()]).toEqual(["1"])
        yield* it.connect()
        expect(typesOf(it.store).filter((type) => type.startsWith("signals.connection")))
          .toEqual([
            "signals.connection.connected",
            "signals.connection.needs-reconnect",
            "signals.connection.connected",
          ])
        expect(connection(it.store)).toMatchObject({ status: "connected", lastProblem: null })
      })
    ),
  )

  it.effect(
    "or a sealed token that no longer opens is the same to the user",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.store.writeElsewhere({ sealedToken: new Uint8Array(60) })
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ConnectionRejected" })
        expect(connection(it.store).status).toBe("needs-reconnect")
        expect(it.tool.requests).toHaveLength(1)
      })
    ),
  )

  it.effect(
    "the rate: it is asked again no earlier than it wants, and a success forgets the failure",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: rateLimited(3_600_000) })
        const error = yield* Effect.flip(it.ask(syncNow))
        expect(error).toMatchObject({ _tag: "SyncFailed", retryAtMs: startMs + 3_600_000 })
        expect(connection(it.store)).toMatchObject({
          status: "connected",
          failures: 1,
          nextSyncAtMs: startMs + 3_600_000,
          cursor: "0",
          syncedAtMs: startMs,
        })
        expect(connection(it.store)).toMatchObject({ lastProblem: error.message, problemCode: "RateLimited" })
        // Not even for the user in person: the tool named a time.
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ code: "RateLimited" })
        expect(it.tool.requests).toHaveLength(2)
        yield* TestClock.adjust(3_600_000)
        yield* it.ask(syncNow)
        expect(connection(it.store)).toMatchObject({ failures: 0, lastProblem: null })
      })
    ),
  )

  it.effect(
    "for long: the waits double and stay below a quarter of an hour",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        const due: UserMessage = { _tag: "SyncNow", provider: "todoist", reason: "due" }
        let waitedMs = 0
        for (let failure = 1; failure <= 12; failure++) {
          it.tool.failures.push({ error: unavailable })
          const nowMs = startMs + waitedMs
          expect(yield* Effect.flip(it.ask(due))).toMatchObject({ _tag: "SyncFailed" })
          const ceilingMs = Math.min(900_000, 1_000 * 2 ** failure)
          const waitMs = connection(it.store).nextSyncAtMs! - nowMs
          expect(waitMs).toBeGreaterThanOrEqual(ceilingMs / 2)
          expect(waitMs).toBeLessThanOrEqual(ceilingMs)
          waitedMs += waitMs
          yield* TestClock.setTime(startMs + waitedMs)
        }
        expect(connection(it.store).failures).toBe(12)
        expect(typesOf(it.store)).toEqual(["signals.connection.connected"])
      })
    ),
  )
})

describe("a tool that is being left alone", () => {
  it.effect(
    "is not called for a recommend or an act before its time, but for the user in person it is",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        yield* TestClock.adjust("1 minute")
        it.tool.failures.push({ error: unavailable })
        yield* Effect.flip(it.ask(syncNow))
        const retryAtMs = connection(it.store).nextSyncAtMs!
        for (const reason of ["stale", "acts"] as const) {
          const failure = yield* Effect.flip(it.ask({ _tag: "SyncNow", provider: null, reason }))
          expect(failure).toMatchObject({ _tag: "SyncFailed", retryAtMs })
        }
        expect([it.tool.requests.length, connection(it.store).failures]).toEqual([2, 1])
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced" })
        it.tool.failures.push({ error: unavailable })
        yield* Effect.flip(it.ask(syncNow))
        yield* TestClock.setTime(connection(it.store).nextSyncAtMs!)
        expect(yield* it.ask({ _tag: "SyncNow", provider: null, reason: "stale" })).toMatchObject({ status: "synced" })
        const asked = it.tool.requests.length
        yield* Effect.all([1, 2, 3].map(() => it.ask({ _tag: "SyncNow", provider: null, reason: "stale" })), {
          concurrency: 3,
        })
        expect(it.tool.requests.length).toBe(asked) // they have what they asked for
      })
    ),
  )
})

describe("acts", () => {
  it.effect(
    "are executed once although the reply was lost, and settled when it came",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        const act = { actId: "a1", kind: "complete", taskId: "1", expectedDue: null } as const
        it.store.acts.push({ ...act, outcome: undefined })
        it.tool.failures.push({ error: unavailable, late: true, on: "act" })
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "SyncFailed" })
        expect(it.store.acts[0]!.outcome).toBeUndefined()
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 1 })
        yield* it.ask(syncNow)
        expect(it.tool.requests.map(({ kind }) => kind).join(" ")).toBe("read read act read act read read")
        expect(it.tool.requests.flatMap(({ acts }) => acts)).toEqual(["a1", "a1"])
        expect(it.tool.executed).toEqual(["a1"])
        expect(it.store.acts[0]!.outcome).toBe("done")
        expect(typesOf(it.store).at(-1)).toBe("signals.task.completed")
      })
    ),
  )

  it.effect(
    "are sent at most a hundred at a time, oldest first",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        for (let n = 0; n < 150; n++) {
          it.store.acts.push({
            actId: `a${n}`,
            kind: "complete",
            taskId: `${n}`,
            expectedDue: null,
            outcome: undefined,
          })
        }
        yield* it.ask(syncNow)
        yield* it.ask(syncNow)
        expect(it.tool.requests.map(({ acts }) => acts.length)).toEqual([0, 0, 100, 0, 0, 50, 0])
        expect(it.tool.executed).toEqual(Array.from({ length: 150 }, (_, n) => `a${n}`))
      })
    ),
  )
})

describe("disconnecting", () => {
  it.effect(
    "forgets the token and takes every task back, once",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("2"))
        yield* it.connect()
        it.store.acts.push({ actId: "a1", kind: "complete", taskId: "1", expectedDue: null, outcome: undefined })
        expect(yield* it.ask(disconnect)).toMatchObject({
          status: "disconnected",
          changes: 2,
          revocation: "done",
        })
        expect(it.tool.revoked).toEqual([token])
        expect(it.store.acts[0]!.outcome).toBe("failed") // not carried out after a reconnect weeks later
        expect(connection(it.store)).toMatchObject({
          status: "disconnected",
          sealedToken: null,
          cursor: null,
          nextSyncAtMs: null,
          syncedAtMs: null,
        })
        expect(it.store.row().tasks.size).toBe(0)
        expect(typesOf(it.store).slice(3))
          .toEqual(["signals.task.removed", "signals.task.removed", "signals.connection.disconnected"])
        expect(yield* it.ask(disconnect)).toMatchObject({ status: "not-connected", changes: 0 })
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "not-connected" })
        expect(it.tool.requests).toHaveLength(1)
        yield* it.connect()
        expect(typesOf(it.store).slice(6))
          .toEqual(["signals.task.appeared", "signals.task.appeared", "signals.connection.connected"])
      })
    ),
  )

  it.effect(
    "drops what was asked for and not carried out yet",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.store.acts.push({ actId: "a1", kind: "complete", taskId: "1", expectedDue: null, outcome: undefined })
        yield* it.ask(disconnect)
        yield* it.connect()
        yield* it.ask(syncNow)
        expect([it.store.acts[0]!.outcome, it.tool.executed]).toEqual(["failed", []])
      })
    ),
  )

  it.effect(
    "works for a connection whose token was refused",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: rejected })
        yield* Effect.flip(it.ask(syncNow))
        expect(yield* it.ask(disconnect)).toMatchObject({ status: "disconnected" })
        expect(connection(it.store)).toMatchObject({ status: "disconnected", lastProblem: null })
      })
    ),
  )
})

describe("two instances of one user's actor", () => {
  it.effect(
    "of which one wrote meanwhile: the other dies without writing, and its restart goes on from there",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.open(task("1"), task("2"))
        it.tool.meanwhile = Effect.sync(() => it.store.writeElsewhere({ cursor: "1" }))
        const exit = yield* Effect.exit(it.ask(syncNow))
        const death = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
        expect(death).toBeInstanceOf(StaleVersion)
        expect(it.store.commits).toHaveLength(1)

        it.tool.meanwhile = Effect.void
        const again = yield* Effect.forkChild(it.ask(syncNow))
        yield* TestClock.adjust(1_000)
        expect(yield* Fiber.join(again)).toMatchObject({ status: "synced", changes: 1 })
        expect(it.tool.requests.at(-1)!.cursor).toBe("1")
        expect(connection(it.store)).toMatchObject({ cursor: "2", version: 3 })
      })
    ),
  )
})
