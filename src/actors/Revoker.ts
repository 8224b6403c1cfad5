/**
 * Tells tools what they could not be told when a user disconnected. Nobody waits for it: here everything was wiped at
 * once, and what is left is a sealed credential that is forgotten after a day whatever the tool says.
 */
import { Clock, Effect } from "effect"
import { Connectors } from "../connectors/Connector.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { OwedRevocation } from "./UserSyncStore.ts"

/** In a day some hundred tries: a tool that is back is told within the quarter of an hour. */
const retryMs = 15 * 60_000
/** One call each, one after the other; the rest comes with the next round. */
const batchMax = 20

/** One round; how many the tools took. */
export const revokeOwed = Effect.gen(function* () {
  const store = yield* UserSyncStore
  const owed = yield* store.claimRevocations(yield* Clock.currentTimeMillis, retryMs, batchMax)
  const told = yield* Effect.forEach(owed, revoke)
  return told.filter((isTold) => isTold).length
}).pipe(Effect.withSpan("Revoker.round"))

const revoke = Effect.fnUntraced(function* ({ owner, provider, revocationId, sealed }: OwedRevocation) {
  const store = yield* UserSyncStore
  const vault = yield* TokenVault
  const connector = (yield* Connectors).of(provider)
  if (connector === undefined) return false
  return yield* vault.open(owner, provider, sealed).pipe(
    Effect.flatMap(({ credential }) => connector.revoke(credential)),
    // What cannot be opened cannot be revoked, now or later.
    Effect.catchTag("TokenUnreadable", () => Effect.void),
    Effect.andThen(store.revoked(revocationId)),
    Effect.as(true),
    Effect.catch((error) => Effect.as(Effect.logInfo(`a revocation is still owed: ${error._tag}`), false)),
  )
})
