import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { advice, anyCandidates, anyContext, todo, wednesdayMorning } from "./candidate.fixture.ts"
import { columnIndex, featureColumns, featureCount, featureMatrix, featureSchemaHash } from "./features.ts"
import type { FeatureColumn } from "./features.ts"

/** Only the columns that differ from 0. */
const seen = (candidate: Candidate, context: Partial<ContextSnapshot> = {}): Record<string, number> => {
  const row = featureMatrix({ ...wednesdayMorning, ...context }, [candidate])
  return Object.fromEntries(
    featureColumns.map((name, j) => [name, row[j]!] as const).filter(([, value]) => value !== 0),
  )
}
const hours = 3_600_000
const days = 24 * hours
const now = wednesdayMorning.decidedAtMs
const bare = { bias: 1, load: 0.25, "morning-todo": 1 }

describe("features", () => {
  it("every value is finite and within [0, 1], whatever the schemas let through", () => {
    fc.assert(fc.property(anyContext, anyCandidates(), (context, candidates) => {
      for (const value of featureMatrix(context, candidates)) expect(value >= 0 && value <= 1).toBe(true)
    }))
  })

  it("a row does not depend on its neighbours", () => {
    fc.assert(fc.property(anyContext, anyCandidates({ minLength: 1 }), (context, candidates) => {
      const matrix = featureMatrix(context, candidates)
      candidates.forEach((candidate, i) => {
        expect(matrix.slice(i * featureCount, (i + 1) * featureCount)).toEqual(featureMatrix(context, [candidate]))
      })
    }))
  })

  it.each<[string, Candidate, Record<string, number>]>([
    ["a bare task", todo("t"), { ...bare, "no-due-date": 1 }],
    ["overdue", todo("t", { dueDate: "2026-06-07" }), { ...bare, overdue: 1, "overdue-days": 0.5 }],
    ["due today", todo("t", { dueDate: "2026-06-10" }), { ...bare, "due-today": 1 }],
    ["due tomorrow", todo("t", { dueDate: "2026-06-11" }), { ...bare, "due-soon": 1 }],
    ["due in three days", todo("t", { dueDate: "2026-06-13" }), { ...bare, "due-soon": 1 / 3 }],
    ["due in four days", todo("t", { dueDate: "2026-06-14" }), bare],
    ["a date that is none", todo("t", { dueDate: "2026-02-31" }), { ...bare, "no-due-date": 1 }],
    [
      "due at one hour from now",
      todo("t", { dueDate: "2026-06-10", dueAtMs: now + hours }),
      { ...bare, "due-today": 1, "due-time-near": 0.5 },
    ],
    ["most urgent", todo("t", { dueDate: "2026-07-01", priority: 4 }), { ...bare, priority: 1 }],
    ["priority missing", todo("t", { dueDate: "2026-07-01", priority: null }), bare],
    ["on the list for thirty days", todo("t", { dueDate: "2026-07-01", addedAtMs: now - 30 * days }), {
      ...bare,
      age: 0.5,
    }],
    ["moved twice", todo("t", { dueDate: "2026-07-01", timesPostponed: 2 }), { ...bare, postponed: 0.5 }],
    ["recurring", todo("t", { dueDate: "2026-07-01", isRecurring: true }), { ...bare, recurring: 1 }],
    ["quick by duration", todo("t", { dueDate: "2026-07-01", durationMinutes: 15 }), { ...bare, quick: 1 }],
    ["long in spite of a short title", todo("t", { dueDate: "2026-07-01", durationMinutes: 60, title: "Tax" }), bare],
    ["quick by title", todo("t", { dueDate: "2026-07-01", title: "Call the dentist back" }), { ...bare, quick: 0.5 }],
    ["advice", advice("a", { title: "Rest" }), {
      bias: 1,
      advice: 1,
      load: 0.25,
      "load-advice": 0.25,
      "morning-advice": 1,
    }],
  ])("%s", (_name, candidate, expected) => {
    expect(seen(candidate)).toEqual(expected)
  })

  it.each<[number, string | undefined]>([
    [299, "night-todo"],
    [300, "morning-todo"],
    [719, "morning-todo"],
    [720, undefined],
    [1019, undefined],
    [1020, "evening-todo"],
    [1379, "evening-todo"],
    [1380, "night-todo"],
  ])("minute %i of the day is %s", (localMinuteOfDay, expected) => {
    const parts = Object.keys(seen(todo("t"), { localMinuteOfDay })).filter((name) => name.endsWith("-todo"))
    expect(parts).toEqual(expected === undefined ? [] : [expected])
  })

  it("Saturday and Sunday are the weekend, and no open task means no load", () => {
    const weekend = (localWeekday: number) => seen(todo("t"), { localWeekday })["weekend-todo"]
    expect([5, 6, 7].map(weekend)).toEqual([undefined, 1, 1])
    expect(seen(todo("t"), { openTasks: 0, overdueTasks: 0 })["load"]).toBeUndefined()
  })

  it("the columns of features-v1 never change: logged rows and kept models name them by this hash", () => {
    expect(featureCount).toBe(21)
    expect(featureSchemaHash).toBe("fcc4ddb72a585e6d")
    const last: FeatureColumn = "load-advice"
    expect(columnIndex(last)).toBe(20)
  })
})
