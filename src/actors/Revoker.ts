/**
 * Tells tools what they could not be told when a user disconnected. Nobody waits for it: here everything was wiped at
 * once, and what is left is a sealed credential that is forgotten after a day whatever the tool says.
 */
import { Clock, Effect } from "effect"
import { Connectors } from "../connectors/Connector.ts"
import { takeBack } from "./takeBack.ts"
import { UserSyncStore } from "./UserSyncStore.ts"

/** In a day some hundred tries: a tool that is back is told within the quarter of an hour. */
const retryMs = 15 * 60_000
/** One call each, one after the other; the rest comes with the next round. */
const batchMax = 20

/** One round; how many are not owed any more. */
export const revokeOwed = Effect.gen(function* () {
  const store = yield* UserSyncStore
  const connectors = yield* Connectors
  const owed = yield* store.claimRevocations(yield* Clock.currentTimeMillis, retryMs, batchMax)
  const told = yield* Effect.forEach(owed, (one) => {
    const connector = connectors.of(one.provider)
    return connector === undefined ? Effect.succeed("pending" as const) : takeBack(connector, one)
  })
  return told.filter((outcome) => outcome !== "pending").length
}).pipe(Effect.withSpan("Revoker.round"))
