/** When to look again. Pure: time and chance come in as data. */

export interface Occasion {
  readonly nowMs: number
  /** Of users who look at their tips. */
  readonly intervalMs: number
  /** When the user last asked for a tip; null: never. */
  readonly activeAtMs: number | null
  readonly connectedAtMs: number
  /** The sync before this one; null: there was none. */
  readonly syncedAtMs: number | null
  /** In [0, 1). */
  readonly chance: number
}

const dayMs = 86_400_000

/**
 * Who was here within this time is likely to come again today. Later is early enough for others: a recommend on old
 * data asks for a sync itself, and a webhook brings what changed.
 */
const activeMs = dayMs

/** Of those idle for long. Data older than a quarter of a day would make their first tip a guess. */
const intervalMaxMs = 6 * 3_600_000

/** Doubles with each further day without the user, who is also there when they connect. */
const intervalOf = ({ nowMs, intervalMs, activeAtMs, connectedAtMs }: Occasion): number => {
  const idleMs = nowMs - Math.max(activeAtMs ?? 0, connectedAtMs)
  if (idleMs <= activeMs) return intervalMs
  const grown = intervalMs * 2 ** Math.min((idleMs - activeMs) / dayMs, 40)
  return Math.max(intervalMs, Math.min(intervalMaxMs, grown))
}

/** Either way: users who began together drift apart. */
const jitter = 0.1

/**
 * Later than jitter explains: the tool or this service was away, and many others are synced in the same minutes. Spread
 * over as long as an interval is, they are as dense as if they had never met, and there is no second wave.
 */
const spread = 0.5

export const nextSyncAtMs = (occasion: Occasion): number => {
  const { nowMs, syncedAtMs, chance } = occasion
  const interval = intervalOf(occasion)
  const isLate = syncedAtMs !== null && nowMs - syncedAtMs > interval * (1 + 2 * jitter)
  const width = isLate ? spread : jitter
  return Math.round(nowMs + interval * (1 - width + 2 * width * chance))
}
