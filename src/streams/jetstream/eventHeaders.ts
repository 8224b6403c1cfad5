/**
 * The headers of a message that are the event's: ours, and the id that the broker knows it by. Read from the bytes,
 * because the client's own reader checks what was checked when it was stored, at twice the price of all the rest.
 */
import type { Msg } from "@nats-io/transport-node"
import { headers as names } from "../names.ts"
import { isBrokerHeader } from "../replayDigest.ts"
import { fromNats } from "./natsHeaders.ts"

/** Where the version of the client that package.json pins keeps the bytes: headers first, so long, then the payload. */
interface Kept {
  readonly _rdata?: Uint8Array
  readonly _msg?: { readonly hdr?: number }
}

const utf8 = new TextDecoder()

export const eventHeaders = (message: Msg): Readonly<Record<string, string>> => {
  const { _rdata: bytes, _msg: { hdr: length } = {} } = message as Msg & Kept
  if (bytes instanceof Uint8Array && length !== undefined) {
    return length <= 0 ? {} : ownIn(utf8.decode(bytes.subarray(0, length)))
  }
  return own(fromNats(message.headers))
}

/** `NATS/1.0`, then `name: value`, each line ended by CR LF. Of a name that is there twice the first value counts. */
const ownIn = (text: string): Readonly<Record<string, string>> => {
  const found: Record<string, string> = {}
  let at = text.indexOf("\r\n") + 2
  while (at < text.length) {
    let end = text.indexOf("\r\n", at)
    if (end < 0) end = text.length
    const colon = text.indexOf(":", at)
    if (colon > 0 && colon < end) {
      const name = text.slice(at, colon)
      if (isOwn(name) && !(name in found)) found[name] = text.slice(colon + 1, end).trim()
    }
    at = end + 2
  }
  return found
}

const own = (all: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => isOwn(name)))

const isOwn = (name: string): boolean => name === names.messageId || !isBrokerHeader(name)
