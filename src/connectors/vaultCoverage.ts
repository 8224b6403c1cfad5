/**
 * Whether the key ring opens what the store holds. Looked at when the service starts: a key that was forgotten would
 * otherwise sign every user it concerns out of their tools, one by one.
 */
import { Effect, Schema } from "effect"
import { TokenVault } from "./TokenVault.ts"
import { currentVersion } from "./vaultRecord.ts"
import { VaultRecords } from "./VaultRecords.ts"

class VaultKeysMissing extends Schema.TaggedError<VaultKeysMissing>()("VaultKeysMissing", {
  problems: Schema.Array(Schema.String),
}) {
  override get message() {
    return [
      "the key ring (VAULT_KEYS, else the file vault-key in DATA_DIR) does not open all stored tokens:",
      ...this.problems.map((problem) => `  ${problem}`),
      "what a lost key sealed is given up by users who connect again; everything else of theirs stays",
    ].join("\n")
  }
}

/**
 * - `active`: seals, and opens.
 * - `opens`: opens what it sealed before.
 * - `lost`: said to be lost by the ring; its records are given up.
 * - `missing`: sealed records, and is not in the ring.
 * - `other`: is in the ring, but opens none of the records under its id.
 */
export type VaultKeyState = "active" | "opens" | "lost" | "missing" | "other"

export interface VaultKeyUse {
  readonly id: string
  readonly state: VaultKeyState
  readonly records: number
}

export interface VaultCoverage {
  readonly keys: ReadonlyArray<VaultKeyUse>
  /** Records that name no key. */
  readonly damaged: number
  /** Records that are to be sealed anew under the active key. */
  readonly outdated: number
}

/** One damaged record does not make a key another one; more than this need not be read to know. */
const samplesMax = 5

/** `lost` are the ids the ring says nobody has the key of. */
export const coverage = Effect.fn("Vault.coverage")(function* (lost: ReadonlyArray<string>) {
  const vault = yield* TokenVault
  const records = yield* VaultRecords
  const counts = yield* records.counts
  const ids = new Set([...vault.keyIds, ...lost, ...counts.flatMap(({ keyId }) => keyId ?? [])])
  const sum = (of: (count: typeof counts[number]) => boolean) =>
    counts.filter(of).reduce((total, { count }) => total + count, 0)
  const opensOne = Effect.fnUntraced(function* (id: string) {
    for (const { owner, provider, sealed, familyId } of yield* records.sealedBy(id, samplesMax)) {
      const isOpen = yield* Effect.match(vault.open(owner, provider, sealed, familyId), {
        onSuccess: () => true,
        onFailure: () => false,
      })
      if (isOpen) return true
    }
    return false
  })
  const keys: Array<VaultKeyUse> = []
  for (const id of ids) {
    const held = sum(({ keyId }) => keyId === id)
    if (!vault.keyIds.includes(id)) {
      keys.push({ id, state: lost.includes(id) ? "lost" : "missing", records: held })
    } else if (held > 0 && !(yield* opensOne(id))) {
      keys.push({ id, state: "other", records: held })
    } else {
      keys.push({ id, state: id === vault.activeKeyId ? "active" : "opens", records: held })
    }
  }
  const isCurrent = (one: typeof counts[number]) => one.keyId === vault.activeKeyId && one.version === currentVersion
  const damaged = sum(({ keyId }) => keyId === undefined)
  return { keys, damaged, outdated: sum((one) => one.keyId !== undefined && !isCurrent(one)) } satisfies VaultCoverage
})

/** Fails with what to do when a key is missing, or is another than the one that sealed. */
export const expectKeys = Effect.fnUntraced(function* ({ keys }: VaultCoverage) {
  const problems = keys.flatMap(({ id, state, records }) => {
    const tokens = records === 1 ? "1 token is" : `${records} tokens are`
    if (state === "missing") {
      return [
        `${tokens} sealed with key ${id}, which is not in it: add it behind the others, or, if it is lost, ${id}:lost`,
      ]
    }
    if (state === "other") {
      return [
        `${tokens} sealed with a key ${id} that is another than its ${id}: put that one back, or, if it is lost, ` +
        `give this one an id of its own and add ${id}:lost`,
      ]
    }
    return []
  })
  if (problems.length > 0) return yield* new VaultKeysMissing({ problems })
})
