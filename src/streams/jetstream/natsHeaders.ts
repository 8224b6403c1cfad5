/** Headers between the port, where each name has one value, and the client, where it has a list. */
import { headers } from "@nats-io/transport-node"
import type { MsgHdrs } from "@nats-io/transport-node"

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
