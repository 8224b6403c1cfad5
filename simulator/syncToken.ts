/**
 * The opaque token that says how far a client has read: version, epoch, seq and a digest of the user, sealed with an
 * HMAC. 45 bytes, so 60 url-safe characters, as long as the live service's. Clients must not look inside.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import type { Account } from "./account.ts"

const bodyBytes = 21
const sealBytes = 24

const digest = (secret: string, data: string | Uint8Array): Buffer => createHmac("sha256", secret).update(data).digest()

const bodyOf = (secret: string, account: Account, seq: number): Buffer => {
  const body = Buffer.alloc(bodyBytes)
  body.writeUInt8(1, 0)
  body.writeUIntBE(account.epoch, 1, 6)
  body.writeUIntBE(seq, 7, 6)
  digest(secret, `user:${account.userId}`).copy(body, 13, 0, 8)
  return body
}

export const issueToken = (secret: string, account: Account, seq: number): string => {
  const body = bodyOf(secret, account, seq)
  return Buffer.concat([body, digest(secret, body).subarray(0, sealBytes)]).toString("base64url")
}

/** The seq the token stands for; undefined when it is forged, another user's, or older than the epoch or horizon. */
export const seqOfToken = (secret: string, account: Account, token: string): number | undefined => {
  const bytes = Buffer.from(token, "base64url")
  if (bytes.length !== bodyBytes + sealBytes || bytes.toString("base64url") !== token) return undefined
  const seq = bytes.readUIntBE(7, 6)
  const expected = issueToken(secret, account, seq)
  if (!timingSafeEqual(bytes, Buffer.from(expected, "base64url"))) return undefined
  return seq < account.horizonSeq || seq > account.seq ? undefined : seq
}
