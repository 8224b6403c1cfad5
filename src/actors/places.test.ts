import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { makePlaces, slowAfterMs } from "./places.ts"
import type { Place } from "./places.ts"

const fill = (take: () => Place, count: number): ReadonlyArray<Place> => Array.from({ length: count }, take)

describe("places", () => {
  it("of those who failed are a fourth beside the others', and one at the least", () => {
    expect(makePlaces(16).left()).toEqual({ healthy: 16, failing: 4 })
    expect(makePlaces(1).left()).toEqual({ healthy: 1, failing: 1 })
    const places = makePlaces(16)
    fill(() => places.take(true, 0), 4)
    expect(places.left()).toEqual({ healthy: 16, failing: 0 })
  })

  it("are free again for others once a sync takes long, as far as there is room for those who wait", () => {
    const places = makePlaces(4)
    for (const atMs of [0, slowAfterMs, 2 * slowAfterMs]) {
      fill(() => places.take(false, atMs), places.left().healthy)
      places.moveSlow(atMs + slowAfterMs - 1)
      expect(places.left().healthy).toBe(0)
      places.moveSlow(atMs + slowAfterMs)
    }
    expect([places.left().healthy, places.underWay()]).toEqual([0, 12])
  })

  it("in the slow room are half for those who failed before, so that the first time of others finds some", () => {
    const places = makePlaces(4)
    for (const round of Array(6).keys()) {
      fill(() => places.take(true, round * slowAfterMs), places.left().failing)
      places.moveSlow((round + 1) * slowAfterMs)
    }
    expect([places.left().failing, places.underWay()]).toEqual([0, 5])
    fill(() => places.take(false, 0), 4)
    places.moveSlow(10 * slowAfterMs)
    expect(places.left()).toEqual({ healthy: 4, failing: 0 })
  })

  it("whatever happens are never more than there are, never fewer than free, and all free in the end", () => {
    const step = fc.record({
      waitMs: fc.nat(3_000),
      begin: fc.nat(8),
      isFailing: fc.boolean(),
      ends: fc.array(fc.nat(), { maxLength: 6 }),
    })
    fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 60 }), (concurrency, steps) => {
      const places = makePlaces(concurrency)
      const before = places.left()
      const held: Array<Place> = []
      let nowMs = 0
      for (const { waitMs, begin, isFailing, ends } of steps) {
        nowMs += waitMs
        places.moveSlow(nowMs)
        const left = places.left()
        const count = Math.min(begin, isFailing ? left.failing : left.healthy)
        held.push(...fill(() => places.take(isFailing, nowMs), count))
        for (const end of ends) {
          const [place] = held.splice(end % Math.max(1, held.length), 1)
          if (place !== undefined) places.free(place)
        }
        expect(places.underWay()).toBe(held.length)
        expect(held.length).toBeLessThanOrEqual(before.healthy + before.failing + 2 * concurrency)
        expect(held.filter((place) => place.isFailing).length).toBeLessThanOrEqual(before.failing + concurrency)
      }
      for (const place of held) places.free(place)
      expect([places.left(), places.underWay()]).toEqual([before, 0])
    }))
  })
})
