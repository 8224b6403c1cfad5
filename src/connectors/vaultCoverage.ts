/**
 * Whether the key ring opens what the store holds. Looked at when the service starts: a key that was forgotten would
 * otherwise sign every user it concerns out of their tools, one by one.
 */
import { Effect, Schema } from "effect"
import { keyIdOf, TokenVault } from "./TokenVault.ts"
import { currentVersion } from "./vaultRecord.ts"
import { VaultRecords } from "./VaultRecords.ts"
import type { VaultRecord } from "./VaultRecords.ts"

class VaultKeysMissing extends Schema.TaggedError<VaultKeysMissing>()("VaultKeysMissing", {
  /** About tokens. Empty when the witness alone does not open. */
  problems: Schema.Array(Schema.String),
  witnessKeyId: Schema.String,
}) {
  override get message() {
    const { problems } = this
    // No token is in danger: whoever starts has other keys than those who were here before.
    if (problems.length === 0) {
      return [
        `this database belongs to an installation with another key ring, of key ${this.witnessKeyId}:`,
        "  give all its processes the same VAULT_KEYS, or copy the file vault-key from the first one's DATA_DIR",
        `  if nobody has that key any more, add ${this.witnessKeyId}:lost behind a key of another id`,
        "no token is sealed with it, so none is lost with it",
      ].join("\n")
    }
    return [
      "the key ring (VAULT_KEYS, else the file vault-key in DATA_DIR) does not open all stored tokens:",
      ...problems.map((problem) => `  ${problem}`),
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
  /** Tokens it sealed. */
  readonly records: number
  /** Whether it sealed the witness of the installation. */
  readonly isWitness: boolean
}

export interface VaultCoverage {
  readonly keys: ReadonlyArray<VaultKeyUse>
  /** Records that name no key. */
  readonly damaged: number
  /** Records that are to be sealed anew under the active key. */
  readonly outdated: number
  /**
   * - `current`: sealed by the active key.
   * - `outdated`: to be sealed anew under it.
   * - `void`: given up with its key, or damaged: to be made anew. Also where a key is missing, which is judged first.
   * - `none`: not left yet.
   */
  readonly witness: "current" | "outdated" | "void" | "none"
}

/** One damaged record does not make a key another one; more than this need not be read to know. */
const samplesMax = 5

/** `lost` are the ids the ring says nobody has the key of. */
export const coverage = Effect.fn("Vault.coverage")(function* (lost: ReadonlyArray<string>) {
  const vault = yield* TokenVault
  const records = yield* VaultRecords
  const counts = yield* records.counts
  const witness = yield* records.witness
  const witnessKeyId = witness === undefined ? undefined : keyIdOf(witness.sealed)
  const ids = new Set([
    ...vault.keyIds,
    ...lost,
    ...counts.flatMap(({ keyId }) => keyId ?? []),
    ...(witnessKeyId === undefined ? [] : [witnessKeyId]),
  ])
  const sum = (of: (count: typeof counts[number]) => boolean) =>
    counts.filter(of).reduce((total, { count }) => total + count, 0)
  const opensWitness = witness !== undefined && (yield* opens(witness))
  const opensOne = Effect.fnUntraced(function* (id: string) {
    for (const record of yield* records.sealedBy(id, samplesMax)) if (yield* opens(record)) return true
    return false
  })
  const keys: Array<VaultKeyUse> = []
  for (const id of ids) {
    const held = sum(({ keyId }) => keyId === id)
    const isWitness = id === witnessKeyId
    const use = { id, records: held, isWitness }
    if (!vault.keyIds.includes(id)) {
      keys.push({ ...use, state: lost.includes(id) ? "lost" : "missing" })
    } else if ((held > 0 || isWitness) && !(isWitness && opensWitness) && !(yield* opensOne(id))) {
      keys.push({ ...use, state: "other" })
    } else {
      keys.push({ ...use, state: id === vault.activeKeyId ? "active" : "opens" })
    }
  }
  const isCurrent = (one: typeof counts[number]) => one.keyId === vault.activeKeyId && one.version === currentVersion
  const damaged = sum(({ keyId }) => keyId === undefined)
  const known = witnessKeyId === vault.activeKeyId ? "current" : "outdated"
  return {
    keys,
    damaged,
    outdated: sum((one) => one.keyId !== undefined && !isCurrent(one)),
    witness: witness === undefined ? "none" : opensWitness ? known : "void",
  } satisfies VaultCoverage as VaultCoverage
})

const opens = Effect.fnUntraced(function* ({ owner, provider, sealed, familyId }: VaultRecord) {
  const vault = yield* TokenVault
  return yield* Effect.isSuccess(vault.open(owner, provider, sealed, familyId))
})

/** Fails with what to do when a key is missing, or is another than the one that sealed. */
export const expectKeys = Effect.fnUntraced(function* ({ keys }: VaultCoverage) {
  const bad = keys.filter(({ state }) => state === "missing" || state === "other")
  const problems = bad.filter(({ records }) => records > 0).map(({ id, state, records }) => {
    const tokens = records === 1 ? "1 token is" : `${records} tokens are`
    return state === "missing"
      ? `${tokens} sealed with key ${id}, which is not in it: add it behind the others, or, if it is lost, ${id}:lost`
      : `${tokens} sealed with a key ${id} that is another than its ${id}: put that one back, or, if it is lost, ` +
        `give this one an id of its own and add ${id}:lost`
  })
  if (bad.length > 0) return yield* new VaultKeysMissing({ problems, witnessKeyId: bad[0]?.id ?? "" })
})
