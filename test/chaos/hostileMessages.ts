/** What somebody who reaches the broker, and should not, may publish there. None of it is an event of ours. */
import { toBinary } from "@bufbuild/protobuf"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { contentTypeJson, contentTypeProtobuf, headers as names } from "../../src/streams/names.ts"
import { eventOf } from "./events.ts"
import type { RawMessage } from "./rawClient.ts"

const text = (value: string) => new TextEncoder().encode(value)

/** Deeper than any stack. */
const depth = 200_000

/** Beyond what the streams take, within what the server is told to read. */
const tooLarge = 1_048_576 + 1

const protobuf = { [names.contentType]: contentTypeProtobuf }
const json = { [names.contentType]: contentTypeJson }
const subjectOf = (tenant: string, user: string) => `tenant.${tenant}.signals.task.updated.00.${user}`

/** A good envelope of another tenant, or of another user. */
const envelopeOf = (tenant: string, user: string) =>
  toBinary(EnvelopeSchema, eventOf(`plain-${tenant}-${user}-stolen`, { tenant, user }, 0))

export interface Hostile extends RawMessage {
  /** Whether the consumers of one partition meet it too, or only those of the whole stream; or it is not stored. */
  readonly reaches: "both" | "whole" | "none"
}

export const hostileMessages: ReadonlyArray<Hostile> = [
  { subject: subjectOf("t1", "u1"), headers: protobuf, payload: text("not protobuf at all"), reaches: "both" },
  { subject: subjectOf("t1", "u1"), headers: protobuf, payload: new Uint8Array(), reaches: "both" },
  { subject: subjectOf("t1", "u1"), headers: json, payload: text("{"), reaches: "both" },
  {
    subject: subjectOf("t1", "u1"),
    headers: json,
    payload: text(`{"id":"deep","payload":${"[".repeat(depth)}${"]".repeat(depth)}}`),
    reaches: "both",
  },
  {
    subject: subjectOf("t1", "u1"),
    headers: { [names.contentType]: "text/html" },
    payload: text("<p>"),
    reaches: "both",
  },
  // Another tenant's envelope under this tenant's subject, and the other way round; another user's.
  { subject: subjectOf("t1", "u1"), headers: protobuf, payload: envelopeOf("t2", "u1"), reaches: "both" },
  {
    subject: subjectOf("t2", "u1"),
    headers: { ...protobuf, [names.tenantId]: "t1" },
    payload: envelopeOf("t2", "u1"),
    reaches: "both",
  },
  { subject: subjectOf("t1", "u1"), headers: protobuf, payload: envelopeOf("t1", "u2"), reaches: "both" },
  // What no text of a database may hold.
  {
    subject: subjectOf("t1", "u1\u0000x"),
    headers: { ...protobuf, [names.tenantId]: "t1\u0000x" },
    payload: envelopeOf("t1", "u1"),
    reaches: "both",
  },
  // Wildcards, taken literally; too few tokens, too many.
  {
    subject: "tenant.*.signals.task.updated.00.u1",
    headers: protobuf,
    payload: envelopeOf("t1", "u1"),
    reaches: "both",
  },
  { subject: "tenant.t1.signals.>", headers: protobuf, payload: envelopeOf("t1", "u1"), reaches: "whole" },
  { subject: "tenant.t1.signals.task", headers: protobuf, payload: envelopeOf("t1", "u1"), reaches: "whole" },
  {
    subject: "tenant.t1.signals.task.updated.00.u1.more",
    headers: protobuf,
    payload: envelopeOf("t1", "u1"),
    reaches: "whole",
  },
  { subject: subjectOf("t1", "u1"), headers: protobuf, payload: new Uint8Array(tooLarge), reaches: "none" },
]
