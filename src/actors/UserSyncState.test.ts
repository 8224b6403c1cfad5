import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { TaskObservation } from "../connectors/Connector.ts"
import type { Task, TaskDue } from "../../schemas/Task.ts"
import { task } from "./userSync.fixture.ts"
import { changeIdentity, changesOf, nextSyncAtMs, retryAtMs } from "./UserSyncState.ts"
import type { KnownTask, TaskChangeSeen } from "./UserSyncState.ts"

type Known = ReadonlyMap<string, KnownTask>

const due = (date: string, given: Partial<TaskDue> = {}): TaskDue => ({
  date,
  atMs: null,
  isRecurring: false,
  ...given,
})
const known = (...tasks: ReadonlyArray<Task>): Known =>
  new Map(tasks.map((one) => [one.taskId, { task: one, timesPostponed: 0 }]))
const open = (...tasks: ReadonlyArray<Task>): ReadonlyArray<TaskObservation> =>
  tasks.map((one) => ({ task: one, state: "open" }))
const brief = (changes: ReadonlyArray<TaskChangeSeen>) => changes.map(({ change, task }) => `${change} ${task.taskId}`)

/** What the store remembers of a commit. */
const after = (before: Known, changes: ReadonlyArray<TaskChangeSeen>): Known => {
  const next = new Map(before)
  for (const { change, task, timesPostponed } of changes) {
    if (change === "completed" || change === "removed") next.delete(task.taskId)
    else next.set(task.taskId, { task, timesPostponed })
  }
  return next
}

const anyTask: fc.Arbitrary<Task> = fc.record({
  taskId: fc.constantFrom("1", "2", "3", "4"),
  title: fc.constantFrom("a", "b"),
  description: fc.constant(""),
  projectName: fc.option(fc.constant("home")),
  parentId: fc.constant(null),
  labels: fc.subarray(["x", "y"]),
  priority: fc.integer({ min: 1, max: 4 }),
  due: fc.option(fc.record({
    date: fc.constantFrom("2026-06-09", "2026-06-10", "2026-06-11"),
    atMs: fc.option(fc.nat()),
    isRecurring: fc.boolean(),
  })),
  durationMinutes: fc.option(fc.nat(90)),
  addedAtMs: fc.constant(null),
  deepLink: fc.constant(""),
})
const anyTasks = fc.uniqueArray(anyTask, { selector: ({ taskId }) => taskId })
const anyKnown = fc.uniqueArray(fc.record({ task: anyTask, timesPostponed: fc.nat(5) }), {
  selector: ({ task }) => task.taskId,
}).map((all): Known => new Map(all.map((one) => [one.task.taskId, one])))
const anyResult = fc.record({
  isSnapshot: fc.boolean(),
  tasks: fc.uniqueArray(
    fc.record({ task: anyTask, state: fc.constantFrom("open" as const, "completed" as const, "removed" as const) }),
    { selector: ({ task }) => task.taskId },
  ),
})

describe("what a sync changed", () => {
  it("a task nobody knew appeared, one that differs was updated, one that is the same says nothing", () => {
    const before = known(task("1"), task("2"))
    const changes = changesOf(before, {
      isSnapshot: false,
      tasks: open(task("2", { title: "new" }), task("1"), task("3")),
    })
    expect(brief(changes)).toEqual(["updated 2", "appeared 3"])
  })

  it.each<[string, Partial<Task>]>([
    ["title", { title: "new" }],
    ["description", { description: "more" }],
    ["project", { projectName: "home" }],
    ["parent", { parentId: "9" }],
    ["labels", { labels: ["x"] }],
    ["priority", { priority: 4 }],
    ["due day", { due: due("2026-06-10") }],
    ["duration", { durationMinutes: 5 }],
    ["time of adding", { addedAtMs: 5 }],
    ["link", { deepLink: "https://example.org" }],
  ])("another %s is a change", (_field, given) => {
    const result = { isSnapshot: false, tasks: open(task("1", given)) }
    expect(brief(changesOf(known(task("1")), result))).toEqual(["updated 1"])
  })

  it("so is another time of the same day, and becoming recurring", () => {
    const before = known(task("1", { due: due("2026-06-10") }))
    for (const given of [{ atMs: 1 }, { isRecurring: true }]) {
      const result = { isSnapshot: false, tasks: open(task("1", { due: due("2026-06-10", given) })) }
      expect(brief(changesOf(before, result))).toEqual(["updated 1"])
    }
  })

  it("what was completed or removed is told once, and only of what was known", () => {
    const result = {
      isSnapshot: false,
      tasks: [
        { task: task("1"), state: "completed" as const },
        { task: task("2"), state: "removed" as const },
        { task: task("3"), state: "completed" as const },
      ],
    }
    const before = known(task("1"), task("2"))
    const changes = changesOf(before, result)
    expect(brief(changes)).toEqual(["completed 1", "removed 2"])
    expect(changesOf(after(before, changes), result)).toEqual([])
  })

  it("what is absent from a snapshot is gone, as it last stood; from an increment it is only unchanged", () => {
    const before: Known = new Map([["1", { task: task("1", { title: "last" }), timesPostponed: 3 }]])
    expect(changesOf(before, { isSnapshot: true, tasks: [] }))
      .toEqual([{ change: "removed", task: task("1", { title: "last" }), timesPostponed: 3 }])
    expect(changesOf(before, { isSnapshot: false, tasks: [] })).toEqual([])
  })

  it("whatever came, the same again is no change", () => {
    fc.assert(fc.property(anyKnown, anyResult, (before, result) => {
      const now = after(before, changesOf(before, result))
      expect(changesOf(now, result)).toEqual([])
    }))
  })

  it("each task changes at most once, and after a snapshot exactly its open tasks are known", () => {
    fc.assert(fc.property(anyKnown, anyTasks, (before, tasks) => {
      const changes = changesOf(before, { isSnapshot: true, tasks: open(...tasks) })
      expect(new Set(changes.map(({ task }) => task.taskId)).size).toBe(changes.length)
      const now = after(before, changes)
      expect(new Map([...now].map(([id, one]) => [id, one.task]))).toEqual(
        new Map(tasks.map((one) => [one.taskId, one])),
      )
    }))
  })
})

describe("postponing", () => {
  const moved = (before: TaskDue | null, now: TaskDue | null, timesPostponed = 2) => {
    const was = new Map([["1", { task: task("1", { due: before, title: "old" }), timesPostponed }]])
    return changesOf(was, { isSnapshot: false, tasks: open(task("1", { due: now })) })[0]!.timesPostponed
  }

  it("is moving to a later day, and counts each time", () => {
    expect(moved(due("2026-06-10"), due("2026-06-11"))).toBe(3)
    expect(moved(due("2026-06-10"), due("2027-01-01"), 0)).toBe(1)
  })

  it("is not moving earlier, within the day, off the calendar or onto it", () => {
    expect(moved(due("2026-06-10"), due("2026-06-09"))).toBe(2)
    expect(moved(due("2026-06-10", { atMs: 1 }), due("2026-06-10", { atMs: 2 }))).toBe(2)
    expect(moved(due("2026-06-10"), null)).toBe(2)
    expect(moved(null, due("2026-06-10"))).toBe(2)
  })

  it("is nothing a recurring task does by moving on", () => {
    const weekly = (date: string) => due(date, { isRecurring: true })
    expect(moved(weekly("2026-06-10"), weekly("2026-06-17"))).toBe(2)
    expect(moved(weekly("2026-06-10"), due("2026-06-17"))).toBe(2)
    expect(moved(due("2026-06-10"), weekly("2026-06-17"))).toBe(2)
  })

  it("starts at nothing and never goes down", () => {
    fc.assert(fc.property(fc.array(anyTask, { minLength: 1 }), (versions) => {
      let now: Known = new Map()
      let last = 0
      for (const version of versions) {
        const changes = changesOf(now, { isSnapshot: false, tasks: open({ ...version, taskId: "1" }) })
        now = after(now, changes)
        const count = now.get("1")!.timesPostponed
        expect(count - last === 0 || count - last === 1).toBe(true)
        last = count
      }
    }))
  })
})

describe("the identity of a change", () => {
  const seen: TaskChangeSeen = { change: "updated", task: task("1"), timesPostponed: 1 }

  it("is the same for the same change from the same version, and another for any other", () => {
    expect(changeIdentity({ ...seen, task: task("1") }, 4)).toBe(changeIdentity(seen, 4))
    const others = [
      changeIdentity(seen, 5),
      changeIdentity({ ...seen, change: "removed" }, 4),
      changeIdentity({ ...seen, task: task("2") }, 4),
      changeIdentity({ ...seen, task: task("1", { priority: 2 }) }, 4),
      changeIdentity({ ...seen, timesPostponed: 2 }, 4),
    ]
    expect(new Set([changeIdentity(seen, 4), ...others]).size).toBe(6)
  })
})

describe("when to look again", () => {
  const nowMs = 1_781_078_400_000
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const minuteMs = 60_000

  it("after a success: the interval, a tenth more or less, in whole milliseconds", () => {
    expect([0, 0.5].map((one) => nextSyncAtMs(nowMs, 1_000, one) - nowMs)).toEqual([900, 1_000])
    fc.assert(fc.property(fc.integer({ min: 1_000, max: 86_400_000 }), chance, (intervalMs, one) => {
      const waitMs = nextSyncAtMs(nowMs, intervalMs, one) - nowMs
      expect(Number.isInteger(waitMs)).toBe(true)
      expect(Math.abs(waitMs - intervalMs)).toBeLessThanOrEqual(intervalMs / 10 + 1)
    }))
  })

  it("after failures: doubling from two seconds to a quarter of an hour", () => {
    const longest = (failures: number) => retryAtMs(nowMs, failures, null, 1) - nowMs
    expect([1, 2, 3, 4].map(longest)).toEqual([2_000, 4_000, 8_000, 16_000])
    expect([9, 10, 100, 1_000_000].map(longest)).toEqual([512_000, 900_000, 900_000, 900_000])
    expect([0, -1].map(longest)).toEqual([2_000, 2_000])
  })

  it("at least half of that, at least what the provider asked for, and no longer than the longer of the two", () => {
    const asked = fc.option(fc.nat(60 * minuteMs))
    fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), asked, chance, (failures, askedMs, one) => {
      const waitMs = retryAtMs(nowMs, failures, askedMs, one) - nowMs
      const ceilingMs = retryAtMs(nowMs, failures, null, 1) - nowMs
      expect(Number.isInteger(waitMs)).toBe(true)
      expect(waitMs).toBeGreaterThanOrEqual(Math.max(askedMs ?? 0, ceilingMs / 2))
      expect(waitMs).toBeLessThanOrEqual(Math.max(askedMs ?? 0, ceilingMs))
    }))
  })
})
