/** A thousand users of whom some hang for as long as a call of the tool may, each time, in simulated time. */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import { SyncFailed } from "./Actors.ts"
import { namesOf, schedulerWorld, startMs, synced } from "./scheduler.fixture.ts"
import { retryAtMs } from "./UserSyncState.ts"

const users = 1_000
const hangMs = 15_000
const intervalMs = 120_000
/** The first interval, in which those who hang are not known yet, and four more. */
const runMs = 5 * intervalMs

interface Crowd {
  readonly concurrency: number
  readonly rateMax: number
  readonly hangs: (n: number) => boolean
}

/** How late each sync of the healthy began, and how often each of the others was tried. */
const crowd = Effect.fnUntraced(function* ({ hangs, ...limits }: Crowd) {
  const late: Array<number> = []
  const tries = new Map<string, number>()
  const dueMs = new Map<string, number>()
  let [underWay, most] = [0, 0]
  const failures = new Map<string, number>()
  const world = yield* schedulerWorld((name, provider, queue) =>
    Effect.gen(function* () {
      const beganMs = yield* Clock.currentTimeMillis
      most = Math.max(most, ++underWay)
      const isHanging = hangs(Number(name.slice(1)))
      if (!isHanging) late.push(beganMs - dueMs.get(name)!)
      else tries.set(name, (tries.get(name) ?? 0) + 1)
      yield* Effect.sleep(isHanging ? hangMs : 100)
      underWay -= 1
      const [nowMs, chance] = [yield* Clock.currentTimeMillis, yield* Random.next]
      const count = isHanging ? (failures.get(name) ?? 0) + 1 : 0
      failures.set(name, count)
      const next = isHanging ? retryAtMs(nowMs, count, null, chance) : nowMs + intervalMs * (0.9 + 0.2 * chance)
      if (isHanging) queue.failed.add(name)
      dueMs.set(name, next)
      queue.set(name, next, provider)
      if (!isHanging) return synced
      return yield* new SyncFailed({ problem: "", code: "ProviderUnavailable", retryAtMs: next })
    }), limits)
  for (let n = 0; n < users; n++) {
    const atMs = startMs + Math.round(n * intervalMs / users)
    dueMs.set(`u${n}`, atMs)
    world.queue.set(`u${n}`, atMs)
  }
  const fiber = yield* Random.withSeed(world.begin, "crowd")
  yield* TestClock.adjust(runMs)
  yield* Fiber.interrupt(fiber)
  late.sort((one, other) => one - other)
  const at = (share: number) => late[Math.min(late.length - 1, Math.floor(share * late.length))]!
  return { p50: at(0.5), p99: at(0.99), max: at(1), syncs: late.length, tries, most, asked: namesOf(world).length }
})

const everyFifth = (n: number) => n % 5 === 0

describe("edge case 23 - users whose calls hang", () => {
  it.effect("are waited for beside the others, who are as soon as with nobody hanging", () =>
    Effect.gen(function* () {
      const limits = { concurrency: 16, rateMax: 100 }
      const calm = yield* crowd({ ...limits, hangs: () => false })
      const troubled = yield* crowd({ ...limits, hangs: everyFifth })
      expect(troubled.p50 - calm.p50).toBeLessThan(200)
      expect(troubled.p99 - calm.p99).toBeLessThan(1_000)
      expect(troubled.max - calm.max).toBeLessThan(2_000)
      expect(troubled.syncs).toBeGreaterThan(0.78 * calm.syncs)
      expect(troubled.most).toBeLessThanOrEqual(16 + 4 + 32)
    }), 60_000)

  it.effect("have their turns again and again all the same", () =>
    Effect.gen(function* () {
      const { tries } = yield* crowd({ concurrency: 16, rateMax: 100, hangs: everyFifth })
      expect(tries.size).toBe(200)
      expect(Math.min(...tries.values())).toBeGreaterThanOrEqual(3)
    }), 60_000)

  it.effect("and are everybody still all come round", () =>
    Effect.gen(function* () {
      const { tries, most } = yield* crowd({ concurrency: 16, rateMax: 100, hangs: () => true })
      expect(tries.size).toBe(users)
      expect(most).toBeLessThanOrEqual(16 + 4 + 32)
    }), 60_000)

  it.effect("when there is but one place have another, and so have the others theirs", () =>
    Effect.gen(function* () {
      const limits = { concurrency: 1, rateMax: 100 }
      const few = (n: number) => n % 200 === 0
      const calm = yield* crowd({ ...limits, hangs: () => false })
      const troubled = yield* crowd({ ...limits, hangs: few })
      expect(Math.min(...troubled.tries.values())).toBeGreaterThanOrEqual(3)
      expect(troubled.p99 - calm.p99).toBeLessThan(4_000)
    }), 60_000)
})
