/** What a sync goes by beside the tasks it reads: what is known already, what was done, how often it may ask. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { TaskDue } from "../../schemas/Task.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Connectors } from "../connectors/Connector.ts"
import { keyIdOf, TokenVault } from "../connectors/TokenVault.ts"
import type { UserMessage } from "./Actors.ts"
import { anna, credentialOf, oldVault, rejected, task, token, Tool, unavailable } from "./userSync.fixture.ts"
import type { Store } from "./userSync.fixture.ts"
import { connection, disconnect, startMs, syncNow, typesOf, world } from "./userSyncWorld.fixture.ts"

const stale: UserMessage = { _tag: "SyncNow", provider: null, reason: "stale" }
const acts: UserMessage = { _tag: "SyncNow", provider: null, reason: "acts" }
const weekly = (date: string): TaskDue => ({ date, atMs: null, isRecurring: true })
const act = (taskId: string, expectedDue: string | null = null) => ({
  actId: `act-${taskId}`,
  kind: "complete" as const,
  taskId,
  expectedDue,
  outcome: undefined,
})
const changesOf = (store: Store) => store.commits.flatMap(({ changes }) => changes)

describe("what a task's change is taken for", () => {
  it.effect(
    "edge case 9 - an occurrence the tool says was completed is certain, one that only moved on is inferred",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("said", { due: weekly("2026-06-10") }), task("moved", { due: weekly("2026-06-10") }))
        yield* it.connect()
        it.tool.open(task("said", { due: weekly("2026-06-17") }), task("moved", { due: weekly("2026-06-17") }))
        yield* it.ask({ _tag: "Webhook", provider: "todoist", completedTaskIds: ["said"] })
        expect(changesOf(it.store).slice(2).map((one) => [one.task.taskId, one.change, one.isInferred])).toEqual([
          ["said", "occurrence_completed", false],
          ["moved", "occurrence_completed", true],
        ])
      })
    ),
  )

  it.effect(
    "edge case 10 - one that ended in an earlier sync and is open again was restored",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.change({ task: task("1"), state: "deleted" })
        yield* it.ask(syncNow)
        it.tool.open(task("1"), task("2"))
        yield* it.ask(syncNow)
        expect(typesOf(it.store).slice(-2)).toEqual(["signals.task.restored", "signals.task.appeared"])
      })
    ),
  )

  it.effect(
    "edge case 12 - a completed parent takes along subtasks the read does not speak of",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("parent"), task("child", { parentId: "parent" }), task("other"))
        yield* it.connect()
        it.tool.change({ task: task("parent"), state: "completed" })
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 2 })
        expect([...it.store.row().tasks.keys()]).toEqual(["other"])
      })
    ),
  )

  it.effect(
    "edge case 22 - what we completed is our act also when the read after it failed",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.store.acts.push(act("1"))
        it.tool.meanwhile = Effect.sync(() => void it.tool.failures.push({ error: unavailable, on: "read" }))
        yield* Effect.flip(it.ask(syncNow))
        expect(it.store.acts[0]!.outcome).toBe("done")
        it.tool.meanwhile = Effect.void
        yield* it.ask(syncNow)
        expect(changesOf(it.store).at(-1)).toMatchObject({ change: "completed", origin: "own-act", isInferred: false })
      })
    ),
  )
})

describe("a read", () => {
  it.effect(
    "edge case 3 - that ends without a position is none: the cursor stays, and nothing is taken back",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        const { fetchSignals } = it.tool.connector
        Object.assign(it.tool.connector, {
          fetchSignals: (request: Parameters<typeof fetchSignals>[0]) =>
            Stream.filter(fetchSignals(request), ({ _tag }) => _tag !== "Position"),
        })
        it.tool.snapshots = 1
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ code: "ProviderUnavailable" })
        expect(connection(it.store)).toMatchObject({ cursor: "1", failures: 1 })
        expect(it.store.row().tasks.size).toBe(1)
      })
    ),
  )

  it.effect(
    "edge case 5 - of what is absent more than the tool is asked about, or can say, the end is unknown",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(...Array.from({ length: 60 }, (_, n) => task(`t${n}`)))
        yield* it.connect()
        for (let n = 0; n < 21; n += 1) it.tool.forget(`t${n}`)
        it.tool.snapshots = 1
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 21 })
        expect(it.tool.asked).toEqual([])
        Object.assign(it.tool.connector, { whereabouts: () => Effect.fail(unavailable) })
        it.tool.forget("t30")
        it.tool.snapshots = 1
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced", changes: 1 })
        const gone = changesOf(it.store).slice(60)
        expect(
          gone.every(({ change, isInferred, removal }) => change === "removed" && removal === "unknown" && isInferred),
        ).toBe(true)
      })
    ),
  )
})

describe("acts", () => {
  it.effect(
    "of tasks that do not recur are sent at once, and read about afterwards",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("2", { due: weekly("2026-06-10") }))
        yield* it.connect()
        it.store.acts.push(act("1"))
        yield* it.ask(acts)
        expect(it.tool.requests.slice(1).map(({ kind }) => kind)).toEqual(["act", "read"])
        it.store.acts.push(act("2", "2026-06-10"))
        yield* it.ask(acts)
        expect(it.tool.requests.slice(3).map(({ kind }) => kind)).toEqual(["read", "act", "read"])
      })
    ),
  )
})

describe("an account's pace", () => {
  it.effect(
    "edge case 23 - asked too often the tool is left alone for a moment, but for what a person wants",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        const webhook: UserMessage = { _tag: "Webhook", provider: "todoist", completedTaskIds: [] }
        for (let n = 0; n < 60; n += 1) yield* it.ask(webhook)
        expect(yield* Effect.flip(it.ask(webhook))).toMatchObject({ _tag: "SyncFailed", code: "Paced" })
        expect(it.tool.requests).toHaveLength(61)
        expect(connection(it.store)).toMatchObject({ failures: 0, nextSyncAtMs: startMs + 3_000 })
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced" })
        yield* TestClock.adjust("10 minutes")
        expect(yield* it.ask(webhook)).toMatchObject({ status: "synced" })
      })
    ),
  )

  it.effect(
    "many who ask on the same old data ask the tool once",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        yield* TestClock.adjust("1 minute")
        yield* Effect.all([it.ask(stale), it.ask(stale), it.ask(stale)], { concurrency: 3 })
        expect(it.tool.requests).toHaveLength(2)
      })
    ),
  )
})

describe("the lease", () => {
  it.effect(
    "is renewed while the tool takes its time; who lost it stops at once",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.meanwhile = Effect.never
        const asking = yield* Effect.forkChild(Effect.flip(it.ask(syncNow)))
        yield* TestClock.adjust("9 seconds")
        it.store.row().epoch += 1
        yield* TestClock.adjust("1 second")
        expect(asking.pollUnsafe()).toBeDefined()
        expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "ActorBusy" })
      })
    ),
  )

  it.effect(
    "not renewed for want of the store ends nothing by itself",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        const { renew } = it.store.service
        Object.assign(it.store.service, {
          renew: () => Effect.fail(new StoreUnavailable({ operation: "leases.renew", cause: new Error("away") })),
        })
        it.tool.open(task("1"))
        it.tool.meanwhile = Effect.sleep("25 seconds")
        const asking = yield* Effect.forkChild(it.ask(syncNow))
        yield* TestClock.adjust("25 seconds")
        expect(yield* Fiber.join(asking)).toMatchObject({ changes: 1 })
        Object.assign(it.store.service, { renew })
      })
    ),
  )
})

describe("leaving", () => {
  it.effect(
    "edge case 31 - what could not be taken back is owed for a day and no longer",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.revokeFailure = unavailable
        yield* it.ask(disconnect)
        expect(it.store.commits.at(-1)!.revocation!.expiresAtMs).toBe(startMs + 86_400_000)
      })
    ),
  )
})

describe("a credential", () => {
  it.effect(
    "sealed by an older key is sealed by the newest with the next commit",
    world((it) =>
      Effect.gen(function* () {
        const old = yield* TokenVault.use((one) => one.seal(anna, "todoist", credentialOf(token))).pipe(
          Effect.provide(oldVault),
        )
        yield* it.ask({ _tag: "Connect", provider: "todoist", sealed: old, replaces: false })
        expect(keyIdOf(connection(it.store).sealedToken!)).toBe("k0")
        yield* it.ask(syncNow)
        expect(keyIdOf(connection(it.store).sealedToken!)).toBe("k1")
        yield* it.ask(syncNow)
        expect(it.tool.requests.map((one) => one.token)).toEqual([token, token, token])
      })
    ),
  )
})

describe("connecting again", () => {
  it.effect(
    "edge case 40 - the credential that is not used any more is taken back, with the commit that writes over it",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(...Array.from({ length: 700 }, (_, n) => task(`t${n}`)))
        yield* it.connect()
        const kept = connection(it.store).sealedToken
        it.tool.open(...Array.from({ length: 600 }, (_, n) => task(`t${n}`, { title: "new" })))
        yield* it.connect(credentialOf("another-token"))
        const owed = it.store.commits.slice(2).map(({ revocation }) => revocation)
        expect(owed).toHaveLength(2)
        expect(owed[0]).toMatchObject({ sealed: kept, expiresAtMs: startMs + 86_400_000 })
        expect(owed[1]).toBeNull()
        expect(it.store.owed.size).toBe(1)
      })
    ),
  )

  it.effect(
    "edge case 40 - one that was refused is not taken back: a tool that ends all access with it would do so for ever",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: rejected })
        yield* Effect.flip(it.ask(syncNow))
        yield* it.connect(credentialOf("another-token"))
        expect([it.store.owed.size, connection(it.store).status]).toEqual([0, "connected"])
      })
    ),
  )

  it.effect(
    "edge case 40 - with the same token, or one that never worked, takes nothing back",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        yield* it.connect()
        it.tool.failures.push({ error: rejected })
        yield* Effect.flip(it.connect(credentialOf("wrong")))
        expect(it.store.owed.size).toBe(0)
        it.tool.accountId = "account-2"
        yield* it.connect(credentialOf("other"), true)
        expect(it.store.owed.size).toBe(1)
      })
    ),
  )
})

describe("two tools of one user", () => {
  it.effect(
    "what one refuses is that one's: the other is synced, and the answer is a sync's",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        const other = new Tool()
        other.failures.push({ error: rejected })
        const both = [it.tool.connector, { ...other.connector, provider: "ical" as const }]
        const { open, commit } = it.store.service
        const calendar = { ...connection(it.store), provider: "ical" as const }
        const statuses: Array<string> = []
        Object.assign(it.store.service, {
          open: (owner: Parameters<typeof open>[0]) =>
            Effect.map(open(owner), (session) => ({ ...session, connections: [calendar, ...session.connections] })),
          commit: (...[lease, step]: Parameters<typeof commit>) => {
            if (step.connection.provider !== "ical") return commit(lease, step)
            statuses.push(step.connection.status)
            return Effect.succeed(step.connection)
          },
        })
        const connectors = yield* Connectors
        Object.assign(connectors, { of: (name: string) => both.find(({ provider }) => provider === name) })
        it.tool.open(task("1"))
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced", changes: 1 })
        expect(statuses).toEqual(["needs-reconnect"])
      })
    ),
  )
})
