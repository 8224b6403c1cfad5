/**
 * Short names for content: the first 64 bits of SHA-256 as 16 lower-case hex digits.
 *
 * Enough to notice that a model or a set of columns is not the one expected (a chance match is 1 in 2^64);
 * not meant to withstand somebody who builds a collision on purpose.
 */
import { createHash } from "node:crypto"

/** Text is hashed as UTF-8. */
export const digest16 = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex").slice(0, 16)
