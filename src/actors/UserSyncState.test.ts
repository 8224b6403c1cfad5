import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { TaskObservation } from "../connectors/Connector.ts"
import type { Task, TaskDue } from "../../schemas/Task.ts"
import { task } from "./userSync.fixture.ts"
import { absenceOf, absentFrom, changeIdentity, changesOf, dueKey, isMassRemoval, retryAtMs } from "./UserSyncState.ts"
import type { Knowledge, KnownTask, TaskChangeSeen } from "./UserSyncState.ts"

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
const anyObservations = fc.uniqueArray(
  fc.record({
    task: anyTask,
    state: fc.constantFrom<TaskObservation["state"]>("open", "completed", "deleted", "withdrawn"),
  }),
  { selector: ({ task }) => task.taskId },
)

/** What is known beside the open tasks: nothing, unless given. */
const knowing = (before: Known, given: Partial<Knowledge> = {}): Knowledge => ({
  known: before,
  gone: new Map(),
  echoes: new Set(),
  completedForSure: new Set(),
  isBackfill: false,
  ...given,
})

describe("what a sync changed", () => {
  it("a task nobody knew appeared, one that differs was updated, one that is the same says nothing", () => {
    const before = known(task("1"), task("2"))
    const changes = changesOf(open(task("2", { title: "new" }), task("1"), task("3")), knowing(before))
    expect(brief(changes)).toEqual(["updated 2", "appeared 3"])
  })

  it("a subtask of two that ended, one above the other, ends once", () => {
    const top = task("top")
    const middle = task("middle", { parentId: "top" })
    const low = task("low", { parentId: "middle" })
    const ended = [top, middle].map((one): TaskObservation => ({ task: one, state: "completed" }))
    const before = known(top, middle, low)
    expect(brief(changesOf(ended, knowing(before)))).toEqual(["completed top", "completed low", "completed middle"])
    expect(brief(changesOf(ended.toReversed(), knowing(before)))).toEqual([
      "completed middle",
      "completed low",
      "completed top",
    ])
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
    expect(brief(changesOf(open(task("1", given)), knowing(known(task("1")))))).toEqual(["updated 1"])
  })

  it("so is another time of the same day, and becoming recurring", () => {
    const before = known(task("1", { due: due("2026-06-10") }))
    for (const given of [{ atMs: 1 }, { isRecurring: true }]) {
      const now = open(task("1", { due: due("2026-06-10", given) }))
      expect(brief(changesOf(now, knowing(before)))).toEqual(["updated 1"])
    }
  })

  it("what ended is told once, with how it ended, and only of what was known", () => {
    const observations = (["completed", "deleted", "withdrawn", "completed"] as const).map((state, at) => ({
      task: task(`${at + 1}`),
      state,
    }))
    const before = known(task("1"), task("2"), task("3"))
    const changes = changesOf(observations, knowing(before))
    expect(brief(changes)).toEqual(["completed 1", "removed 2", "removed 3"])
    expect(changes.map(({ removal }) => removal)).toEqual([null, "deleted", "withdrawn"])
    expect(changesOf(observations, knowing(after(before, changes)))).toEqual([])
  })

  it("edge case 10 - a task that ended and is open again was restored, and one never seen appeared", () => {
    const gone = new Map([["1", "deleted" as const]])
    expect(brief(changesOf(open(task("1"), task("2")), knowing(new Map(), { gone }))))
      .toEqual(["restored 1", "appeared 2"])
  })

  it("edge case 1 - what was there at the first look is backfill, and only that", () => {
    const [first] = changesOf(open(task("1")), knowing(new Map(), { isBackfill: true }))
    const [later] = changesOf(open(task("1")), knowing(new Map()))
    expect([first?.origin, later?.origin]).toEqual(["backfill", "observed"])
  })

  it("edge case 11 - of a task that was completed and opened again between two looks nothing is told", () => {
    expect(changesOf(open(task("1")), knowing(known(task("1"))))).toEqual([])
    expect(changesOf([{ task: task("9"), state: "completed" }], knowing(new Map()))).toEqual([])
  })

  it("edge case 12 - a completed parent takes its descendants along, at any depth, but none that are spoken of", () => {
    const before = known(
      task("grandchild", { parentId: "child" }),
      task("child", { parentId: "parent" }),
      task("spoken", { parentId: "parent" }),
      task("parent"),
      task("other"),
    )
    const observations = [
      { task: task("parent"), state: "completed" as const },
      ...open(
        task("spoken", { parentId: "parent" }),
      ),
    ]
    const changes = changesOf(observations, knowing(before))
    expect(brief(changes)).toEqual(["completed parent", "completed child", "completed grandchild"])
    expect(changes.map(({ isInferred }) => isInferred)).toEqual([false, true, true])
    const withdrawn = [{ task: task("parent"), state: "withdrawn" as const }]
    expect(brief(changesOf(withdrawn, knowing(before)))).toEqual(["removed parent"])
  })

  it("edge case 22 - what we did ourselves comes back as our act, not as news of the user", () => {
    const before = known(task("1"), task("2"))
    const observations = ["1", "2"].map((id) => ({ task: task(id), state: "completed" as const }))
    const changes = changesOf(observations, knowing(before, { echoes: new Set(["1"]) }))
    expect(changes.map(({ origin }) => origin)).toEqual(["own-act", "observed"])
  })

  it("whatever came, the same again is no change", () => {
    fc.assert(fc.property(anyKnown, anyObservations, (before, observations) => {
      const now = after(before, changesOf(observations, knowing(before)))
      expect(changesOf(observations, knowing(now))).toEqual([])
    }))
  })

  it("each task changes at most once, and after a snapshot exactly its open tasks are known", () => {
    fc.assert(fc.property(anyKnown, anyTasks, (before, tasks) => {
      const knowledge = knowing(before)
      const seen = new Set(tasks.map(({ taskId }) => taskId))
      const gone = absentFrom(before, seen).flatMap((one) => absenceOf(one, "unknown", knowledge) ?? [])
      const changes = [...changesOf(open(...tasks), knowledge), ...gone]
      expect(new Set(changes.map(({ task }) => task.taskId)).size).toBe(changes.length)
      const now = after(before, changes)
      expect(new Map([...now].map(([id, one]) => [id, one.task]))).toEqual(
        new Map(tasks.map((one) => [one.taskId, one])),
      )
    }))
  })
})

describe("a recurring task that moved on", () => {
  const weekly = (date: string) => task("1", { due: due(date, { isRecurring: true }) })
  const before = known(weekly("2026-06-10"))
  const moved = open(weekly("2026-06-17"))

  it("edge case 9 - was completed, as far as can be told; for sure when the tool or our own act says so", () => {
    const changes = changesOf(moved, knowing(before))
    expect(brief(changes)).toEqual(["occurrence_completed 1"])
    expect(changes[0]).toMatchObject({ origin: "observed", isInferred: true })
    const said = changesOf(moved, knowing(before, { completedForSure: new Set(["1"]) }))
    expect(said[0]).toMatchObject({ origin: "observed", isInferred: false })
    const ours = changesOf(moved, knowing(before, { echoes: new Set(["1"]) }))
    expect(ours[0]).toMatchObject({ origin: "own-act", isInferred: false })
  })

  it("was not, when it moved to an earlier day or stopped recurring", () => {
    expect(brief(changesOf(open(weekly("2026-06-03")), knowing(before)))).toEqual(["updated 1"])
    expect(brief(changesOf(open(task("1", { due: due("2026-06-17") })), knowing(before)))).toEqual(["updated 1"])
  })
})

describe("what is absent from a snapshot", () => {
  const one: KnownTask = { task: task("1", { title: "last" }), timesPostponed: 3 }
  const noEchoes = { echoes: new Set<string>() }

  it("edge case 5 - ended as the tool says, as it last stood; unknown when it cannot say", () => {
    expect(absenceOf(one, "completed", noEchoes)).toMatchObject({ change: "completed", removal: null, ...one })
    expect(absenceOf(one, "deleted", noEchoes)).toMatchObject({ change: "removed", removal: "deleted", ...one })
    expect(absenceOf(one, "withdrawn", noEchoes)).toMatchObject({ change: "removed", removal: "withdrawn" })
    expect(absenceOf(one, "unknown", noEchoes)).toMatchObject({ removal: "unknown", isInferred: true })
    expect(absenceOf(one, "open", noEchoes)).toBeUndefined()
  })

  it("edge case 22 - is completed, when we completed it", () => {
    expect(absenceOf(one, "unknown", { echoes: new Set(["1"]) })).toMatchObject({
      change: "completed",
      origin: "own-act",
    })
  })

  it("edge case 8 - is too much at once when nearly all of many is absent", () => {
    expect([isMassRemoval(10, 10), isMassRemoval(90, 100), isMassRemoval(500, 500)]).toEqual([true, true, true])
    expect([isMassRemoval(9, 9), isMassRemoval(89, 100), isMassRemoval(0, 0)]).toEqual([false, false, false])
  })
})

describe("a due date as one text", () => {
  it("edge case 20 - tells occurrences of a recurring task apart, and is nothing for any other", () => {
    expect(dueKey(null)).toBeNull()
    expect(dueKey(due("2026-06-10"))).toBeNull()
    expect(dueKey(due("2026-06-10", { isRecurring: true }))).toBe("2026-06-10")
    expect(dueKey(due("2026-06-10", { isRecurring: true, atMs: 5 }))).toBe("2026-06-10@5")
  })
})

describe("postponing", () => {
  const moved = (before: TaskDue | null, now: TaskDue | null, timesPostponed = 2) => {
    const was = new Map([["1", { task: task("1", { due: before, title: "old" }), timesPostponed }]])
    return changesOf(open(task("1", { due: now })), knowing(was))[0]!.timesPostponed
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
    expect(moved(weekly("2026-06-10"), weekly("2026-06-17"))).toBe(0) // put off or not, that occurrence is over
    expect(moved(weekly("2026-06-10"), due("2026-06-17"))).toBe(2)
    expect(moved(due("2026-06-10"), weekly("2026-06-17"))).toBe(2)
  })

  it("starts at nothing, counts up by one, and begins anew with the next occurrence", () => {
    fc.assert(fc.property(fc.array(anyTask, { minLength: 1 }), (versions) => {
      let now: Known = new Map()
      let last = 0
      for (const version of versions) {
        const changes = changesOf(open({ ...version, taskId: "1" }), knowing(now))
        now = after(now, changes)
        const count = now.get("1")!.timesPostponed
        const isOver = changes[0]?.change === "occurrence_completed"
        expect(isOver ? count === 0 : count - last === 0 || count - last === 1).toBe(true)
        last = count
      }
    }))
  })
})

describe("the identity of a change", () => {
  const seen: TaskChangeSeen = {
    change: "updated",
    task: task("1"),
    timesPostponed: 1,
    origin: "observed",
    removal: null,
    isInferred: false,
  }

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
