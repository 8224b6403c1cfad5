/**
 * The bytes of a sealed credential, and the text inside the seal.
 *
 * Bytes: version, length of the key's id, the id, then what that version's cipher made. A sealed box takes no
 * associated data, so whose credential it is stands inside and is compared after opening.
 */
import { Redacted, Result, Schema } from "effect"
import { Provider } from "../../schemas/Task.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Credential } from "./Credential.ts"

/** Of what is sealed today. */
export const currentVersion = 2

/** Some hundred bytes in practice. Bounds what a damaged row may make us take in. */
export const sealedMaxBytes = 65_536

export interface SealedParts {
  readonly version: number
  readonly keyId: string
  readonly body: Uint8Array<ArrayBuffer>
}

/** Undefined for what cannot be of this form. */
export const partsOf = (sealed: Uint8Array): SealedParts | undefined => {
  const [version = 0, idLength = 0] = sealed
  const bodyAt = 2 + idLength
  if (idLength === 0 || sealed.length <= bodyAt || sealed.length > sealedMaxBytes) return undefined
  return {
    version,
    keyId: new TextDecoder().decode(sealed.subarray(2, bodyAt)),
    body: Uint8Array.from(sealed.subarray(bodyAt)),
  }
}

/** What every record of that version and key begins with. */
export const headOf = (version: number, keyId: string): Uint8Array => {
  const id = new TextEncoder().encode(keyId)
  return Uint8Array.from([version, id.length, ...id])
}

export const joined = (version: number, keyId: string, body: Uint8Array): Uint8Array => {
  const head = headOf(version, keyId)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

const Inside = Schema.fromJsonString(Schema.Struct({
  v: Schema.Literal(currentVersion),
  tenantId: Schema.String,
  userId: Schema.String,
  provider: Provider,
  familyId: Schema.String,
  issuedAtMs: Schema.Finite,
  accessToken: Schema.String,
  refreshToken: Schema.NullOr(Schema.String),
  expiresAtMs: Schema.NullOr(Schema.Finite),
  scopes: Schema.NullOr(Schema.Array(Schema.String)),
}))

const decodeInside = Schema.decodeUnknownResult(Inside)

/** The caller wipes it. */
export const insideOf = (owner: Owner, provider: Provider, credential: Credential): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(
    {
      v: currentVersion,
      tenantId: owner.tenantId,
      userId: owner.userId,
      provider,
      familyId: credential.familyId,
      issuedAtMs: credential.issuedAtMs,
      accessToken: Redacted.value(credential.accessToken),
      refreshToken: credential.refreshToken === null ? null : Redacted.value(credential.refreshToken),
      expiresAtMs: credential.expiresAtMs,
      scopes: credential.scopes,
    } satisfies typeof Inside.Type,
  ))

/** Undefined when it is another's, or no credential at all. */
export const credentialOf = (owner: Owner, provider: Provider, inside: Uint8Array): Credential | undefined => {
  const decoded = decodeInside(new TextDecoder().decode(inside))
  if (Result.isFailure(decoded)) return undefined
  const { success: found } = decoded
  const isTheirs = found.tenantId === owner.tenantId && found.userId === owner.userId && found.provider === provider
  if (!isTheirs) return undefined
  const { refreshToken, expiresAtMs, scopes, issuedAtMs } = found
  return {
    accessToken: Redacted.make(found.accessToken, { label: `${provider} token` }),
    refreshToken: refreshToken === null ? null : Redacted.make(refreshToken, { label: `${provider} refresh token` }),
    expiresAtMs,
    scopes,
    familyId: found.familyId,
    issuedAtMs,
  }
}
