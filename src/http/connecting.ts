/** From what a user gave of a tool to their actor, which proves it and keeps it. */
import { Effect } from "effect"
import type { Redacted } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Actors } from "../actors/Actors.ts"
import { Connectors, GrantUnsupported } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { TokenVault } from "../connectors/TokenVault.ts"

export const connectorOf = Effect.fnUntraced(function* (provider: Provider) {
  const connector = (yield* Connectors).of(provider)
  if (connector === undefined) return yield* new GrantUnsupported({ provider, detail: "is not offered here" })
  return connector
})

/** What was pasted: a personal token, or the address of a feed. */
export const connectPasted = Effect.fnUntraced(function* (
  owner: Owner,
  provider: Provider,
  pasted: Redacted.Redacted<string>,
  replaces: boolean,
) {
  const { fromToken } = yield* connectorOf(provider)
  return yield* connectCredential(owner, provider, yield* fromToken(pasted), replaces)
})

export const connectCredential = Effect.fnUntraced(function* (
  owner: Owner,
  provider: Provider,
  credential: Credential,
  replaces: boolean,
) {
  const { seal } = yield* TokenVault
  const { ask } = yield* Actors
  return yield* ask(owner, { _tag: "Connect", provider, sealed: yield* seal(owner, provider, credential), replaces })
})
