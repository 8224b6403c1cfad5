/**
 * The witness of an installation: sealed by the first process that starts on a database, opened by each that starts
 * later. Without it two processes with keys of their own would not know of each other until the first token was sealed,
 * and then condemn each other's.
 */
import { Effect, Redacted } from "effect"
import { TokenVault } from "./TokenVault.ts"
import { VaultRecords, witness } from "./VaultRecords.ts"
import type { VaultRecord } from "./VaultRecords.ts"

/** Leaves one where there is none; with `given`, puts a new one in the place of one that was given up. */
export const leaveWitness = Effect.fn("Vault.leaveWitness")(function* (given: VaultRecord | undefined) {
  const vault = yield* TokenVault
  const records = yield* VaultRecords
  const sealed = yield* vault.seal(witness.owner, witness.provider, {
    accessToken: Redacted.make("witness"),
    refreshToken: null,
    expiresAtMs: null,
    scopes: null,
    familyId: witness.familyId,
    issuedAtMs: 0,
  })
  yield* given === undefined ? records.leaveWitness(sealed) : records.replace(given, sealed)
})
