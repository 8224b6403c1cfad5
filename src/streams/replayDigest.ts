/**
 * What says that two replays gave the same: a digest over the events, and nothing of the log they came from, so that
 * it is equal for the same events on every log and runtime. docs/wire-contract.md describes it byte by byte.
 *
 * It is a chain of SHA-256 over blocks of a fixed number of events, because a chain can be written down and taken up
 * again, which the state of a hash cannot.
 */
import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import type { StoredEvent } from "./EventLog.ts"

/** Events of one link. Part of the definition: another number gives other digests. */
const blockSize = 1_024

/** What begins every chain; another version of the encoding would begin otherwise. */
const beginning = "tipstream replay 1"

/** Written by a broker or for it, so another on every log. */
export const isBrokerHeader = (name: string): boolean => name.startsWith("Nats-")

/** Enough for the head of most events and many payloads; what is larger is hashed without being copied. */
const pieceBytes = 64 * 1024

export interface Digest {
  readonly add: (event: StoredEvent) => void
  /** Of all that was added; more may follow. */
  readonly value: () => string
  /** The digest up to the last full block, when that is all there is; undefined in the middle of one. */
  readonly link: () => string | undefined
}

/** `link` takes up a chain where it was left. */
export const make = (link = createHash("sha256").update(beginning).digest("hex")): Digest => {
  let last = link
  let count = 0
  let hash: Hash | undefined
  const piece = Buffer.allocUnsafe(pieceBytes)
  let used = 0

  const flush = () => {
    // Copied, because what was handed to `update` must not change under a runtime that hashes it later.
    if (used > 0) hash!.update(Uint8Array.prototype.slice.call(piece, 0, used))
    used = 0
  }
  const room = (bytes: number) => {
    if (used + bytes > pieceBytes) flush()
  }
  const putLength = (length: number) => {
    room(4)
    used = piece.writeUInt32BE(length, used)
  }
  const putBytes = (bytes: Uint8Array) => {
    putLength(bytes.length)
    if (bytes.length > pieceBytes / 4) {
      flush()
      hash!.update(bytes)
    } else {
      room(bytes.length)
      piece.set(bytes, used)
      used += bytes.length
    }
  }
  const putText = (text: string) => {
    // No character of UTF-16 takes more than three bytes.
    if (text.length * 3 + 4 > pieceBytes) return putBytes(Buffer.from(text, "utf8"))
    room(text.length * 3 + 4)
    const bytes = piece.write(text, used + 4, "utf8")
    piece.writeUInt32BE(bytes, used)
    used += 4 + bytes
  }
  const end = () => {
    flush()
    last = hash!.digest("hex")
    hash = undefined
    count = 0
  }

  return {
    add: ({ sequence, subject, headers, payload }) => {
      hash ??= createHash("sha256").update(Buffer.from(last, "hex"))
      room(8)
      used = piece.writeUInt32BE(Math.floor(sequence / 2 ** 32), used)
      used = piece.writeUInt32BE(sequence >>> 0, used)
      putText(subject)
      const names = Object.keys(headers).filter((name) => !isBrokerHeader(name)).sort()
      putLength(names.length)
      for (const name of names) {
        putText(name)
        putText(headers[name]!)
      }
      putBytes(payload)
      if (++count === blockSize) end()
    },
    value: () => {
      if (hash === undefined) return last
      flush()
      return hash.copy().digest("hex")
    },
    link: () => hash === undefined ? last : undefined,
  }
}
