/** The keys of the vault as `VAULT_KEYS` has them: the first seals, all open, and those said to be lost are known. */
import { Effect, Redacted, Schema } from "effect"
import sodium from "libsodium-wrappers"

/** The key ring cannot be used as it is given. */
class VaultKeysInvalid extends Schema.TaggedError<VaultKeysInvalid>()("VaultKeysInvalid", {
  problem: Schema.String,
}) {
  override get message() {
    return `VAULT_KEYS: ${this.problem}; expected id:base64 of 32 bytes, comma separated`
  }
}

export interface VaultKey {
  readonly id: string
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
  /** The same 32 bytes, as the first version of the vault used them. */
  readonly aesKey: CryptoKey
}

export interface VaultKeyRing {
  readonly active: VaultKey
  readonly keys: ReadonlyMap<string, VaultKey>
}

/** Stands in the place of a key nobody has any more: what it sealed is given up, so it does not stop a start. */
const lostWord = "lost"

/** Ids of the entries that say `id:lost`. */
export const lostKeyIds = (keys: Redacted.Redacted<string>): ReadonlyArray<string> =>
  entriesOf(keys).flatMap(({ id, encoded }) => encoded === lostWord ? [id] : [])

/** Private keys are wiped when the scope closes; what the runtime copied on the way is not ours to wipe. */
export const importKeyRing = Effect.fnUntraced(function* (given: Redacted.Redacted<string>) {
  yield* Effect.promise(() => sodium.ready)
  const keys = new Map<string, VaultKey>()
  const seen = new Set<string>()
  for (const [index, { id, encoded, hasMore }] of entriesOf(given).entries()) {
    // Named by their place: without its colon a secret would pass for an id, and be printed as one.
    const refuse = (problem: string) => new VaultKeysInvalid({ problem: `key ${index + 1} ${problem}` })
    if (encoded === undefined || hasMore) return yield* refuse("is no pair")
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) return yield* refuse("has no usable id")
    if (seen.has(id)) return yield* refuse("has the id of one before it")
    seen.add(id)
    if (encoded === lostWord) {
      if (index === 0) return yield* refuse("is the one that seals, so it cannot be lost")
      continue
    }
    // Both alphabets of RFC 4648, as `Buffer` reads them; it would pass over anything else in silence.
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) return yield* refuse("is not base64")
    const bytes = Uint8Array.from(Buffer.from(encoded, "base64"))
    if (bytes.length !== 32) return yield* refuse(`has ${bytes.length} bytes`)
    const key = yield* importKey(id, bytes)
    if ([...keys.values()].some(({ publicKey }) => sodium.memcmp(publicKey, key.publicKey))) {
      return yield* refuse("is one before it under another id")
    }
    keys.set(id, key)
  }
  return { active: [...keys.values()][0]!, keys } satisfies VaultKeyRing
})

const importKey = Effect.fnUntraced(function* (id: string, bytes: Uint8Array<ArrayBuffer>) {
  const { publicKey, privateKey } = sodium.crypto_box_seed_keypair(bytes)
  yield* Effect.addFinalizer(() => Effect.sync(() => sodium.memzero(privateKey)))
  const aesKey = yield* Effect.promise(() => crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["decrypt"]))
  sodium.memzero(bytes)
  return { id, publicKey, privateKey, aesKey } satisfies VaultKey
})

const entriesOf = (keys: Redacted.Redacted<string>) =>
  Redacted.value(keys).split(",").map((entry) => {
    const [id = "", encoded, ...more] = entry.trim().split(":")
    return { id, encoded, hasMore: more.length > 0 }
  })
