import { describe, expect, it } from "vitest"
import { openItems } from "./account.ts"
import { liveOnce, openMax, openMin } from "./life.ts"
import { seedAccount } from "./seed.ts"

const startMs = Date.parse("2026-11-20T10:00:00Z")
const seedWith = (taskCount: number) =>
  seedAccount({ seed: "s", user: "u", nowMs: startMs, timeZone: "UTC", taskCount })

describe("life", () => {
  it.each([openMin, 63, openMax])(
    "from %i open tasks it does every kind of thing and stays within its bounds",
    (count) => {
      const account = seedWith(count)
      const did = new Set<string>()
      for (let step = 0; step < 1_500; step++) {
        did.add(liveOnce(account, startMs + step * 600_000).did)
        const open = openItems(account).length
        expect(open).toBeGreaterThanOrEqual(openMin)
        expect(open).toBeLessThanOrEqual(openMax)
      }
      expect(did).toEqual(new Set(["added", "edited", "rescheduled", "completed"]))
    },
  )

  it("fills an account that has too few tasks", () => {
    const account = seedWith(3)
    for (let step = 0; step < 50; step++) liveOnce(account, startMs)
    expect(openItems(account).length).toBeGreaterThanOrEqual(openMin)
  })

  it("the same seed lives the same life", () => {
    const [a, b] = [seedWith(60), seedWith(60)]
    for (let step = 0; step < 100; step++) expect(liveOnce(a, startMs + step)).toEqual(liveOnce(b, startMs + step))
    expect(a).toEqual(b)
  })
})
