/**
 * The vault of a running service: refuses a ring that lacks a key or is not the installation's, then brings old records
 * to the active key.
 */
import { Effect, Layer, Schedule } from "effect"
import type { Redacted } from "effect"
import { SqlError } from "effect/sql"
import * as SealedBoxVault from "../connectors/SealedBoxVault.ts"
import { coverage, expectKeys } from "../connectors/vaultCoverage.ts"
import { lostKeyIds } from "../connectors/vaultKeyRing.ts"
import { VaultRecords } from "../connectors/VaultRecords.ts"
import { reseal } from "../connectors/vaultReseal.ts"
import { leaveWitness } from "../connectors/vaultWitness.ts"

/** Between two batches: a hundred thousand records take some minutes, and requests hardly notice. */
const pauseMs = 1_000

const upkeep = Effect.fnUntraced(function* (keys: Redacted.Redacted<string>) {
  const lost = lostKeyIds(keys)
  // Read before it is judged: one that another process left since must not be taken for the one that is given up.
  const before = yield* Effect.flatMap(VaultRecords, ({ witness }) => witness)
  const found = yield* coverage(lost)
  yield* expectKeys(found)
  if (found.damaged > 0) yield* Effect.logWarning(`${found.damaged} stored tokens are damaged beyond any key`)
  if (found.witness === "none" || found.witness === "void") {
    yield* leaveWitness(found.witness === "void" ? before : undefined)
    // Of two that start at once one was first, and the other may have another ring.
    yield* expectKeys(yield* coverage(lost))
  }
  if (found.outdated === 0 && found.witness !== "outdated") return
  yield* reseal({ pauseMs }).pipe(
    Effect.retry(Schedule.spaced("1 minute")),
    Effect.catchCause((cause) =>
      Effect.logWarning("tokens could not be sealed anew; the next start tries again", cause)
    ),
    Effect.forkScoped,
  )
})

/** Offers the vault. */
export const layer = (keys: Redacted.Redacted<string>) =>
  Layer.effectDiscard(
    upkeep(keys).pipe(
      // Whoever starts the service knows what a database's own failure means.
      Effect.catchTag("StoreUnavailable", ({ cause }) =>
        SqlError.isSqlError(cause) ? Effect.fail(cause) : Effect.die(cause)),
    ),
  ).pipe(Layer.provideMerge(SealedBoxVault.layer(keys)))
