/** Tells a tool that a credential is not used any more. */
import { Effect } from "effect"
import type { ConnectorShape } from "../connectors/Connector.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { OwedRevocation } from "./UserSyncStore.ts"

/**
 * Owed no more once the tool was told, has nothing to be told (`none`), or the credential does not open: what cannot be
 * opened cannot be revoked, now or later. `pending`: the tool did not take it, and it stays owed.
 */
export const takeBack = Effect.fnUntraced(function* (
  connector: ConnectorShape,
  { owner, provider, revocationId, sealed }: Omit<OwedRevocation, "attempts">,
) {
  const store = yield* UserSyncStore
  const vault = yield* TokenVault
  return yield* vault.open(owner, provider, sealed).pipe(
    Effect.flatMap(({ credential }) => connector.revoke(credential)),
    Effect.catchTag("TokenUnreadable", () => Effect.succeed("none" as const)),
    Effect.tap(store.revoked(revocationId)),
    Effect.map((told) => told ?? "done" as const),
    Effect.catch((error) => Effect.as(Effect.logInfo(`a revocation is still owed: ${error._tag}`), "pending" as const)),
  )
})
