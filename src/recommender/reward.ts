/**
 * What a reaction is worth, in [0, 1]. Raw reactions stay in the log, so a later mapping can score the same history
 * again.
 */
import type { Reaction } from "../../schemas/Tip.ts"

/** What ends a tip. `undo` is no outcome: it has no reward but takes one back (Learner.ts). */
export type Outcome = Exclude<Reaction, "undo"> | "expired"

const rewards: Readonly<Record<Outcome, number>> = {
  /** The tip led to the thing being done: what the service is for. */
  done: 1,
  /**
   * Read and agreed with. For advice there is often no more to do; for a task it is still a promise, hence less than
   * done.
   */
  acknowledge: 0.7,
  /** Worth keeping, but the moment was not used. */
  save: 0.6,
  /** Right thing, wrong moment: better than nothing, and much less than agreement. */
  snooze: 0.3,
  /** Not wanted. */
  dismiss: 0,
  /** Silence: the tip did not earn the attention it asked for. Not below dismiss, for nobody knows if it was seen. */
  expired: 0,
}

export const rewardOf = (outcome: Outcome): number => rewards[outcome]
