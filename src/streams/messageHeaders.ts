/**
 * The headers of a message: put on, read back, and derived where one is missing. Pure.
 *
 * One truth each: the subject for the tenant, `traceparent` for the trace (W3C Trace Context). What repeats a truth
 * must agree with it, or the message is refused; what is missing is derived, the same on every reading.
 */
import { headers } from "./names.ts"

export interface MessageFacts {
  readonly contentType: string
  readonly tenantId: string
  readonly correlationId: string
  readonly messageId: string
  readonly traceparent: string | undefined
}

export const inject = (facts: MessageFacts): Readonly<Record<string, string>> => {
  const traceId = traceIdOf(facts.traceparent)
  return {
    [headers.contentType]: facts.contentType,
    [headers.tenantId]: facts.tenantId,
    [headers.correlationId]: facts.correlationId,
    [headers.xCorrelationId]: facts.correlationId,
    [headers.messageId]: facts.messageId,
    ...(facts.traceparent === undefined || traceId === undefined
      ? {}
      : { [headers.traceparent]: facts.traceparent, [headers.traceId]: traceId }),
  }
}

/** What a message says of itself. A sentence when it contradicts its subject or itself. */
export const extract = (
  given: Readonly<Record<string, string>>,
  subject: { readonly tenantId: string },
): Omit<MessageFacts, "contentType"> | string => {
  const tenant = given[headers.tenantId]
  if (tenant !== undefined && tenant !== subject.tenantId) {
    return `header ${headers.tenantId} and subject name different tenants`
  }
  const correlation = given[headers.correlationId]
  const again = given[headers.xCorrelationId]
  if (correlation !== undefined && again !== undefined && correlation !== again) {
    return `headers ${headers.correlationId} and ${headers.xCorrelationId} differ`
  }
  const traceparent = traceIdOf(given[headers.traceparent]) === undefined ? undefined : given[headers.traceparent]
  const messageId = given[headers.messageId] ?? ""
  return {
    tenantId: subject.tenantId,
    // Of a request the trace is the correlation; of nothing at all the message itself is.
    correlationId: nonEmpty(correlation) ?? nonEmpty(again) ?? traceIdOf(traceparent) ?? messageId,
    messageId,
    traceparent,
  }
}

/** The trace a `traceparent` names; undefined when it is none of version 00, or names no trace. */
export const traceIdOf = (traceparent: string | undefined): string | undefined => {
  const found = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? "")
  return found === null || /^0+$/.test(found[1]!) || /^0+$/.test(found[2]!) ? undefined : found[1]
}

const nonEmpty = (text: string | undefined) => text === "" ? undefined : text
