/** The connector against a Todoist somebody else wrote: the simulator, over a real socket. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import type { Act } from "../Connector.ts"
import { type Gathered, readAll } from "./fixtures/readAll.ts"
import { type SimTask, simulated } from "./fixtures/simulated.ts"

const start = Effect.fnUntraced(function* () {
  const sim = yield* simulated()
  return {
    ...sim,
    sync: Effect.fnUntraced(function* ({ cursor }: { readonly cursor?: string } = {}, timeoutMs?: number) {
      const connector = yield* sim.connect(timeoutMs === undefined ? {} : { timeoutMs })
      return yield* readAll(connector, sim.personal, cursor ?? null)
    }),
    act: Effect.fnUntraced(function* (acts: ReadonlyArray<Act>) {
      return yield* (yield* sim.connect()).act({ credential: sim.personal, acts })
    }),
  }
})

const closing = (taskId: string): Act => ({ actId: randomUUID(), kind: "complete", taskId })

const idsOf = (tasks: Gathered["tasks"]) => tasks.map(({ task }) => task.taskId).sort()

const openIn = (tasks: ReadonlyArray<SimTask>) =>
  tasks.filter((task) => !task.checked && !task.is_deleted).map(({ id }) => id).sort()

const find = <A>(all: ReadonlyArray<A>, holds: (one: A) => boolean): A => {
  const found = all.find(holds)
  if (found === undefined) throw new Error("the demo account has changed: nothing suits this test")
  return found
}

describe("todoist simulator", () => {
  it.live("todoist simulator - the first sync is the whole account, the next one nothing", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const first = yield* sim.sync()
      expect(first).toMatchObject({ isSnapshot: true, timeZone: "Europe/Berlin", quarantined: [] })
      expect(first.tasks.length).toBeGreaterThan(40)
      expect(idsOf(first.tasks)).toEqual(openIn(yield* sim.tasks))
      const next = yield* sim.sync({ cursor: first.cursor })
      expect(next).toMatchObject({ isSnapshot: false, tasks: [], timeZone: "Europe/Berlin" })
    }))

  it.live("todoist simulator - an act closes its task once, however often it is sent", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const tasks = yield* sim.tasks
      const { cursor } = yield* sim.sync()
      const once = find(tasks, (task) => !task.checked && !task.is_recurring)
      const recurring = find(tasks, (task) => task.is_recurring)
      const acts = [closing(once.id), closing("6X7rM8997g3RQmvh"), closing(recurring.id)]

      const acted = yield* sim.act(acts)
      expect(acted.map(({ outcome }) => outcome)).toEqual(["done", "missing", "done"])
      const done = yield* sim.sync({ cursor })
      const seen = new Map(done.tasks.map(({ task, state }) => [task.taskId, { state, date: task.due?.date }]))
      expect(seen.get(once.id)?.state).toBe("completed")
      expect(seen.get(recurring.id)?.state).toBe("open")
      expect(seen.get(recurring.id)?.date).not.toBe(recurring.due?.slice(0, 10))

      expect(yield* sim.act(acts)).toEqual(acted)
      expect((yield* sim.sync({ cursor })).tasks).toEqual(done.tasks)
      expect(yield* sim.executed(recurring.id)).toEqual({ item_close: 1 })
      expect(yield* sim.executed(once.id)).toEqual({ item_close: 1 })
    }))

  it.live("todoist simulator - a reply lost after the act was carried out loses nothing and repeats nothing", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const recurring = find(yield* sim.tasks, (task) => task.is_recurring)
      const { cursor } = yield* sim.sync()
      const acts = [closing(recurring.id)]
      yield* sim.fault({ fault: "reset-after-commit", times: 5 })
      expect(yield* Effect.flip(sim.act(acts))).toMatchObject({
        _tag: "ProviderUnavailable",
        reason: "connection",
      })
      yield* sim.clearFaults
      expect(yield* sim.act(acts)).toEqual([{ actId: acts[0]?.actId, outcome: "done" }])
      const after = yield* sim.sync({ cursor })
      expect(idsOf(after.tasks)).toEqual([recurring.id])
      expect(yield* sim.executed(recurring.id)).toEqual({ item_close: 1 })
    }))

  it.live("todoist simulator - a sync token it no longer takes, refused or silently dropped, ends in a snapshot", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const first = yield* sim.sync()
      for (const mode of ["reject", "silent-full"]) {
        const task = find(yield* sim.tasks, (task) => !task.checked && !task.is_recurring)
        yield* sim.fault({ fault: "invalid-sync-token", mode })
        const result = yield* sim.sync({ cursor: first.cursor })
        expect(result.isSnapshot).toBe(true)
        expect(idsOf(result.tasks)).toEqual(openIn(yield* sim.tasks))
        expect(idsOf(result.tasks)).toContain(task.id)
        expect(yield* sim.sync({ cursor: result.cursor })).toMatchObject({ isSnapshot: false, tasks: [] })
      }
    }))

  it.live("todoist simulator - renaming, archiving and bringing back a project show in its tasks", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const first = yield* sim.sync()
      const project = find(yield* sim.projects, ({ name }) => name !== "Inbox")
      const inProject = (result: Gathered, name: string) => result.tasks.filter(({ task }) => task.projectName === name)
      const size = inProject(first, project.name).length
      expect(size).toBeGreaterThan(0)

      yield* sim.command("project_update", { id: project.id, name: "Renamed" })
      const renamed = yield* sim.sync({ cursor: first.cursor })
      expect(renamed.isSnapshot).toBe(true)
      expect(inProject(renamed, "Renamed").length).toBe(size)

      yield* sim.command("project_archive", { id: project.id })
      const archived = yield* sim.sync({ cursor: renamed.cursor })
      expect(archived.isSnapshot).toBe(true)
      expect(archived.tasks.length).toBe(first.tasks.length - size)

      yield* sim.command("project_unarchive", { id: project.id })
      const back = yield* sim.sync({ cursor: archived.cursor })
      expect(back.isSnapshot).toBe(true)
      expect(idsOf(back.tasks)).toEqual(idsOf(first.tasks))
    }))

  it.live("todoist simulator - a stale snapshot is brought up to date before it is returned", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      sim.clock.offsetMs = 3_600_000
      const project = find(yield* sim.projects, ({ name }) => name !== "Inbox")
      yield* sim.command("item_add", { content: "Just thought of", project_id: project.id })
      yield* sim.command("item_close", { id: find(yield* sim.tasks, (task) => !task.is_recurring && !task.checked).id })
      sim.clock.offsetMs = 0
      const open = openIn(yield* sim.tasks)
      // Ten minutes before now nothing of this had happened; by the server's own clock the reply is ten minutes old.
      yield* sim.fault({ fault: "stale-snapshot" })
      const result = yield* sim.sync()
      expect(result.isSnapshot).toBe(true)
      expect(idsOf(result.tasks)).toEqual(open)
      expect(yield* sim.sync({ cursor: result.cursor })).toMatchObject({ isSnapshot: false, tasks: [] })
    }))

  it.live("todoist simulator - one odd item is left out and counted, the rest is read", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const open = openIn(yield* sim.tasks)
      for (const shape of ["unknown-unit", "missing-content", "due-date-number"]) {
        yield* sim.fault({ fault: "unknown-enum", shape })
        const result = yield* sim.sync()
        expect(result.quarantined.length).toBe(1)
        expect(result.tasks.length).toBe(open.length - 1)
      }
    }))

  it.live("todoist simulator - each of its refusals means one thing", () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const { cursor } = yield* sim.sync()
      const meanings: ReadonlyArray<readonly [string, object]> = [
        ["401", { _tag: "TokenRejected" }],
        ["403-invalid-token", { _tag: "TokenRejected" }],
        ["403-scope", { _tag: "ScopeMissing" }],
        ["429", { _tag: "RateLimited", retryAfterMs: 17_000 }],
        ["429-body-only", { _tag: "RateLimited", retryAfterMs: 17_000 }],
        ["500", { _tag: "ProviderUnavailable", reason: "server-error", status: 500 }],
        ["502-html", { _tag: "ProviderUnavailable", reason: "html", status: 502 }],
        ["503", { _tag: "ProviderUnavailable", reason: "server-error", status: 503 }],
        ["410-text", { _tag: "ProviderGone" }],
        ["reset-before-commit", { _tag: "ProviderUnavailable", reason: "connection" }],
        ["truncated-json", { _tag: "ProviderUnavailable", reason: "malformed" }],
      ]
      for (const [fault, meaning] of meanings) {
        // Several: a runtime may send a request again by itself when a connection dies under it.
        yield* sim.fault({ fault, retryAfterSeconds: 17, times: 5 })
        expect(yield* Effect.flip(sim.sync({ cursor })), fault).toMatchObject(meaning)
        yield* sim.clearFaults
      }
      yield* sim.fault({ fault: "slow", delayMs: 60_000 })
      expect(yield* Effect.flip(sim.sync({ cursor }, 60))).toMatchObject({ reason: "timeout" })
      expect(yield* sim.sync({ cursor })).toMatchObject({ isSnapshot: false, tasks: [] })
    }))
})
