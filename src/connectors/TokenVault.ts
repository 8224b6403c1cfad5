/**
 * Seals credentials, so that the store never holds one in the clear.
 *
 * Owner, provider and token family are bound inside the seal: a sealed credential moved to another row does not open.
 * Whoever only seals (the API) needs no secret; whoever opens (the sync actors) needs the ring's.
 */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Credential } from "./Credential.ts"

/** Not sealed by a key we hold, or not for this owner: the user has to connect again. */
export class TokenUnreadable extends Schema.TaggedError<TokenUnreadable>()("TokenUnreadable", {
  provider: Schema.String,
}) {
  override get message() {
    return `the stored ${this.provider} credential cannot be opened with the keys at hand`
  }
}

export interface Opened {
  readonly credential: Credential
  /** Sealed by a key that is not the active one, or in an older form: seal it again with the next write. */
  readonly isOutdated: boolean
}

export class TokenVault extends Context.Service<TokenVault, {
  readonly seal: (owner: Owner, provider: Provider, credential: Credential) => Effect.Effect<Uint8Array>
  /** With `familyId`, a credential of another family does not open; what was sealed before families has none. */
  readonly open: (
    owner: Owner,
    provider: Provider,
    sealed: Uint8Array,
    familyId?: string,
  ) => Effect.Effect<Opened, TokenUnreadable>
  /** Id of the key that seals. */
  readonly activeKeyId: string
  /** All keys that open, the active one first. */
  readonly keyIds: ReadonlyArray<string>
}>()("tipstream/connectors/TokenVault") {}

/** Id of the key a sealed credential names, readable without any key; undefined for what no vault of ours wrote. */
export const keyIdOf = (sealed: Uint8Array): string | undefined => {
  const length = sealed[1] ?? 0
  if ((sealed[0] !== 1 && sealed[0] !== 2) || length === 0 || sealed.length <= 2 + length) return undefined
  return new TextDecoder().decode(sealed.subarray(2, 2 + length))
}
