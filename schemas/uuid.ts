/**
 * The two kinds of UUID we make (RFC 9562): version 7 for what happens here, version 5 for what can be derived, so that
 * deriving it again gives the same id.
 */
import { createHash } from "node:crypto"
import { Clock, Effect } from "effect"

/** Sorts by `atMs`. `random` is ten bytes from a good source. */
export const uuidv7 = (atMs: number, random: Uint8Array): string => {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, Math.floor(atMs / 0x10000))
  view.setUint16(4, atMs % 0x10000)
  bytes.set(random.subarray(0, 10), 6)
  return formatted(bytes, 7)
}

/** Of SHA-1 over namespace and name, as RFC 9562 section 5.5 says. */
export const uuidv5 = (namespace: string, name: string): string => {
  const digest = createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name, "utf8")
    .digest()
  return formatted(new Uint8Array(digest.subarray(0, 16)), 5)
}

/** A fresh version 7, from the clock and the platform's random source. */
export const newUuid = Effect.map(
  Clock.currentTimeMillis,
  (atMs) => uuidv7(atMs, crypto.getRandomValues(new Uint8Array(10))),
)

/** Namespace of all ids we derive. */
export const tipstreamNamespace = "8e2f4c0a-5d7b-5e1f-9a44-7c1d2b6f3e90"

const formatted = (bytes: Uint8Array, version: number): string => {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
