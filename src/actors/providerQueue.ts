/**
 * One provider's due users, handed to their actors as fast as its limits allow and no faster.
 *
 * Only as many are claimed as can begin at once: a claim never waits here for a place, so a slow user holds one place
 * and nobody's turn. What limits are there is read before each claim: places, rate, and whether the tool is there at
 * all. While it is not, nothing is claimed, and the queue keeps its order.
 */
import { Clock, Effect, FiberSet, Latch } from "effect"
import type { Scope } from "effect"
import type { ConnectorShape } from "../connectors/Connector.ts"
import { Actors } from "./Actors.ts"
import { refilled, spent, untilNextMs, wholeTokens } from "./rateBudget.ts"
import type { RateBudget, RateLimit } from "./rateBudget.ts"
import type { SyncTally } from "./syncTally.ts"
import { outcomeOf } from "./syncTally.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { DueUser } from "./UserSyncStore.ts"

export interface QueueLimits {
  /** Syncs under way at once. */
  readonly concurrency: number
  /** Syncs begun per second. */
  readonly rateMax: number
}

/**
 * Four calls of a tool at the limit of its patience, so that hardly a sync outlives its claim and is begun twice; and
 * the users of a scheduler that died are looked at again within a minute. A place is given up after it as well.
 */
export const claimMs = 60_000

/** How late a sync may be for want of looking. */
const tickMs = 1_000

/** Between two claims: lets a few places come free, so that a busy queue is not asked for one user at a time. */
const gatherMs = 50

export const runQueue = Effect.fnUntraced(function* (
  connector: ConnectorShape,
  { concurrency, rateMax }: QueueLimits,
  tally: SyncTally,
): Effect.fn.Return<never, never, UserSyncStore | Actors | Scope.Scope> {
  const store = yield* UserSyncStore
  const { ask } = yield* Actors
  const { provider } = connector
  const limit: RateLimit = { perSecond: rateMax, burst: Math.min(rateMax, concurrency) }
  const workers = yield* FiberSet.make<void>()
  const hasPlace = yield* Latch.make(true)
  let budget: RateBudget = { tokens: limit.burst, atMs: yield* Clock.currentTimeMillis }
  let underWay = 0

  const sync = ({ owner }: DueUser) =>
    ask(owner, { _tag: "SyncNow", provider, reason: "due" }).pipe(
      Effect.exit,
      Effect.timeoutOption(claimMs),
      Effect.flatMap((answer) => tally.ended(outcomeOf(answer._tag === "Some" ? answer.value : undefined))),
      Effect.ensuring(Effect.sync(() => {
        underWay -= 1
        hasPlace.openUnsafe()
      })),
      Effect.withSpan("Scheduler.sync", { root: true, attributes: { provider } }),
    )

  /** Waits for a place and for the rate; how many may begin now. */
  const mayBegin = Effect.gen(function* () {
    yield* hasPlace.await
    budget = refilled(budget, limit, yield* Clock.currentTimeMillis)
    const waitMs = untilNextMs(budget, limit)
    if (waitMs > 0) {
      yield* Effect.sleep(waitMs)
      budget = refilled(budget, limit, yield* Clock.currentTimeMillis)
    }
    const places = Math.min(concurrency - underWay, wholeTokens(budget))
    const { state } = yield* connector.circuit
    // One look whether the tool is back is enough, and the circuit lets no second one through.
    if (state === "half-open") return Math.min(places, 1 - underWay)
    return state === "closed" ? places : 0
  })

  const begin = Effect.fnUntraced(function* (users: ReadonlyArray<DueUser>, nowMs: number) {
    for (const user of users) {
      underWay += 1
      if (underWay === concurrency) hasPlace.closeUnsafe()
      yield* tally.begun(nowMs - user.dueAtMs)
      yield* FiberSet.run(workers, sync(user))
    }
    return users.length
  })

  /** Whoever is claimed is begun: an end that comes in between gives the claim back. */
  const claim = Effect.fnUntraced(function* (count: number) {
    const nowMs = yield* Clock.currentTimeMillis
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(store.claimDue(provider, nowMs, claimMs, count), (users) => {
        budget = spent(budget, users.length)
        const mayGoOn = restore(Effect.yieldNow).pipe(Effect.onInterrupt(() => Effect.ignore(store.unclaim(users))))
        return Effect.andThen(mayGoOn, begin(users, nowMs))
      })
    )
  })

  const turn = Effect.gen(function* () {
    const count = yield* mayBegin
    const begun = count > 0 ? yield* claim(count) : 0
    // Fewer than asked for: the queue is empty for now.
    yield* Effect.sleep(count > 0 && begun === count ? gatherMs : tickMs)
  }).pipe(
    Effect.catchTag("StoreUnavailable", () => Effect.sleep(tickMs)),
    Effect.catchCause((cause) =>
      Effect.andThen(Effect.logError(`the due queue of ${provider} stumbled and goes on`, cause), Effect.sleep(tickMs))
    ),
  )
  return yield* Effect.forever(turn)
})
