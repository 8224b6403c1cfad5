import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { nextSyncAtMs } from "./syncInterval.ts"
import type { Occasion } from "./syncInterval.ts"

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const nowMs = 1_781_078_400_000
const intervalMs = 15 * minuteMs

/** Somebody who was here a minute ago, and was synced when they should have been. */
const usual: Occasion = {
  nowMs,
  intervalMs,
  activeAtMs: nowMs - minuteMs,
  connectedAtMs: nowMs - 90 * dayMs,
  syncedAtMs: nowMs - intervalMs,
  chance: 0.5,
}
const waitMs = (given: Partial<Occasion>) => nextSyncAtMs({ ...usual, ...given }) - nowMs
/** Idle for so many days, and synced as seldom. */
const idle = (days: number) => waitMs({ activeAtMs: nowMs - days * dayMs, syncedAtMs: nowMs - 6 * hourMs })

describe("the next sync", () => {
  it("edge case 30 - comes after the interval for whoever was here today, and at the latest after six hours", () => {
    expect(waitMs({})).toBe(intervalMs)
    expect(waitMs({ activeAtMs: nowMs - dayMs })).toBe(intervalMs)
    expect([2, 3, 4, 5, 6, 400].map(idle)).toEqual([
      30 * minuteMs,
      hourMs,
      2 * hourMs,
      4 * hourMs,
      6 * hourMs,
      6 * hourMs,
    ])
  })

  it("takes who connected today for somebody who is here, and who never asked for a tip for idle", () => {
    const newcomer = { activeAtMs: null, connectedAtMs: nowMs - hourMs }
    expect(waitMs(newcomer)).toBe(intervalMs)
    expect(waitMs({ activeAtMs: null, connectedAtMs: nowMs - 30 * dayMs, syncedAtMs: nowMs })).toBe(6 * hourMs)
  })

  it("is never sooner than the interval, also when that is longer than six hours", () => {
    expect(waitMs({ intervalMs: 12 * hourMs, activeAtMs: null, syncedAtMs: nowMs })).toBe(12 * hourMs)
  })

  it("is spread by a tenth when the last one was in time, and by half when it was late", () => {
    const ends = (given: Partial<Occasion>) => [waitMs({ ...given, chance: 0 }), waitMs({ ...given, chance: 1 })]
    expect(ends({})).toEqual([13.5 * minuteMs, 16.5 * minuteMs])
    expect(ends({ syncedAtMs: nowMs - 1.2 * intervalMs })).toEqual([13.5 * minuteMs, 16.5 * minuteMs])
    expect(ends({ syncedAtMs: nowMs - 1.3 * intervalMs })).toEqual([7.5 * minuteMs, 22.5 * minuteMs])
    expect(ends({ syncedAtMs: null })).toEqual([13.5 * minuteMs, 16.5 * minuteMs])
  })

  it("lies ahead by at least half an interval and at most nine hours or one and a half, whatever the past was", () => {
    const occasions = fc.record({
      nowMs: fc.constant(nowMs),
      intervalMs: fc.integer({ min: 1_000, max: dayMs }),
      activeAtMs: fc.option(fc.integer({ min: 0, max: nowMs + hourMs })),
      connectedAtMs: fc.integer({ min: 0, max: nowMs }),
      syncedAtMs: fc.option(fc.integer({ min: 0, max: nowMs })),
      chance: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    })
    fc.assert(fc.property(occasions, (occasion) => {
      const wait = nextSyncAtMs(occasion) - nowMs
      expect(wait).toBeGreaterThanOrEqual(Math.floor(occasion.intervalMs / 2))
      expect(wait).toBeLessThanOrEqual(Math.ceil(1.5 * Math.max(6 * hourMs, occasion.intervalMs)))
    }))
  })
})
