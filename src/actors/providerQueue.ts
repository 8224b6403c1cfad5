/**
 * One provider's due users, handed to their actors as fast as its limits allow and no faster.
 *
 * Only as many are claimed as can begin at once: a claim never waits here for a place, so a slow user holds one place
 * and nobody's turn. What limits are there is read before each claim: places, rate, and whether the tool is there at
 * all. While it is not, nothing is claimed, and the queue keeps its order.
 *
 * Users whose last sync failed have places (places.ts) and a share of the rate of their own, and never another's. They
 * need not wait for the others either: what they take of the rate beyond what is there is missing to those after.
 */
import { Clock, Effect, FiberSet, Latch } from "effect"
import type { Scope } from "effect"
import type { ConnectorShape } from "../connectors/Connector.ts"
import { Actors } from "./Actors.ts"
import { makePlaces } from "./places.ts"
import type { Place } from "./places.ts"
import { makeRates } from "./rateBudget.ts"
import type { SyncTally } from "./syncTally.ts"
import { outcomeOf } from "./syncTally.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { ClaimLimits, DueUser } from "./UserSyncStore.ts"

export interface QueueLimits {
  /** Syncs of healthy users under way at once; places.ts says how many others beside them. */
  readonly concurrency: number
  /** Syncs begun per second. */
  readonly rateMax: number
}

/**
 * Three calls of a tool at the limit of its patience, so that hardly a sync outlives its claim and is begun twice.
 * Longer than a user's lease, and well below a minute: so long a refresh token works that a scheduler which died had
 * spent, and had not kept the next one of. A place is given up after it as well.
 */
export const claimMs = 45_000

/** Somebody else is at it, or was when their process ended: whoever of them is gone is found out soon. */
const heldRetryMs = 10_000

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
  const workers = yield* FiberSet.make<void>()
  const placeFreed = yield* Latch.make(false)
  const places = makePlaces(concurrency)
  const rates = makeRates(rateMax, concurrency, yield* Clock.currentTimeMillis)
  const probing = new Set<Place>()
  let failingLookMs = 0

  const comeBackSoon = (user: DueUser) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (nowMs) => Effect.ignore(store.unclaim([{ ...user, dueAtMs: nowMs + heldRetryMs }])),
    )

  const sync = (user: DueUser, place: Place) =>
    ask(user.owner, { _tag: "SyncNow", provider, reason: "due" }).pipe(
      Effect.tapErrorTag("ActorBusy", () => comeBackSoon(user)),
      Effect.exit,
      Effect.timeoutOption(claimMs),
      Effect.flatMap((answer) => tally.ended(outcomeOf(answer._tag === "Some" ? answer.value : undefined))),
      Effect.ensuring(Effect.sync(() => {
        places.free(place)
        probing.delete(place)
        placeFreed.openUnsafe()
      })),
      Effect.withSpan("Scheduler.sync", { root: true, attributes: { provider } }),
    )

  const begin = Effect.fnUntraced(function* (users: ReadonlyArray<DueUser>, nowMs: number, isProbe: boolean) {
    for (const user of users) {
      const place = places.take(user.isFailing, nowMs)
      if (isProbe) probing.add(place)
      yield* tally.begun(nowMs - user.dueAtMs)
      yield* FiberSet.run(workers, sync(user, place))
    }
    const failing = users.filter((user) => user.isFailing).length
    return { healthy: users.length - failing, failing }
  })

  /** Whoever is claimed is begun: an end that comes in between gives the claim back. */
  const claim = Effect.fnUntraced(function* (limits: ClaimLimits, isProbe = false) {
    if (limits.healthy + limits.failing === 0) return nobody
    const nowMs = yield* Clock.currentTimeMillis
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(store.claimDue(provider, nowMs, claimMs, limits), (users) => {
        rates.spend(users.length, users.filter((user) => user.isFailing).length)
        const mayGoOn = restore(Effect.yieldNow).pipe(Effect.onInterrupt(() => Effect.ignore(store.unclaim(users))))
        return Effect.andThen(mayGoOn, begin(users, nowMs, isProbe))
      })
    )
  })

  /**
   * One look whether the tool is back is enough, and the circuit lets no second one through. Whoever fails of their own
   * would tell it wrongly, and is tried when there is nobody else.
   */
  const probe = Effect.suspend(() => {
    if (probing.size > 0) return Effect.void
    return Effect.flatMap(
      claim({ healthy: 1, failing: 0 }, true),
      ({ healthy }) => healthy > 0 ? Effect.void : claim({ healthy: 0, failing: 1 }, true),
    )
  })

  const turn = Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    placeFreed.closeUnsafe()
    places.moveSlow(nowMs)
    const [left, rate, { state }] = [places.left(), rates.left(nowMs), yield* connector.circuit]
    if (state === "half-open") return yield* Effect.andThen(probe, Effect.sleep(tickMs))
    if (state !== "closed") return yield* Effect.sleep(tickMs)
    const limits = {
      healthy: Math.min(left.healthy, rate.healthy),
      failing: nowMs < failingLookMs ? 0 : Math.min(left.failing, rate.failing),
    }
    const begun = yield* claim(limits)
    // So that the places a busy queue waits for one by one do not each bring a look at those who fail.
    if (begun.failing < limits.failing) failingLookMs = nowMs + tickMs
    if (isMore(limits.healthy, begun.healthy) || isMore(limits.failing, begun.failing)) {
      return yield* Effect.sleep(gatherMs)
    }
    // Healthy users may be due for whom there was no place, or no rate: they wait for that and no longer.
    if (left.healthy === 0) yield* Effect.timeoutOption(placeFreed.await, tickMs)
    else yield* Effect.sleep(limits.healthy > 0 ? tickMs : Math.min(tickMs, Math.max(gatherMs, rates.waitMs())))
  }).pipe(
    Effect.catchTag("StoreUnavailable", () => Effect.sleep(tickMs)),
    Effect.catchCause((cause) =>
      Effect.andThen(Effect.logError(`the due queue of ${provider} stumbled and goes on`, cause), Effect.sleep(tickMs))
    ),
  )
  return yield* Effect.forever(turn)
})

const nobody: ClaimLimits = { healthy: 0, failing: 0 }

/** As many as were asked for: there may be more of them. */
const isMore = (asked: number, begun: number): boolean => asked > 0 && begun === asked
