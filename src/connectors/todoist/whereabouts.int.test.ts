/** What became of tasks that are absent from a snapshot. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { syncFull } from "./fixtures/fixture.ts"
import { connect, credentialOf, readAll, token } from "./fixtures/readAll.ts"
import { simulated } from "./fixtures/simulated.ts"
import { ok, type Responder, send, stub } from "./fixtures/stub.ts"

const milk = { ...syncFull.items[0], responsible_uid: null, due: null }

const notFound = send(404, { error: "Task not found", error_code: 478, error_tag: "NOT_FOUND" })
const forbidden = send(403, { error: "Forbidden", error_code: 32, error_tag: "FORBIDDEN" })
const noneCompleted = ok({ items: [], next_cursor: null })

/** The verdict on the tasks when the server answers so, and what it was asked. */
const verdict = Effect.fnUntraced(function* (ids: ReadonlyArray<string>, ...responders: ReadonlyArray<Responder>) {
  const server = yield* stub(...responders)
  const connector = yield* connect(server)
  const found = yield* connector.whereabouts(credentialOf(token), ids)
  return { found: Object.fromEntries(found), asked: server.received.map(({ url }) => url.split("?")[0]?.slice(7)) }
})

describe("todoist whereabouts", () => {
  it.live("edge case 5 - after a full reply nobody asked for, completed, deleted and hidden are told apart", () =>
    Effect.gen(function* () {
      const sim = yield* simulated()
      const connector = yield* sim.connect()
      const before = yield* readAll(connector, sim.personal, null)
      const projects = yield* sim.projects
      const shelf = projects.find(({ name }) =>
        name !== "Inbox" && before.tasks.filter(({ task }) => task.projectName === name).length > 1
      )!
      const hidden = before.tasks.find(({ task }) => task.projectName === shelf.name)!.task.taskId
      const open = (yield* sim.tasks).filter((task) => !task.checked && !task.is_deleted)
      const others = before.tasks.filter(({ task }) => task.projectName !== shelf.name && task.parentId === null)
        .map(({ task }) => open.find(({ id }) => id === task.taskId)!)
      const [done, deleted, still] = others.filter(({ is_recurring: recurs }) => !recurs)
      const recurring = others.find(({ is_recurring: recurs }) => recurs)!
      // A recurring task is among the completed ones each time it is done, and is deleted all the same.
      yield* sim.command("item_close", { id: recurring.id })
      yield* sim.command("item_close", { id: done!.id })
      for (const { id } of [deleted!, recurring]) yield* sim.command("item_delete", { id })
      yield* sim.command("project_archive", { id: shelf.id })
      yield* sim.fault({ fault: "invalid-sync-token", mode: "silent-full" })
      const after = yield* readAll(connector, sim.personal, before.cursor)
      expect(after.isSnapshot).toBe(true)
      const shown = after.tasks.map(({ task }) => task.taskId)
      for (const id of [done!.id, deleted!.id, recurring.id, hidden]) expect(shown).not.toContain(id)
      const asked = [done!.id, deleted!.id, recurring.id, hidden, still!.id, "6X7rM8997g3RQmvh"]
      expect(Array.from(yield* connector.whereabouts(sim.personal, asked))).toEqual([
        [done!.id, "completed"],
        [deleted!.id, "deleted"],
        [recurring.id, "deleted"],
        [hidden, "withdrawn"],
        [still!.id, "open"],
        ["6X7rM8997g3RQmvh", "deleted"],
      ])
    }))

  it.live("edge case 13 - tasks of a deleted project were deleted, whether or not tombstones came", () =>
    Effect.gen(function* () {
      for (const projectDelete of ["tombstones", "vanish"] as const) {
        const sim = yield* simulated({ switches: { projectDelete } })
        const connector = yield* sim.connect()
        const before = yield* readAll(connector, sim.personal, null)
        const project = (yield* sim.projects).find(({ name }) =>
          name !== "Inbox" && before.tasks.some(({ task }) => task.projectName === name)
        )!
        const { taskId } = before.tasks.find(({ task }) => task.projectName === project.name)!.task
        yield* sim.command("project_delete", { id: project.id })
        const after = yield* readAll(connector, sim.personal, before.cursor)
        expect(after.isSnapshot).toBe(true)
        expect(after.tasks.map(({ task }) => task.taskId)).not.toContain(taskId)
        expect(Array.from((yield* connector.whereabouts(sim.personal, [taskId])).values())).toEqual([
          projectDelete === "tombstones" ? "deleted" : expect.stringMatching(/^(deleted|withdrawn)$/),
        ])
      }
    }))

  it.live("edge case 5 - a few tasks cost a call each, many are looked up in the list of completed ones first", () =>
    Effect.gen(function* () {
      const completed = (id: string) => ({ ...milk, id, checked: true })
      expect(yield* verdict(["a1"], ok(completed("a1")))).toEqual({
        found: { a1: "completed" },
        asked: ["/tasks/a1"],
      })
      // A recurring task is listed each time it is done: that says nothing of what it is now.
      const recurring = { ...completed("a3"), due: { date: "2026-12-01", is_recurring: true, string: "daily" } }
      const page = ok({ items: [completed("a1"), completed("a2"), recurring], next_cursor: null })
      expect(yield* verdict(["a1", "a2", "a3"], page, ok({ ...milk, id: "a3", project_id: null }))).toEqual({
        found: { a1: "completed", a2: "completed", a3: "open" },
        asked: ["/tasks/completed/by_completion_date", "/tasks/a3"],
      })
    }))

  it.live("edge case 5 - a task Todoist does not show by itself is completed if it is listed so, else deleted", () =>
    Effect.gen(function* () {
      const list = ok({ items: [{ ...milk, id: "a1", checked: true }], next_cursor: null })
      expect((yield* verdict(["a1"], notFound, list)).found).toEqual({ a1: "completed" })
      const both = yield* verdict(["a1", "a2"], notFound, noneCompleted, notFound)
      expect(both.found).toEqual({ a1: "deleted", a2: "deleted" })
      expect(both.asked.length).toBe(3)
    }))

  it.live("edge case 39 - where the plan has no list of completed tasks, nobody knows, and that is no error", () =>
    Effect.gen(function* () {
      for (const refusal of [forbidden, send(402, ""), notFound]) {
        expect((yield* verdict(["a1"], notFound, refusal)).found).toEqual({ a1: "unknown" })
        const found = yield* verdict(["a1", "a2", "a3"], refusal, ok({ ...milk, checked: true }), notFound, notFound)
        expect(found.found).toEqual({ a1: "completed", a2: "unknown", a3: "unknown" })
      }
    }))

  it.live("edge case 39 - a list that does not end is cut, and what is not in it is unknown", () =>
    Effect.gen(function* () {
      const more = ok({ items: [], next_cursor: "more" })
      const { found, asked } = yield* verdict(["a1"], notFound, more, more, more, more, more)
      expect(found).toEqual({ a1: "unknown" })
      expect(asked.length).toBe(6)
    }))

  it.live("edge case 14 - a task given to somebody else is withdrawn, one given to the user is open", () =>
    Effect.gen(function* () {
      const user = ok({ id: "40112233", full_name: "Ada" })
      const given = (responsible_uid: string) => ok({ ...milk, project_id: null, responsible_uid })
      const { found, asked } = yield* verdict(["a1", "a2"], given("55667788"), user, given("40112233"))
      expect(found).toEqual({ a1: "withdrawn", a2: "open" })
      expect(asked).toEqual(["/tasks/a1", "/user", "/tasks/a2"])
    }))

  it.live("edge case 13 - a task in a project out of sight is withdrawn, and the project is asked for once", () =>
    Effect.gen(function* () {
      for (const project of [forbidden, notFound, ok({ is_archived: true }), ok({ is_deleted: true })]) {
        const { found, asked } = yield* verdict(["a1", "a2"], ok(milk), project, ok({ ...milk, id: "a2" }))
        expect(found).toEqual({ a1: "withdrawn", a2: "withdrawn" })
        expect(asked.length).toBe(3)
      }
      expect((yield* verdict(["a1"], ok(milk), ok({ is_archived: false }))).found).toEqual({ a1: "open" })
      expect((yield* verdict(["a1"], forbidden)).found).toEqual({ a1: "withdrawn" })
    }))

  it.live("edge case 18 - a task that makes no sense is unknown, not gone", () =>
    Effect.gen(function* () {
      expect((yield* verdict(["a1"], ok({ ...milk, priority: "high" }))).found).toEqual({ a1: "unknown" })
      expect((yield* verdict(["a1"], ok({ id: "a1", is_deleted: true }))).found).toEqual({ a1: "deleted" })
    }))

  it.live("edge case 27 - a host that fails says nothing about any task", () =>
    Effect.gen(function* () {
      const html = send(404, "<html></html>", { "content-type": "text/html" })
      for (const [responder, tag] of [[send(500, ""), "ProviderUnavailable"], [html, "ProviderRefused"]] as const) {
        expect(yield* Effect.flip(verdict(["a1"], responder))).toMatchObject({ _tag: tag })
      }
      expect(yield* Effect.flip(verdict(["a1"], send(401, "")))).toMatchObject({ _tag: "TokenRejected" })
      expect(yield* Effect.flip(verdict(["a1"], notFound, send(503, "")))).toMatchObject({ reason: "server-error" })
    }))

  it.live("todoist whereabouts - more than twenty at once are a defect and nothing is asked", () =>
    Effect.gen(function* () {
      const server = yield* stub()
      const connector = yield* connect(server)
      const ids = Array.from({ length: 21 }, (_, n) => `a${n}`)
      expect(Exit.isFailure(yield* Effect.exit(connector.whereabouts(credentialOf(token), ids)))).toBe(true)
      expect(server.received).toEqual([])
    }))
})
