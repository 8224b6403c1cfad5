/**
 * The vault as AES-256-GCM of the platform (NIST SP 800-38D): a fresh 96-bit nonce per seal, owner and provider as
 * associated data. Sealed form: version 1, length of the key's id, the id, nonce, ciphertext with tag.
 */
import { Effect, Layer, Redacted, Schema } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import { TokenUnreadable, TokenVault } from "./TokenVault.ts"

const version = 1
const nonceBytes = 12

/** The key ring cannot be used as it is given. */
class VaultKeysInvalid extends Schema.TaggedError<VaultKeysInvalid>()("VaultKeysInvalid", {
  problem: Schema.String,
}) {
  override get message() {
    return `VAULT_KEYS: ${this.problem}; expected id:base64 of 32 bytes, comma separated`
  }
}

/** `keys` as `VAULT_KEYS` has them: the first seals, all open. */
export const layer = (keys: Redacted.Redacted<string>) =>
  Layer.effect(
    TokenVault,
    Effect.gen(function* () {
      const ring = yield* importRing(Redacted.value(keys))
      const [activeId, activeKey] = [...ring][0]!
      return TokenVault.of({
        seal: Effect.fnUntraced(function* (owner, provider, token) {
          const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
          const plain = new TextEncoder().encode(Redacted.value(token))
          const sealed = yield* Effect.promise(() =>
            crypto.subtle.encrypt(algorithm(nonce, owner, provider), activeKey, plain)
          )
          return Uint8Array.from([version, activeId.length, ...ascii(activeId), ...nonce, ...new Uint8Array(sealed)])
        }),
        open: Effect.fnUntraced(function* (owner, provider, sealed) {
          const parts = partsOf(sealed)
          const key = parts === undefined ? undefined : ring.get(parts.keyId)
          if (parts === undefined || key === undefined) return yield* new TokenUnreadable({ provider })
          const plain = yield* Effect.tryPromise({
            try: () => crypto.subtle.decrypt(algorithm(parts.nonce, owner, provider), key, parts.ciphertext),
            catch: () => new TokenUnreadable({ provider }),
          })
          return Redacted.make(new TextDecoder().decode(plain), { label: `${provider} token` })
        }),
      })
    }),
  )

const importRing = Effect.fnUntraced(function* (text: string) {
  const ring = new Map<string, CryptoKey>()
  for (const [index, entry] of text.split(",").entries()) {
    // Named by their place: without its colon a secret would pass for an id, and be printed as one.
    const place = `key ${index + 1}`
    const [id = "", encoded, ...more] = entry.trim().split(":")
    if (encoded === undefined || more.length > 0) return yield* new VaultKeysInvalid({ problem: `${place} is no pair` })
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) return yield* new VaultKeysInvalid({ problem: `${place} has no usable id` })
    if (ring.has(id)) return yield* new VaultKeysInvalid({ problem: `${place} has the id of one before it` })
    // Both alphabets of RFC 4648, as `Buffer` reads them; it would pass over anything else in silence.
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) {
      return yield* new VaultKeysInvalid({ problem: `${place} is not base64` })
    }
    const bytes = Uint8Array.from(Buffer.from(encoded, "base64"))
    if (bytes.length !== 32) return yield* new VaultKeysInvalid({ problem: `${place} has ${bytes.length} bytes` })
    ring.set(
      id,
      yield* Effect.promise(() => crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"])),
    )
  }
  return ring
})

const algorithm = (nonce: Uint8Array<ArrayBuffer>, owner: Owner, provider: string) => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: ascii(`${owner.tenantId}/${owner.userId}/${provider}`),
})

const partsOf = (sealed: Uint8Array) => {
  const idLength = sealed[1] ?? 0
  const nonceAt = 2 + idLength
  if (sealed[0] !== version || sealed.length <= nonceAt + nonceBytes) return undefined
  return {
    keyId: new TextDecoder().decode(sealed.subarray(2, nonceAt)),
    nonce: Uint8Array.from(sealed.subarray(nonceAt, nonceAt + nonceBytes)),
    ciphertext: Uint8Array.from(sealed.subarray(nonceAt + nonceBytes)),
  }
}

const ascii = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
