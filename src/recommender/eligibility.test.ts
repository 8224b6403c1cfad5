import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { advice, anyCandidates, todo } from "./candidate.fixture.ts"
import { eligible } from "./eligibility.ts"

const nowMs = Date.parse("2026-06-10T08:00:00Z")
const many = (count: number, make: (id: string, index: number) => ReturnType<typeof todo>, prefix: string) =>
  Array.from({ length: count }, (_, index) => make(`${prefix}:${String(index).padStart(4, "0")}`, index))
const ids = (candidates: ReadonlyArray<{ candidateId: string }>) => candidates.map(({ candidateId }) => candidateId)

describe("eligibility", () => {
  it("a sleeping candidate is never eligible, an awake one is when there is room", () => {
    fc.assert(fc.property(anyCandidates(), fc.integer({ min: 0, max: 4_102_444_800_000 }), (candidates, now) => {
      const awake = candidates.filter((one) => one.sleepsUntilMs === null || one.sleepsUntilMs <= now)
      const result = eligible(candidates, now, 1000)
      expect(ids(result.candidates)).toEqual(ids(awake).sort((a, b) => a < b ? -1 : 1))
      expect(result).toMatchObject({
        total: candidates.length,
        sleeping: candidates.length - awake.length,
        pruned: 0,
      })
    }))
  })

  it("wakes at the instant its sleep ends", () => {
    const snoozed = [todo("todoist:1", { sleepsUntilMs: nowMs })]
    expect(eligible(snoozed, nowMs - 1).candidates).toEqual([])
    expect(eligible(snoozed, nowMs).candidates).toEqual(snoozed)
  })

  it("does not depend on the order the store returned, and counts add up", () => {
    const max = fc.integer({ min: 1, max: 12 })
    fc.assert(fc.property(anyCandidates({ maxLength: 30 }), max, fc.infiniteStream(fc.nat()), (candidates, n, keys) => {
      const shuffled = candidates.map((one) => ({ one, key: keys.next().value! }))
        .sort((a, b) => a.key - b.key).map(({ one }) => one)
      const result = eligible(candidates, nowMs, n)
      expect(eligible(shuffled, nowMs, n)).toEqual(result)
      expect(result.candidates.length).toBe(result.total - result.sleeping - result.pruned)
      expect(result.candidates.length).toBe(Math.min(n, result.total - result.sleeping))
    }))
  })

  it("does not reorder the array it was given", () => {
    const given = [todo("b"), todo("a")]
    eligible(given, nowMs)
    expect(ids(given)).toEqual(["b", "a"])
  })

  it("a long list keeps what is urgent, some advice and some of the rest", () => {
    const today = many(20, (id) => todo(id, { dueDate: "2026-06-10" }), "today")
    const important = many(5, (id) => todo(id, { priority: 4 }), "important")
    const someday = many(300, (id) => todo(id), "someday")
    const tips = many(40, (id) => advice(id), "advice")
    const kept = ids(eligible([...someday, ...tips, ...important, ...today], nowMs).candidates)
    const count = (prefix: string) => kept.filter((id) => id.startsWith(prefix)).length
    expect([count("today"), count("important"), count("someday"), count("advice")]).toEqual([20, 5, 17, 8])
  })

  it("stale overdue tasks do not crowd out what is due now", () => {
    const stale = many(200, (id) => todo(id, { dueDate: "2026-01-10" }), "stale")
    const tomorrow = many(20, (id) => todo(id, { dueDate: "2026-06-11" }), "tomorrow")
    expect(ids(eligible([...stale, ...tomorrow], nowMs).candidates)).toEqual(expect.arrayContaining(ids(tomorrow)))
  })

  it("everything on a long list gets its turn within some weeks", () => {
    const someday = many(200, (id) => todo(id), "someday")
    const seen = new Set<string>()
    for (let day = 0; day < 60; day++) {
      for (const id of ids(eligible(someday, nowMs + day * 86_400_000).candidates)) seen.add(id)
    }
    expect(seen.size).toBe(200)
  })
})
