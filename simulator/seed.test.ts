import { describe, expect, it } from "vitest"
import { openItems } from "./account.ts"
import { addDays } from "./calendar.ts"
import { contentMax } from "./command.ts"
import { localParts } from "./due.ts"
import { parseRecurrence } from "./recurrence.ts"
import { seedAccount } from "./seed.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")
const seedWith = (more: Partial<Parameters<typeof seedAccount>[0]> = {}) =>
  seedAccount({ seed: "s", user: "u", nowMs, timeZone: "Europe/Madrid", ...more })

const today = "2026-11-20"
const account = seedWith()
const items = openItems(account)
const days = items.flatMap(({ due }) => (due === null ? [] : [localParts(due, account.timeZone).day]))

/** The keys the official SDK refuses to do without, and `completed_count`. */
const wireKeys =
  ("id user_id project_id section_id parent_id added_by_uid assigned_by_uid responsible_uid content description " +
    "labels priority child_order day_order is_collapsed checked is_deleted added_at updated_at completed_at due " +
    "deadline duration completed_count").split(" ").sort()

describe("seed", () => {
  it("the same seed, user and day give the same account; another of any gives another", () => {
    expect([...seedWith({ nowMs: nowMs + 1 }).items.keys()]).toEqual([...account.items.keys()])
    expect(seedWith()).toEqual(account)
    const id = items[0]!.id
    expect(seedWith({ seed: "t" }).items.has(id)).toBe(false)
    expect(seedWith({ user: "v" }).items.has(id)).toBe(false)
    expect(seedWith({ nowMs: nowMs + 86_400_000 }).items.has(id)).toBe(false)
  })

  it("has seven projects and about sixty open tasks with exactly the wire's keys", () => {
    expect(account.projects.size).toBe(7)
    expect(items.length).toBeGreaterThanOrEqual(55)
    expect(items.length).toBeLessThanOrEqual(70)
    for (const item of items) expect(Object.keys(item).sort()).toEqual(wireKeys)
  })

  it("has tasks overdue, due today, this week and never", () => {
    expect(days.filter((day) => day < today).length).toBeGreaterThanOrEqual(5)
    expect(days.filter((day) => day === today).length).toBeGreaterThanOrEqual(3)
    expect(days.filter((day) => day > today && day <= addDays(today, 7)).length).toBeGreaterThanOrEqual(8)
    expect(items.filter(({ due }) => due === null).length).toBeGreaterThanOrEqual(8)
  })

  it("has all three shapes of due, every priority, subtasks, durations, deadlines and right-to-left text", () => {
    const dates = items.map(({ due }) => due?.date ?? "")
    for (const shape of [/^\d{4}-\d\d-\d\d$/, /T\d\d:\d\d:\d\d$/, /Z$/]) {
      expect(dates.some((date) => shape.test(date))).toBe(true)
    }
    expect(new Set(items.map(({ priority }) => priority))).toEqual(new Set([1, 2, 3, 4]))
    expect(items.some(({ parent_id: parent }) => parent !== null)).toBe(true)
    expect(new Set(items.map(({ duration }) => duration?.unit))).toEqual(new Set([undefined, "minute", "day"]))
    expect(items.some(({ deadline }) => deadline !== null)).toBe(true)
    expect(items.some(({ content }) => /\p{Script=Hebrew}/u.test(content))).toBe(true)
    expect(Math.max(...items.map(({ content }) => content.length))).toBeGreaterThan(300)
    expect(Math.max(...items.map(({ content }) => content.length))).toBeLessThanOrEqual(contentMax)
  })

  it("uses only recurrences the server can advance, on days that belong to them", () => {
    const recurring = items.filter(({ due }) => due?.is_recurring)
    expect(recurring.length).toBeGreaterThanOrEqual(10)
    for (const { due } of recurring) expect(parseRecurrence(due!.string), due!.string).toBeDefined()
    const friday = recurring.find(({ due }) => due!.string.startsWith("every friday"))!
    expect(new Date(`${friday.due!.date.slice(0, 10)}T00:00:00Z`).getUTCDay()).toBe(5)
  })

  it("makes exactly as many tasks as asked for", () => {
    for (const taskCount of [0, 1, 7, 60, 500]) {
      expect(openItems(seedWith({ taskCount }))).toHaveLength(taskCount)
    }
  })
})
