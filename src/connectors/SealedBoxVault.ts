/**
 * The vault as sealed boxes of libsodium (X25519, XSalsa20-Poly1305): a fresh key pair per seal, opened by the private
 * key alone. Each key of the ring is the seed of its pair.
 * @see https://doc.libsodium.org/public-key_cryptography/sealed_boxes
 */
import { Effect, Layer, Option } from "effect"
import type { Redacted } from "effect"
import sodium from "libsodium-wrappers"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Credential } from "./Credential.ts"
import { TokenUnreadable, TokenVault } from "./TokenVault.ts"
import { importKeyRing } from "./vaultKeyRing.ts"
import type { VaultKey } from "./vaultKeyRing.ts"
import { credentialOf, currentVersion, insideOf, joined, partsOf, sealedMaxBytes } from "./vaultRecord.ts"
import type { SealedParts } from "./vaultRecord.ts"
import { openVersion1 } from "./vaultVersion1.ts"

/** `keys` as `VAULT_KEYS` has them: the first seals, all open. */
export const layer = (keys: Redacted.Redacted<string>) =>
  Layer.effect(
    TokenVault,
    Effect.gen(function* () {
      const ring = yield* importKeyRing(keys)
      return TokenVault.of({
        activeKeyId: ring.active.id,
        keyIds: [...ring.keys.keys()],
        seal: (owner, provider, credential) => Effect.sync(() => seal(ring.active, owner, provider, credential)),
        open: Effect.fnUntraced(function* (owner, provider, sealed, familyId) {
          const parts = partsOf(sealed)
          const key = parts === undefined ? undefined : ring.keys.get(parts.keyId)
          if (parts === undefined || key === undefined) return yield* new TokenUnreadable({ provider })
          // Why it does not open is nobody's business: all ways to fail look the same.
          const credential = yield* Effect.option(
            Effect.tryPromise(() => openWith(key, owner, provider, parts)),
          )
          const opened = Option.getOrUndefined(credential)
          if (opened === undefined || (familyId !== undefined && opened.familyId !== familyId)) {
            return yield* new TokenUnreadable({ provider })
          }
          return { credential: opened, isOutdated: parts.version !== currentVersion || parts.keyId !== ring.active.id }
        }),
      })
    }),
  )

const seal = (key: VaultKey, owner: Owner, provider: Provider, credential: Credential): Uint8Array => {
  const inside = insideOf(owner, provider, credential)
  const sealed = joined(currentVersion, key.id, sodium.crypto_box_seal(inside, key.publicKey))
  sodium.memzero(inside)
  if (sealed.length > sealedMaxBytes) throw new Error(`a ${provider} credential of ${sealed.length} bytes is none`)
  return sealed
}

const openWith = async (
  key: VaultKey,
  owner: Owner,
  provider: Provider,
  { version: sealedAs, body }: SealedParts,
): Promise<Credential | undefined> => {
  if (sealedAs === 1) return await openVersion1(key.aesKey, owner, provider, body)
  if (sealedAs !== currentVersion) return undefined
  const inside = sodium.crypto_box_seal_open(body, key.publicKey, key.privateKey)
  const credential = credentialOf(owner, provider, inside)
  sodium.memzero(inside)
  return credential
}
