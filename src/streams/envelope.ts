/**
 * Between an event and what the log stores: bytes, subject, headers.
 *
 * Reading is tolerant: unknown fields survive, optional ones may be missing, ProtoJSON is taken by content type.
 * It is strict where tolerance would cross tenants: the header, the subject and the envelope must name the same tenant.
 */
import { fromBinary, fromJsonString, toBinary } from "@bufbuild/protobuf"
import { Schema } from "effect"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { extract, inject } from "./messageHeaders.ts"
import {
  contentTypeJson,
  contentTypeProtobuf,
  headers,
  isEventClass,
  parseSubject,
  partitionOf,
  streamOfClass,
  subjectOf,
} from "./names.ts"
import type { StreamName } from "./names.ts"

/** An event as it is stored. */
export interface StoredMessage {
  readonly stream: StreamName
  readonly subject: string
  readonly partition: number
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** The bytes are not an event of ours, whoever tries again. `problem` never quotes them. */
export class Undecodable extends Schema.TaggedError<Undecodable>()("Undecodable", { problem: Schema.String }) {
  override get message() {
    return `not a readable event: ${this.problem}`
  }
}

/** Throws when the type is not `<class>.<entity>.<event>`: events are made by our own constructors. */
export const seal = (event: Envelope, partitions: number, traceparent?: string): StoredMessage => {
  const [eventClass = "", entity = "", name = "", ...more] = event.type.split(".")
  if (!isEventClass(eventClass) || more.length > 0) throw new Error(`no stream holds events of type ${event.type}`)
  const owner = { tenantId: TenantId.make(event.tenantId), userId: UserId.make(event.userId) }
  const partition = partitionOf(owner, partitions)
  return {
    stream: streamOfClass[eventClass],
    subject: subjectOf({ ...owner, eventClass, entity, event: name, partition }),
    partition,
    headers: inject({
      contentType: contentTypeProtobuf,
      tenantId: event.tenantId,
      correlationId: event.correlationId,
      messageId: event.id,
      traceparent,
    }),
    payload: toBinary(EnvelopeSchema, event),
  }
}

/** The event, with its correlation derived where it has none. */
export const open = (message: Pick<StoredMessage, "subject" | "headers" | "payload">): Envelope | Undecodable => {
  const subject = parseSubject(message.subject)
  if (subject === undefined) return new Undecodable({ problem: "its subject is not one of ours" })
  const event = decode(message.payload, message.headers[headers.contentType] ?? contentTypeProtobuf)
  if (event instanceof Undecodable) return event
  if (event.tenantId !== subject.tenantId || event.userId !== subject.userId) {
    return new Undecodable({ problem: "subject and envelope name different owners" })
  }
  const facts = extract(message.headers, subject)
  if (typeof facts === "string") return new Undecodable({ problem: facts })
  if (event.correlationId === "") event.correlationId = facts.correlationId
  return event.id === "" ? new Undecodable({ problem: "it has no id" }) : event
}

const decode = (payload: Uint8Array, contentType: string): Envelope | Undecodable => {
  // Parameters such as a charset may follow; both formats are what they are without them.
  const mediaType = contentType === contentTypeProtobuf
    ? contentTypeProtobuf
    : contentType.split(";", 1)[0]!.trim().toLowerCase()
  try {
    if (mediaType === contentTypeProtobuf) return fromBinary(EnvelopeSchema, payload)
    if (mediaType === contentTypeJson) {
      return fromJsonString(EnvelopeSchema, new TextDecoder("utf-8", { fatal: true }).decode(payload), {
        ignoreUnknownFields: true,
      })
    }
    return new Undecodable({ problem: "its content type is neither protobuf nor JSON" })
  } catch {
    // The parser's own message may quote the payload.
    return new Undecodable({ problem: `its bytes are not ${mediaType}` })
  }
}
