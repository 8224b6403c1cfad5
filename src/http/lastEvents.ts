/** The tail of the log for an operator: who, what and when, never what was in it. */
import { timestampMs } from "@bufbuild/protobuf/wkt"
import { Effect } from "effect"
import { open, Undecodable } from "../streams/envelope.ts"
import { EventLog } from "../streams/EventLog.ts"
import type { StoredEvent } from "../streams/EventLog.ts"
import { headers } from "../streams/names.ts"

/** Newest first, over all streams. */
export const lastEvents = Effect.fnUntraced(function* (limit: number) {
  const log = yield* EventLog
  const tails = yield* Effect.forEach(
    yield* log.streams,
    ({ stream, lastSequence }) => log.read(stream, Math.max(0, lastSequence - limit), limit),
  )
  return tails.flat().map(viewOf)
    .sort((one, other) => (other.time ?? "").localeCompare(one.time ?? "") || other.sequence - one.sequence)
    .slice(0, limit)
})

const viewOf = (event: StoredEvent) => {
  const envelope = open(event)
  const known = { stream: event.stream, sequence: event.sequence }
  if (envelope instanceof Undecodable) {
    const id = event.headers[headers.messageId] ?? ""
    return { ...known, id, type: "undecodable", time: null, tenantId: "", userId: "", correlationId: "" }
  }
  const { id, type, tenantId, userId, correlationId } = envelope
  const time = envelope.time === undefined ? null : new Date(timestampMs(envelope.time)).toISOString()
  return { ...known, id, type, time, tenantId, userId, correlationId }
}
