/**
 * What the connector remembers between two reads, as the opaque string the caller keeps. Pure.
 *
 * The tasks of a feed change without the feed: an event ends, another day comes into sight. So the cursor holds until
 * when the last reading is good. Before that moment "not modified" means that nothing changed; from then on the feed is
 * asked for without validators, and everything is computed anew.
 */
import { Option, Schema } from "effect"

export interface Cursor {
  /** Of which feed: another address has other validators. */
  readonly feedId: string
  readonly etag: string | null
  readonly lastModified: string | null
  readonly staleAtMs: number
}

const Validator = Schema.NullOr(Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,512}$/)))

const Wire = Schema.fromJsonString(Schema.Struct({
  v: Schema.Literal(1),
  feedId: Schema.String,
  etag: Validator,
  lastModified: Validator,
  staleAtMs: Schema.Finite,
}))

const decode = Schema.decodeUnknownOption(Wire)

export const encodeCursor = ({ etag, feedId, lastModified, staleAtMs }: Cursor): string =>
  JSON.stringify({ v: 1, feedId, etag, lastModified, staleAtMs })

/** Null for what no version of this file wrote: the next read is then a whole one. */
export const decodeCursor = (text: string | null): Cursor | null =>
  text === null ? null : Option.getOrNull(decode(text))

/** A header we would not be able to send back is not kept. */
export const validatorOf = (header: string | undefined): string | null =>
  header !== undefined && /^[\x20-\x7e]{1,512}$/.test(header) ? header : null

/** What to ask "changed since?" with; empty when everything has to be read. */
export const validatorsOf = (cursor: Cursor | null, feedId: string, nowMs: number): Readonly<Record<string, string>> =>
  cursor === null || cursor.feedId !== feedId || nowMs >= cursor.staleAtMs ? {} : {
    ...(cursor.etag === null ? {} : { "if-none-match": cursor.etag }),
    ...(cursor.lastModified === null ? {} : { "if-modified-since": cursor.lastModified }),
  }
