/** Events as bytes for other programs. The same events give the same bytes, from every log and on every runtime. */
import { toJson } from "@bufbuild/protobuf"
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire"
import { EnvelopeSchema } from "../../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { open, Undecodable } from "../../streams/envelope.ts"
import type { StoredEvent } from "../../streams/EventLog.ts"

export type Format = "ndjson" | "protobuf"

export interface Encoded {
  readonly bytes: Uint8Array
  readonly isReadable: boolean
}

/** One line, ending in a line break. What is not a readable event comes as it is stored, with what is wrong with it. */
const asLine = (event: StoredEvent): Encoded => {
  const { stream, sequence, subject, payload } = event
  const headers = Object.fromEntries(Object.entries(event.headers).sort(([one], [other]) => one < other ? -1 : 1))
  const envelope = open(event)
  const isReadable = !(envelope instanceof Undecodable)
  const content = isReadable
    ? { event: toJson(EnvelopeSchema, envelope) }
    : { problem: envelope.problem, payload: Buffer.from(payload).toString("base64") }
  return { bytes: Buffer.from(`${JSON.stringify({ stream, sequence, subject, headers, ...content })}\n`), isReadable }
}

/** An envelope behind its size as a varint. Nothing for what is no envelope: a reader could not go on behind it. */
const asMessage = (event: StoredEvent): Encoded => {
  const envelope = open(event)
  if (envelope instanceof Undecodable) return { bytes: new Uint8Array(), isReadable: false }
  // Encoded anew, because the event may be stored as ProtoJSON; unknown fields survive.
  return { bytes: sizeDelimitedEncode(EnvelopeSchema, envelope), isReadable: true }
}

export const encoders: Readonly<Record<Format, (event: StoredEvent) => Encoded>> = {
  ndjson: asLine,
  protobuf: asMessage,
}
