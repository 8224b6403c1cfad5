/** What a tool gave us to speak for a user with. Only ever kept sealed (TokenVault). */
import type { Redacted } from "effect"

export interface Credential {
  /** Sent with each call: an OAuth access token, a personal token, or the secret address of a feed. */
  readonly accessToken: Redacted.Redacted<string>
  /** Null for what cannot be refreshed. It rotates: each use gives another, and the one before dies. */
  readonly refreshToken: Redacted.Redacted<string> | null
  /** Null when the tool did not say, or said years: then it is used until it is refused. */
  readonly expiresAtMs: number | null
  /** What the user granted; null when the tool does not say, as for personal tokens. */
  readonly scopes: ReadonlyArray<string> | null
  /** The grant all rotations of it descend from. A sealed record moved into another grant's place does not open. */
  readonly familyId: string
  readonly issuedAtMs: number
}
