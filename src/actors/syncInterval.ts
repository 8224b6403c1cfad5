/** When to look again. Pure: time and chance come in as data. */

export interface Occasion {
  readonly nowMs: number
  /** Of users who look at their tips. */
  readonly intervalMs: number
  /** When the user last asked for a tip; null: never. */
  readonly activeAtMs: number | null
  /** When this sync should have been; null when none was planned. */
  readonly dueAtMs: number | null
  /** In [0, 1). */
  readonly chance: number
}

/** Spreads by a tenth either way, so that users who began together drift apart. */
export const nextSyncAtMs = ({ nowMs, intervalMs, chance }: Occasion): number =>
  Math.round(nowMs + intervalMs * (0.9 + 0.2 * chance))
