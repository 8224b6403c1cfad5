/** Headers between the port, where each name has one value, and the client, where it has a list. */
import { headers } from "@nats-io/transport-node"
import type { Msg, MsgHdrs } from "@nats-io/transport-node"

/** Throws on a name or value that no header may hold: a line break, say. */
export const toNats = (record: Readonly<Record<string, string>>): MsgHdrs => {
  const given = headers()
  for (const [name, value] of Object.entries(record)) given.set(name, value)
  return given
}

/** The first value of each name. */
export const fromNats = (given: MsgHdrs | undefined): Readonly<Record<string, string>> => {
  const record: Record<string, string> = {}
  if (given !== undefined) { for (const [name, [value = ""]] of given) record[name] = value }
  return record
}

/**
 * The same of a message as it came, from its bytes: the client's own reading of them makes a map of lists, which costs
 * more than all else that is done to receive a message. A client that keeps its bytes otherwise is asked.
 */
export const headersOf = (message: Msg): Readonly<Record<string, string>> => {
  const { _msg: sizes, _rdata: bytes } = message as Partial<ReceivedBytes>
  if (typeof sizes?.hdr !== "number" || !(bytes instanceof Uint8Array)) return fromNats(message.headers)
  return sizes.hdr > 0 ? parse(decoder.decode(bytes.subarray(0, sizes.hdr))) : {}
}

/** How the client keeps what it received: headers first, `hdr` bytes of them. */
interface ReceivedBytes {
  readonly _msg: { readonly hdr: number }
  readonly _rdata: Uint8Array
}

const decoder = new TextDecoder()
const lineEnd = "\r\n"

/** `NATS/1.0`, perhaps with a status, then a name and a value a line, then an empty line. */
const parse = (text: string): Readonly<Record<string, string>> => {
  const record: Record<string, string> = {}
  let start = text.indexOf(lineEnd) + lineEnd.length
  for (;;) {
    const end = text.indexOf(lineEnd, start)
    if (end <= start) return record
    const colon = text.indexOf(":", start)
    if (colon > 0 && colon < end) {
      const name = text.slice(start, colon)
      if (!Object.hasOwn(record, name)) record[name] = text.slice(colon + 1, end).trim()
    }
    start = end + lineEnd.length
  }
}
