/** The edge cases of a sync that are the actor's to get right, by their numbers in the connector notes. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { TaskDue } from "../../schemas/Task.ts"
import { ProviderGone, ProviderUnavailable, ScopeMissing } from "../connectors/Connector.ts"
import type { UserMessage } from "./Actors.ts"
import { rateLimited, task, unavailable } from "./userSync.fixture.ts"
import { connection, startMs, syncNow, typesOf, world } from "./userSyncWorld.fixture.ts"

const weekly = (date: string): TaskDue => ({ date, atMs: null, isRecurring: true })
const act = (taskId: string, expectedDue: string | null = null) => ({
  actId: `act-${taskId}`,
  kind: "complete" as const,
  taskId,
  expectedDue,
  outcome: undefined,
})
const stale: UserMessage = { _tag: "SyncNow", provider: null, reason: "stale" }

describe("the cursor", () => {
  it.effect(
    "edge case 3 - does not move when a read breaks off, and what was committed before is told once",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.open(...Array.from({ length: 1_200 }, (_, n) => task(`t${n}`)))
        it.tool.failures.push({ error: unavailable, late: true, on: "read" })
        yield* Effect.flip(it.ask(syncNow))
        expect(connection(it.store)).toMatchObject({ cursor: "0", failures: 1 })
        expect(it.store.row().tasks.size).toBe(500)
        yield* TestClock.adjust(5_000)
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 700 })
        expect(connection(it.store).cursor).toBe("1200")
        expect(typesOf(it.store).filter((type) => type === "signals.task.appeared")).toHaveLength(1_200)
      })
    ),
  )

  it.effect(
    "of a first read that breaks off is none, and the queue brings the user round to read the rest",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(...Array.from({ length: 1_200 }, (_, n) => task(`t${n}`)))
        it.tool.failures.push({ error: unavailable, late: true, on: "read" })
        expect(yield* Effect.flip(it.connect())).toMatchObject({ _tag: "SyncFailed", retryAtMs: startMs + 60_000 })
        expect(connection(it.store)).toMatchObject({ cursor: null, nextSyncAtMs: startMs + 60_000 })
        expect(it.store.row().tasks.size).toBe(500)
        expect(yield* it.ask({ _tag: "SyncNow", provider: "todoist", reason: "due" })).toMatchObject({ changes: 700 })
      })
    ),
  )

  it.effect(
    "edge case 37 - of a large account moves with the last chunk; none holds more than 500 tasks",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(...Array.from({ length: 1_700 }, (_, n) => task(`t${n}`)))
        expect(yield* it.connect()).toMatchObject({ changes: 1_700 })
        expect(it.store.commits.map(({ changes }) => changes.length)).toEqual([500, 500, 500, 200])
        expect(it.store.commits.map(({ connection: { cursor } }) => cursor)).toEqual([null, null, null, "1700"])
        expect(typesOf(it.store).filter((type) => type === "signals.connection.connected")).toHaveLength(1)
      })
    ),
  )

  it.effect(
    "edge case 4 - polls of one user at once are one after the other, and each goes on from the one before",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.open(task("1"))
        yield* Effect.all([it.ask(syncNow), it.ask(syncNow), it.ask(syncNow)], { concurrency: 3 })
        expect(it.tool.requests.map(({ cursor }) => cursor)).toEqual([null, "0", "1", "1"])
      })
    ),
  )
})

describe("a snapshot", () => {
  it.effect(
    "edge case 5 - that comes though a token was sent is reconciled, and what is absent is asked about",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("kept"), task("done"), task("deleted"), task("there"))
        yield* it.connect()
        for (const id of ["done", "deleted", "there"]) it.tool.forget(id)
        it.tool.whereabouts.set("done", "completed").set("deleted", "deleted").set("there", "open")
        it.tool.snapshots = 1
        yield* it.ask(syncNow)
        expect(it.tool.asked).toEqual([["done", "deleted", "there"]])
        expect(typesOf(it.store).slice(5)).toEqual(["signals.task.completed", "signals.task.removed"])
        expect([...it.store.row().tasks.keys()]).toEqual(["kept", "there"])
      })
    ),
  )

  it.effect(
    "edge case 8 - that is empty for a user who had many is read once more before anything is taken back",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(...Array.from({ length: 30 }, (_, n) => task(`t${n}`)))
        yield* it.connect()
        it.tool.snapshots = 1
        it.tool.emptySnapshots = 1
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 0 })
        expect(it.store.row().tasks.size).toBe(30)
        expect(it.tool.requests.map(({ cursor }) => cursor)).toEqual([null, "30", null])
        it.tool.snapshots = 1
        it.tool.emptySnapshots = 2
        expect(yield* it.ask(syncNow)).toMatchObject({ changes: 30 })
      })
    ),
  )

  it.effect(
    "that says of a parent that it was completed, and nothing of its subtask, ends the subtask once",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("parent"), task("child", { parentId: "parent" }))
        yield* it.connect()
        it.tool.change({ task: task("parent"), state: "completed" })
        it.tool.forget("child")
        it.tool.snapshots = 1
        it.tool.snapshotsTellEnds = true
        yield* it.ask(syncNow)
        const last = it.store.commits.at(-1)?.changes.map(({ task: { taskId } }) => taskId)
        expect(last).toEqual(["parent", "child"])
      })
    ),
  )

  it.effect(
    "edge case 18 - of which one task was not understood does not take that task back",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("odd"))
        yield* it.connect()
        it.tool.forget("odd")
        it.tool.quarantined = ["odd"]
        it.tool.snapshots = 1
        yield* it.ask(syncNow)
        expect([...it.store.row().tasks.keys()]).toEqual(["1", "odd"])
      })
    ),
  )
})

describe("acting", () => {
  it.effect(
    "edge case 20 - a recurring task that moved on is a conflict, and nothing is sent",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("seen", { due: weekly("2026-06-10") }), task("moved", { due: weekly("2026-06-10") }))
        yield* it.connect()
        it.store.acts.push(act("seen", "2026-06-10"), act("moved", "2026-06-10"))
        it.tool.open(task("moved", { due: weekly("2026-06-17") }))
        yield* it.ask({ _tag: "SyncNow", provider: null, reason: "acts" })
        expect(it.tool.executed).toEqual(["act-seen"])
        expect(it.store.acts.map(({ outcome }) => outcome).sort()).toEqual(["conflict", "done"])
        expect(it.tool.requests.map(({ kind }) => kind)).toEqual(["read", "read", "act", "read"])
      })
    ),
  )

  it.effect(
    "edge case 20 - the same id is sent again after any unknown outcome, and the tool executes it once",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.store.acts.push(act("1"))
        it.tool.failures.push({ error: unavailable, late: true, on: "act" })
        yield* Effect.flip(it.ask(syncNow))
        yield* it.ask(syncNow)
        expect(it.tool.requests.flatMap(({ acts }) => acts)).toEqual(["act-1", "act-1"])
        expect(it.tool.executed).toEqual(["act-1"])
      })
    ),
  )

  it.effect(
    "edge case 20 - a recurring task that was completed without an answer counts as done, and is not completed again",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1", { due: weekly("2026-06-10") }))
        it.tool.occurrences.set("1", task("1", { due: weekly("2026-06-17") }))
        yield* it.connect()
        it.store.acts.push(act("1", "2026-06-10"))
        it.tool.failures.push({ error: unavailable, late: true, on: "act" })
        yield* Effect.flip(it.ask(syncNow))
        yield* it.ask(syncNow)
        expect(it.store.acts[0]!.outcome).toBe("done")
        expect(it.tool.requests.filter(({ kind }) => kind === "act")).toHaveLength(1)
        const changes = it.store.commits.flatMap(({ changes }) => changes)
        expect(changes.at(-1)).toMatchObject({ change: "occurrence_completed", origin: "own-act", isInferred: false })
      })
    ),
  )

  it.effect(
    "a process that was stopped before it acts finds out that its lease is over, and sends nothing",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1", { due: weekly("2026-06-10") }))
        yield* it.connect()
        it.store.acts.push(act("1", "2026-06-10"))
        it.store.beforeSending = () => void (it.store.row().epoch += 1)
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ActorBusy" })
        expect(it.tool.executed).toEqual([])
      })
    ),
  )

  it.effect(
    "edge case 22 - the echo of our own act is no news of the user, also when its reply was lost",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"), task("2"))
        yield* it.connect()
        it.store.acts.push(act("1"))
        it.tool.failures.push({ error: unavailable, late: true, on: "act" })
        yield* Effect.flip(it.ask(syncNow))
        it.tool.change({ task: task("2"), state: "completed" })
        yield* it.ask(syncNow)
        const completed = it.store.commits.flatMap(({ changes }) => changes).filter(({ change }) =>
          change === "completed"
        )
        expect(completed.map(({ origin, task: { taskId } }) => `${origin} ${taskId}`).sort())
          .toEqual(["observed 2", "own-act 1"])
      })
    ),
  )

  it.effect(
    "edge case 24 - without the scope settles as forbidden; the connection lives and goes on being read",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.store.acts.push(act("1"))
        it.tool.failures.push({ error: new ScopeMissing({ provider: "todoist" }), on: "act" })
        yield* it.ask(syncNow)
        expect(it.store.acts[0]!.outcome).toBe("forbidden")
        expect(connection(it.store)).toMatchObject({ status: "connected", failures: 0 })
        // Nothing was done, so nothing new is to be read: the first is of the connecting.
        expect(it.tool.requests.map(({ kind }) => kind)).toEqual(["read", "read", "act"])
      })
    ),
  )
})

describe("a provider in trouble", () => {
  it.effect(
    "that a person tries again and again during an outage is tried by itself no later for that",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: unavailable })
        yield* Effect.flip(it.ask(syncNow))
        const plannedMs = connection(it.store).nextSyncAtMs!
        for (let n = 0; n < 10; n++) {
          it.tool.failures.push({ error: unavailable })
          yield* Effect.flip(it.ask(syncNow))
        }
        expect(connection(it.store).failures).toBe(1)
        expect(connection(it.store).nextSyncAtMs).toBeLessThanOrEqual(plannedMs)
      })
    ),
  )

  it.effect(
    "that is not called at all, because its circuit is open, is no failure of the user",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        const open = { provider: "todoist", reason: "circuit-open", status: null, retryAfterMs: null } as const
        for (let n = 0; n < 10; n++) {
          it.tool.failures.push({ error: new ProviderUnavailable(open) })
          yield* Effect.flip(it.ask({ _tag: "SyncNow", provider: "todoist", reason: "due" }))
          yield* TestClock.setTime(connection(it.store).nextSyncAtMs!)
        }
        expect(connection(it.store).failures).toBe(1)
        expect(connection(it.store).nextSyncAtMs! - startMs).toBeLessThanOrEqual(10 * 16_000)
      })
    ),
  )

  it.effect(
    "edge case 23 - that limits the rate is not asked for a claim that another sync went before",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: rateLimited(600_000) })
        yield* Effect.flip(it.ask(syncNow))
        const due: UserMessage = { _tag: "SyncNow", provider: "todoist", reason: "due" }
        expect(yield* Effect.flip(it.ask(due))).toMatchObject({ code: "RateLimited", retryAtMs: startMs + 600_000 })
        expect(it.tool.requests).toHaveLength(2)
        yield* TestClock.adjust(600_000)
        expect(yield* it.ask(due)).toMatchObject({ status: "synced" })
      })
    ),
  )

  it.effect(
    "edge case 23 - that limits the rate is left alone for as long as it says, also by webhooks and stale data",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        yield* TestClock.adjust(60_000)
        it.tool.failures.push({ error: rateLimited(513_000) })
        yield* Effect.flip(it.ask(syncNow))
        for (const message of [stale, { _tag: "Webhook", provider: "todoist", completedTaskIds: [] } as const]) {
          expect(yield* Effect.flip(it.ask(message))).toMatchObject({ code: "RateLimited" })
        }
        expect(it.tool.requests).toHaveLength(2)
        expect(connection(it.store).nextSyncAtMs).toBe(startMs + 60_000 + 513_000)
      })
    ),
  )

  it.effect(
    "edge case 28 - that ended the API version is nobody's own problem: tried again by the hour, still connected",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: new ProviderGone({ provider: "todoist" }) })
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ code: "ProviderGone" })
        expect(connection(it.store)).toMatchObject({ status: "connected", nextSyncAtMs: startMs + 3_600_000 })
      })
    ),
  )
})

describe("the lease", () => {
  it.effect(
    "lost while a read is under way: nothing is written, and who asked is told to come again",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.open(task("1"))
        it.tool.meanwhile = Effect.sync(() => void (it.store.row().epoch += 1))
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ActorBusy" })
        expect([it.store.commits.length, it.store.row().tasks.size]).toEqual([1, 0])
      })
    ),
  )

  it.effect(
    "of another node is waited for a while, then the answer is to come again",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.store.row().heldElsewhere = true
        const asking = yield* Effect.forkChild(Effect.flip(it.ask(syncNow)))
        yield* TestClock.adjust("10 seconds")
        expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "ActorBusy" })
        const patient = yield* Effect.forkChild(it.ask(syncNow))
        yield* TestClock.adjust("200 millis")
        it.store.row().heldElsewhere = false
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(patient)).toMatchObject({ status: "synced" })
      })
    ),
  )

  it.effect(
    "is let go of after each message, also one that failed or hung",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect()
        it.tool.failures.push({ error: unavailable })
        yield* Effect.flip(it.ask(syncNow))
        expect(it.store.closed).toBe(2)
        const hanging = yield* Deferred.make<void>()
        it.tool.meanwhile = Deferred.await(hanging)
        const asking = yield* Effect.forkChild(Effect.flip(it.ask(syncNow)))
        yield* TestClock.adjust("90 seconds")
        expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "ActorBusy" })
        expect(it.store.closed).toBe(3)
      })
    ),
  )
})
