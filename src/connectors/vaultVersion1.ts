/**
 * What the vault sealed before it held more than a bare token: AES-256-GCM with a 96-bit nonce in front, owner and
 * provider as associated data. Only ever opened; the next write seals it in today's form.
 */
import { Redacted } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Credential } from "./Credential.ts"

const nonceBytes = 12

/** Tokens of then were pasted: they belong to no grant and say nothing of their age. */
const familyId = "v1"

/** Rejects when it is not this key's, or another owner's. */
export const openVersion1 = async (
  key: CryptoKey,
  owner: Owner,
  provider: Provider,
  body: Uint8Array<ArrayBuffer>,
): Promise<Credential> => {
  const additionalData = new TextEncoder().encode(`${owner.tenantId}/${owner.userId}/${provider}`)
  const plain = new Uint8Array(
    await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: body.subarray(0, nonceBytes), additionalData },
      key,
      body.subarray(nonceBytes),
    ),
  )
  const accessToken = Redacted.make(new TextDecoder().decode(plain), { label: `${provider} token` })
  plain.fill(0)
  return { accessToken, refreshToken: null, expiresAtMs: null, scopes: null, familyId, issuedAtMs: 0 }
}
