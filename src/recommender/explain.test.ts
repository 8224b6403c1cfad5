import { describe, expect, it } from "vitest"
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { advice, todo, wednesdayMorning } from "./candidate.fixture.ts"
import { decide } from "./decide.ts"
import { epsilonGreedy } from "./epsilonGreedy.ts"
import { explain } from "./explain.ts"
import { columnIndex, featureCount } from "./features.ts"
import type { FeatureColumn } from "./features.ts"
import { initialModel } from "./prior.ts"

/** By a model without experience. */
const explained = (candidate: Candidate, given: Partial<ContextSnapshot> = {}, explored = false) => {
  const context = { ...wednesdayMorning, ...given }
  const input = { context, candidates: [candidate], policy: epsilonGreedy(), model: initialModel(), seed: "" }
  return explain(context, candidate, decide(input).contributions, explored)
}
const contributions = (parts: Partial<Record<FeatureColumn, number>>): Float64Array => {
  const all = new Float64Array(featureCount)
  for (const [column, value] of Object.entries(parts)) all[columnIndex(column as FeatureColumn)] = value
  return all
}
const atUtc = (time: string) => Date.parse(`2026-06-10T${time}:00Z`)

describe("explain", () => {
  it.each<[string, Candidate, Array<string>]>([
    ["overdue and urgent", todo("t", { dueDate: "2026-06-07", priority: 4 }), ["3 days overdue", "Priority 1"]],
    ["due yesterday", todo("t", { dueDate: "2026-06-09" }), ["Due yesterday"]],
    ["due today", todo("t", { dueDate: "2026-06-10" }), ["Due today"]],
    ["due later today", todo("t", { dueDate: "2026-06-10", dueAtMs: atUtc("12:00") }), ["Due today at 14:00"]],
    ["due earlier today", todo("t", { dueDate: "2026-06-10", dueAtMs: atUtc("07:05") }), ["Was due today at 09:05"]],
    ["due tomorrow, with a priority, short", todo("t", { dueDate: "2026-06-11", priority: 2, title: "Call Ada" }), [
      "Due tomorrow",
      "Priority 3",
      "A quick one",
    ]],
    ["due soon", todo("t", { dueDate: "2026-06-12" }), ["Due in 2 days"]],
    ["nothing spoke for the task", todo("t"), ["Next on your list"]],
    ["nothing spoke for the advice", advice("a"), ["A small idea for now"]],
  ])("%s", (_name, candidate, expected) => {
    expect(explained(candidate)).toEqual(expected)
  })

  it("says first that it is trying something, and keeps to three reasons", () => {
    const candidate = todo("t", { dueDate: "2026-06-11", priority: 2, title: "Call Ada" })
    expect(explained(candidate, {}, true)).toEqual(["Trying something different", "Due tomorrow", "Priority 3"])
    expect(explained(todo("t"), {}, true)).toEqual(["Trying something different"])
  })

  it("puts the strongest first and leaves out what spoke against it", () => {
    const candidate = todo("t", { timesPostponed: 4, priority: 3, isRecurring: true })
    const parts = contributions({ bias: 0.9, postponed: 0.4, priority: 0.1, recurring: -0.2 })
    expect(explain(wednesdayMorning, candidate, parts, false)).toEqual(["You moved it 4 times", "Priority 2"])
  })

  it("columns that say one thing count together", () => {
    const candidate = todo("t", { dueDate: "2026-06-05", priority: 4 })
    const parts = contributions({ overdue: 0.1, "overdue-days": 0.1, priority: 0.15 })
    expect(explain(wednesdayMorning, candidate, parts, false)).toEqual(["5 days overdue", "Priority 1"])
  })

  it("speaks of habits only when they were learned", () => {
    const parts = contributions({ "morning-todo": 0.2, age: 0.1, "weekend-todo": 0.05 })
    const candidate = todo("t", { addedAtMs: wednesdayMorning.decidedAtMs - 40 * 86_400_000 })
    expect(explain(wednesdayMorning, candidate, parts, false)).toEqual([
      "Fits your mornings",
      "On your list for 40 days",
      "Fits your weekends",
    ])
  })
})
