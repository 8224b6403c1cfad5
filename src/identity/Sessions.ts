/**
 * Signed-in browsers. The browser holds 256 random bits; the store only their SHA-256, so a stolen table signs nobody
 * in (OWASP ASVS 5.0, 7.2).
 */
import { Context } from "effect"
import type { Effect, Redacted } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export type SessionToken = Redacted.Redacted<string>

export class Sessions extends Context.Service<Sessions, {
  readonly begin: (owner: Owner) => Effect.Effect<SessionToken, StoreUnavailable>
  /** The owner of a living session; its end moves on with use. */
  readonly find: (token: SessionToken) => Effect.Effect<Owner | undefined, StoreUnavailable>
  readonly end: (token: SessionToken) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/identity/Sessions") {}
