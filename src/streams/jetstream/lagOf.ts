/** How far a consumer is behind, also while durables of it are gone and the broker cannot count for them. */

export interface LaneLag {
  readonly lag: number
  /** Of the stream, when the lag was counted. */
  readonly lastSequence: number
}

export interface KnownLane {
  /** As last counted; undefined when the durable never was there. */
  readonly known: LaneLag | undefined
  readonly isGone: boolean
}

/**
 * Events that are not settled. Of a lane whose durable is gone: those it had left, and an even share of what the stream
 * got since; of one that was never there, a share of all the stream holds.
 */
export const lagOf = (
  lanes: ReadonlyArray<KnownLane>,
  stream: { readonly lastSequence: number; readonly messages: number } | undefined,
): number => {
  const share = (events: number) => Math.max(0, events) / lanes.length
  return Math.ceil(lanes.reduce((sum, { known, isGone }) => {
    if (known === undefined) return sum + share(stream?.messages ?? 0)
    return sum + known.lag + (isGone && stream !== undefined ? share(stream.lastSequence - known.lastSequence) : 0)
  }, 0))
}
