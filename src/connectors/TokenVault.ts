/**
 * Seals connector tokens, so that the store never holds one in the clear.
 *
 * Owner and provider are bound into the seal: a sealed token moved to another user's row does not open.
 */
import { Context, Schema } from "effect"
import type { Effect, Redacted } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"

/** Not sealed by a key we hold, or not for this owner: the user has to connect again. */
export class TokenUnreadable extends Schema.TaggedError<TokenUnreadable>()("TokenUnreadable", {
  provider: Schema.String,
}) {
  override get message() {
    return `the stored ${this.provider} token cannot be opened with the keys at hand`
  }
}

export class TokenVault extends Context.Service<TokenVault, {
  readonly seal: (owner: Owner, provider: Provider, token: Redacted.Redacted<string>) => Effect.Effect<Uint8Array>
  readonly open: (
    owner: Owner,
    provider: Provider,
    sealed: Uint8Array,
  ) => Effect.Effect<Redacted.Redacted<string>, TokenUnreadable>
}>()("tipstream/connectors/TokenVault") {}
