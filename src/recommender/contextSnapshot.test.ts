import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ContextSnapshot } from "../../schemas/Candidate.ts"
import type { Candidate } from "../../schemas/Candidate.ts"
import { advice, anyCandidates, todo } from "./candidate.fixture.ts"
import { contextSnapshot } from "./contextSnapshot.ts"
import type { Situation } from "./Decisions.ts"

const situation = (candidates: ReadonlyArray<Candidate>, timeZone = "Europe/Berlin"): Situation => ({
  candidates,
  sleeps: new Map(),
  timeZone,
  connected: true,
  syncedAtMs: null,
  readable: [],
  doneLast7Days: 7,
  dismissedLast7Days: 2,
})
const at = (iso: string) => Date.parse(iso)

describe("context snapshot", () => {
  it("is the moment as the user's clock and calendar show it, with what was counted", () => {
    expect(contextSnapshot(situation([todo("a"), advice("b")]), at("2026-06-10T08:00:00Z"))).toEqual({
      decidedAtMs: at("2026-06-10T08:00:00Z"),
      timeZone: "Europe/Berlin",
      localDate: "2026-06-10",
      localMinuteOfDay: 600,
      localWeekday: 3,
      openTasks: 1,
      overdueTasks: 0,
      doneLast7Days: 7,
      dismissedLast7Days: 2,
    })
  })

  it("the same instant is another day elsewhere, and a task due that day is overdue there only", () => {
    const due = [todo("a", { dueDate: "2026-06-10" })]
    const instant = at("2026-06-10T22:30:00Z")
    expect(contextSnapshot(situation(due, "America/Los_Angeles"), instant))
      .toMatchObject({ localDate: "2026-06-10", localMinuteOfDay: 930, localWeekday: 3, overdueTasks: 0 })
    expect(contextSnapshot(situation(due, "Europe/Berlin"), instant))
      .toMatchObject({ localDate: "2026-06-11", localMinuteOfDay: 30, localWeekday: 4, overdueTasks: 1 })
  })

  it("the hour the clocks skip is not on any clock", () => {
    const before = contextSnapshot(situation([]), at("2026-03-29T00:59:59Z"))
    const after = contextSnapshot(situation([]), at("2026-03-29T01:00:00Z"))
    expect([before.localMinuteOfDay, after.localMinuteOfDay]).toEqual([119, 180])
  })

  it("a task with a time of day is overdue from that instant, an all-day one from the next day", () => {
    const now = at("2026-06-10T08:00:00Z")
    const overdue = (given: Partial<Candidate>) => contextSnapshot(situation([todo("a", given)]), now).overdueTasks
    expect(overdue({ dueDate: "2026-06-10", dueAtMs: now - 1 })).toBe(1)
    expect(overdue({ dueDate: "2026-06-10", dueAtMs: now })).toBe(0)
    expect(overdue({ dueDate: "2026-06-09" })).toBe(1)
    expect(overdue({ dueDate: "2026-06-10" })).toBe(0)
    expect(overdue({})).toBe(0)
    // The instant counts, whatever the day beside it says.
    expect(overdue({ dueDate: "2026-06-09", dueAtMs: now + 1 })).toBe(0)
  })

  it("sleeping tasks are open tasks, advice is none", () => {
    const { openTasks } = contextSnapshot(
      situation([todo("a", { sleepsUntilMs: at("2027-01-01T00:00:00Z") }), todo("b"), advice("c")]),
      at("2026-06-10T08:00:00Z"),
    )
    expect(openTasks).toBe(2)
  })

  it("is well formed whatever the tasks are, and no more of them overdue than open", () => {
    const anyInstant = fc.integer({ min: 0, max: at("2100-01-01T00:00:00Z") })
    const anyZone = fc.constantFrom("UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "America/St_Johns")
    fc.assert(fc.property(anyCandidates(), anyInstant, anyZone, (candidates, nowMs, timeZone) => {
      const snapshot = contextSnapshot(situation(candidates, timeZone), nowMs)
      expect(Schema.is(ContextSnapshot)(snapshot)).toBe(true)
      expect(snapshot.overdueTasks).toBeLessThanOrEqual(snapshot.openTasks)
      expect(snapshot.localMinuteOfDay).toBeLessThan(1_440)
    }))
  })
})
