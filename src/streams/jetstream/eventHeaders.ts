/** The headers of a message that are the event's: ours, and the id that the broker knows it by. */
import type { Msg } from "@nats-io/transport-node"
import { headers as names } from "../names.ts"
import { isBrokerHeader } from "../replayDigest.ts"
import { headersOf } from "./natsHeaders.ts"

export const eventHeaders = (message: Msg): Readonly<Record<string, string>> => {
  const all = headersOf(message)
  const own: Record<string, string> = {}
  for (const name in all) if (name === names.messageId || !isBrokerHeader(name)) own[name] = all[name]!
  return own
}
