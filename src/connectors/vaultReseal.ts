/**
 * Brings what older keys sealed, or the older form of the vault, to the key that seals today, so that a key can be
 * retired. Lost races are no loss: whoever changed a record meanwhile sealed it anew.
 */
import { Effect, Metric } from "effect"
import { TokenVault } from "./TokenVault.ts"
import { currentVersion, headOf } from "./vaultRecord.ts"
import { VaultRecords } from "./VaultRecords.ts"
import type { VaultRecord } from "./VaultRecords.ts"

export interface ResealReport {
  readonly resealed: number
  /** Written by somebody else meanwhile, or gone. */
  readonly changed: number
  /** Not to be opened with the keys at hand; left as they are. */
  readonly unreadable: number
}

/** Half a second of sealing; between two of them requests come first. */
const batchMax = 500

const reseals = Metric.counter("vault_reseals_total", {
  incremental: true,
  description: "Sealed credentials brought to the active key, by outcome",
})

/** One pass over everything outdated. Ends by itself; a second pass finds what came up meanwhile. */
export const reseal = Effect.fn("Vault.reseal")(function* ({ pauseMs }: { readonly pauseMs: number }) {
  const vault = yield* TokenVault
  const records = yield* VaultRecords
  const head = headOf(currentVersion, vault.activeKeyId)
  yield* resealWitness(head)
  const report = { resealed: 0, changed: 0, unreadable: 0 }
  let after: VaultRecord | undefined
  for (;;) {
    const batch = yield* records.outdated(head, batchMax, after)
    if (batch.length === 0) return report satisfies ResealReport as ResealReport
    for (const record of batch) {
      const outcome = yield* resealOne(record)
      report[outcome] += 1
      yield* Metric.update(Metric.withAttributes(reseals, { outcome }), 1)
    }
    after = batch.at(-1)
    const { resealed, changed, unreadable } = report
    yield* Effect.logInfo(
      `credentials sealed anew under key ${vault.activeKeyId}: ${resealed}; changed meanwhile: ${changed}; ` +
        `cannot be opened: ${unreadable}`,
    )
    yield* Effect.sleep(pauseMs)
  }
})

/** No token, so it is not reported as one. One that does not open is the next start's to judge. */
const resealWitness = Effect.fnUntraced(function* (head: Uint8Array) {
  const witness = yield* Effect.flatMap(VaultRecords, (records) => records.witness)
  if (witness !== undefined && !head.every((byte, at) => witness.sealed[at] === byte)) yield* resealOne(witness)
})

const resealOne = Effect.fnUntraced(function* (record: VaultRecord) {
  const vault = yield* TokenVault
  const records = yield* VaultRecords
  const { owner, provider, familyId, sealed } = record
  const opened = yield* vault.open(owner, provider, sealed, familyId).pipe(
    Effect.catchTag("TokenUnreadable", () => Effect.succeed(undefined)),
  )
  if (opened === undefined) return "unreadable"
  const isReplaced = yield* records.replace(record, yield* vault.seal(owner, provider, opened.credential))
  return isReplaced ? "resealed" : "changed"
})
