/**
 * Keeps what this process asks of one provider account below the provider's own limits, whoever of our users asks.
 *
 * Todoist allows an account 1,000 partial and 100 full syncs in 15 minutes, shared with all other apps of its user
 * (https://developer.todoist.com/api/v1/#tag/Request-limits). The most one process takes in any 15 minutes is
 * `burst + borrowed + refill`: 420 partial and 50 full ones. Two processes that speak for the same account stay below.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { Provider } from "../../schemas/Task.ts"

export type Pace = { readonly _tag: "Go" } | { readonly _tag: "Wait"; readonly untilMs: number }

export type ReadKind = "partial" | "full"

export class AccountPace extends Context.Service<AccountPace, {
  /**
   * Takes one call's turn, or says when there will be one. A person who waits may borrow from the turns to come.
   * An account that is not known yet always goes: its first read is what tells whose it is.
   */
  readonly take: (
    provider: Provider,
    accountId: string | null,
    kind: ReadKind,
    isPerson: boolean,
  ) => Effect.Effect<Pace>
}>()("tipstream/connectors/AccountPace") {}

interface Limit {
  readonly burst: number
  /** How far below zero a person may go. */
  readonly borrowed: number
  readonly refillEveryMs: number
}

/** A full read is some 3 MB of a large account, and Todoist counts ten times as strictly. */
const limits: Readonly<Record<ReadKind, Limit>> = {
  partial: { burst: 60, borrowed: 60, refillEveryMs: 3_000 },
  full: { burst: 10, borrowed: 10, refillEveryMs: 30_000 },
}

interface Bucket {
  readonly turns: number
  readonly atMs: number
}

/** Some 150 bytes each. A bucket that is full again is worth nothing, so more than these are hardly ever in use. */
const bucketsMax = 100_000

const take = (bucket: Bucket | undefined, limit: Limit, nowMs: number, isPerson: boolean) => {
  const { turns, atMs } = bucket ?? { turns: limit.burst, atMs: nowMs }
  // A clock set back refills nothing, and forgets nothing either.
  const refilled = Math.min(limit.burst, turns + Math.max(0, nowMs - atMs) / limit.refillEveryMs)
  const missing = 1 - (isPerson ? limit.borrowed : 0) - refilled
  const pace: Pace = missing <= 0
    ? { _tag: "Go" }
    : { _tag: "Wait", untilMs: nowMs + Math.ceil(missing * limit.refillEveryMs) }
  return { pace, bucket: { turns: pace._tag === "Go" ? refilled - 1 : refilled, atMs: nowMs } }
}

export const layer: Layer.Layer<AccountPace> = Layer.sync(AccountPace, () => {
  const buckets = new Map<string, Bucket>()

  const remember = (key: string, bucket: Bucket): void => {
    // Taken out and put back in, so that the one not used for longest is always the first.
    buckets.delete(key)
    buckets.set(key, bucket)
    if (buckets.size <= bucketsMax) return
    const [oldest] = buckets.keys()
    if (oldest !== undefined) buckets.delete(oldest)
  }

  return AccountPace.of({
    take: (provider, accountId, kind, isPerson) =>
      accountId === null ? Effect.succeed({ _tag: "Go" }) : Effect.map(Clock.currentTimeMillis, (nowMs) => {
        const key = `${provider} ${kind} ${accountId}`
        const { pace, bucket } = take(buckets.get(key), limits[kind], nowMs, isPerson)
        remember(key, bucket)
        return pace
      }),
  })
})
