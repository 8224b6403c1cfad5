/**
 * The ways to a tool that were begun and not come back from. A digest of the state and one of the session are all that
 * is kept: whoever reads the store can finish nobody's attempt.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"

/** Longer than a sign-in at the tool with a second factor takes. */
export const attemptMs = 10 * 60_000

/** Of one user at a time, for whoever has several tabs. Beginning another forgets the oldest. */
export const attemptsMax = 10

export interface OAuthAttempt {
  readonly owner: Owner
  readonly provider: Provider
  /** As it was sent: the exchange has to repeat it. */
  readonly redirectUri: string
  readonly expiresAtMs: number
}

/** Both are SHA-256. */
export interface AttemptKey {
  readonly stateHash: Uint8Array
  readonly sessionHash: Uint8Array
}

export class OAuthAttempts extends Context.Service<OAuthAttempts, {
  /** Keeps `attemptsMax` of the owner, the newest; forgets whose time is over, of anybody. */
  readonly begin: (key: AttemptKey, attempt: OAuthAttempt, nowMs: number) => Effect.Effect<void, StoreUnavailable>
  /**
   * Gives it once. Undefined for a state that was never begun, was taken, is another session's (and stays for that
   * one), or has run out.
   */
  readonly take: (key: AttemptKey, nowMs: number) => Effect.Effect<OAuthAttempt | undefined, StoreUnavailable>
}>()("tipstream/connectors/OAuthAttempts") {}
