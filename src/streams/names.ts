/**
 * Every name on the wire: streams, subjects, headers, durables. Built and parsed here only.
 *
 * Subject: `tenant.<tenant>.<class>.<entity>.<event>.<partition>.<user>`, for example
 * `tenant.acme.signals.task.appeared.07.u8f3kq`. The user stands last, so that one filter replays or purges one user.
 */
import type { Owner } from "../../schemas/ids.ts"
import type { TenantId, UserId } from "../../schemas/ids.ts"

/** Stream of each class of event; the class is the first token of an event's type. */
export const streamOfClass = {
  signals: "SIGNALS",
  decisions: "DECISIONS",
  feedback: "FEEDBACK",
  accounts: "ACCOUNTS",
} as const

export type EventClass = keyof typeof streamOfClass
export type StreamName = (typeof streamOfClass)[EventClass]

export const streamNames: ReadonlyArray<StreamName> = Object.values(streamOfClass)

export interface Subject extends Owner {
  readonly eventClass: EventClass
  readonly entity: string
  readonly event: string
  readonly partition: number
}

export const headers = {
  contentType: "content-type",
  tenantId: "tenant-id",
  correlationId: "correlation-id",
  /** The same value again, for readers that know only this spelling. */
  xCorrelationId: "x-correlation-id",
  traceparent: "traceparent",
  /** Out of `traceparent`, for people who look for it. */
  traceId: "trace-id",
  messageId: "Nats-Msg-Id",
} as const

export const contentTypeProtobuf = "application/protobuf"
export const contentTypeJson = "application/json"

/** Never a wildcard, never a separator: a token with one would be stored under somebody else's subject. */
const tokenPattern = /^[A-Za-z0-9_-]{1,64}$/

export const isEventClass = (text: string): text is EventClass => Object.hasOwn(streamOfClass, text)

/** Two digits on the wire: with more, `parseSubject` would not know the subject again. */
const partitionsMax = 100

/** Throws on a part no subject may hold: ids and settings are validated where they enter, so this is a defect. */
export const subjectOf = (subject: Subject): string => {
  const { tenantId, eventClass, entity, event, partition, userId } = subject
  for (const token of [tenantId, entity, event, userId]) {
    if (!tokenPattern.test(token)) throw new Error(`not a subject token: ${JSON.stringify(token)}`)
  }
  if (!Number.isInteger(partition) || partition < 0 || partition >= partitionsMax) {
    throw new Error(`not a partition: ${partition}`)
  }
  return `tenant.${tenantId}.${eventClass}.${entity}.${event}.${partitionToken(partition)}.${userId}`
}

/** One expression for all tokens: every message that is read or published passes here. */
const subjectPattern = new RegExp(
  "^tenant\\.TOKEN\\.TOKEN\\.TOKEN\\.TOKEN\\.(\\d{2})\\.TOKEN$".replaceAll("TOKEN", "([A-Za-z0-9_-]{1,64})"),
)

/** The parts of a concrete subject, or undefined when it is not one of ours. */
export const parseSubject = (text: string): Subject | undefined => {
  const found = subjectPattern.exec(text)
  if (found === null) return undefined
  const [, tenantId, eventClass, entity, event, partition, userId] = found
  if (!isEventClass(eventClass!)) return undefined
  return {
    // Their tokens have just been looked at.
    tenantId: tenantId as TenantId,
    userId: userId as UserId,
    eventClass,
    entity: entity!,
    event: event!,
    partition: Number(partition),
  }
}

/**
 * Stable over time and runtimes: FNV-1a (32 bit) of `tenant/user`, modulo the number of partitions.
 * Tokens are ASCII, so code units are bytes.
 */
export const partitionOf = ({ tenantId, userId }: Owner, partitions: number): number =>
  fnv1a(`${tenantId}/${userId}`) % partitions

const fnv1a = (ascii: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < ascii.length; index++) {
    hash = Math.imul(hash ^ ascii.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** Streams that hold no events of ours, beside those that do. */
export const deadLetterStream = "DEAD_LETTERS"
export const advisoryStream = "ADVISORIES"

/** What a consumer of one lane reads: all tenants, one partition; without a partition all of the stream. */
export const laneFilter = (stream: StreamName, partition: number | undefined): string => {
  const eventClass = classOfStream(stream)
  return partition === undefined
    ? `tenant.*.${eventClass}.>`
    : `tenant.*.${eventClass}.*.*.${partitionToken(partition)}.*`
}

/** What one filter of a replay selects; each part left out means any. */
export const replayFilter = (
  stream: StreamName,
  wanted: { readonly tenantId?: TenantId; readonly userId?: UserId; readonly type?: string },
): string => {
  const type = wanted.type ?? `${classOfStream(stream)}.*.*`
  return `tenant.${wanted.tenantId ?? "*"}.${type}.*.${wanted.userId ?? "*"}`
}

/**
 * Name of the durable of one lane on the broker: readable, and with a hash over all that it stands for, so that no two
 * share one. Another version, or another number of partitions, is another durable.
 */
export const laneDurable = (lane: {
  readonly durable: string
  readonly stream: StreamName
  /** Undefined when the lane is the whole stream. */
  readonly partition: number | undefined
  readonly partitions: number
  readonly version: number
}): string => {
  const { durable, stream, partition, partitions, version } = lane
  const part = partition === undefined ? "all" : `p${partitionToken(partition)}`
  const canonical = [durable, stream, laneFilter(stream, partition), partition === undefined ? "" : partitions, version]
  return `${durable}-v${version}-${part}-${fnv1a(canonical.join("\n")).toString(16).padStart(8, "0")}`
}

/** Where the dead letter of a message stands, also of one whose own subject is not one of ours. */
export const deadSubject = (message: { readonly subject: string; readonly stream: StreamName }, durable: string) => {
  const known = parseSubject(message.subject)
  const tenantId = known?.tenantId ?? unknownToken
  return `tenant.${tenantId}.dead.${classOfStream(message.stream)}.${durable}.${known?.userId ?? unknownToken}`
}

/** Of what stands in for an event that is gone: on the stream, in no partition, and nobody's. */
export const standInSubject = (stream: StreamName) => `tenant.${unknownToken}.${classOfStream(stream)}.${lostToken}`

const lostToken = "_lost_"

/** Underscores, so that it is no tenant's or user's name by accident. */
const unknownToken = "_unknown_"

const classOfStream = (stream: StreamName): EventClass =>
  (Object.keys(streamOfClass) as Array<EventClass>).find((eventClass) => streamOfClass[eventClass] === stream)!

const partitionToken = (partition: number) => String(partition).padStart(2, "0")
