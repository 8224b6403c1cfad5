import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { extract, inject, traceIdOf } from "./messageHeaders.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
const facts = {
  contentType: "application/protobuf",
  tenantId: "acme",
  correlationId: "c1",
  messageId: "m1",
  traceparent,
}
const subject = { tenantId: "acme" }

describe("the headers of a message", () => {
  it("both correlation headers say the same, and the trace id is that of the traceparent", () => {
    expect(inject(facts)).toEqual({
      "content-type": "application/protobuf",
      "tenant-id": "acme",
      "correlation-id": "c1",
      "x-correlation-id": "c1",
      "Nats-Msg-Id": "m1",
      traceparent,
      "trace-id": traceId,
    })
  })

  it("without a trace there is neither of its headers", () => {
    for (const none of [undefined, "", "00-0-0-00", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`]) {
      expect(Object.keys(inject({ ...facts, traceparent: none }))).not.toContain("traceparent")
      expect(Object.keys(inject({ ...facts, traceparent: none }))).not.toContain("trace-id")
    }
  })

  it("what was put on is read back", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
    fc.assert(fc.property(word, word, word, fc.boolean(), (tenantId, correlationId, messageId, traced) => {
      const put = { ...facts, tenantId, correlationId, messageId, traceparent: traced ? traceparent : undefined }
      const { contentType: _, ...read } = put
      expect(extract(inject(put), { tenantId })).toEqual(read)
    }))
  })

  it("another tenant than the subject's is refused, as are two correlations", () => {
    expect(extract({ "tenant-id": "globex" }, subject)).toBe("header tenant-id and subject name different tenants")
    expect(extract({ "correlation-id": "a", "x-correlation-id": "b" }, subject))
      .toBe("headers correlation-id and x-correlation-id differ")
  })

  it.each<[string, Record<string, string>, string]>([
    ["the other spelling", { "x-correlation-id": "x", traceparent, "Nats-Msg-Id": "m" }, "x"],
    ["the trace", { "correlation-id": "", traceparent, "Nats-Msg-Id": "m" }, traceId],
    ["the message", { traceparent: "nonsense", "Nats-Msg-Id": "m" }, "m"],
    ["nothing", {}, ""],
  ])("a missing correlation is derived from %s", (_, given, correlationId) => {
    expect(extract(given, subject)).toMatchObject({ correlationId, tenantId: "acme" })
  })

  it("header names are case-sensitive, as they are for a broker", () => {
    expect(extract({ "Tenant-Id": "globex", "Correlation-Id": "c" }, subject)).toMatchObject({ correlationId: "" })
  })

  it("the trace id is taken from a well-formed traceparent alone", () => {
    expect(traceIdOf(traceparent)).toBe(traceId)
    expect(traceIdOf(traceparent.toUpperCase())).toBeUndefined()
    expect(traceIdOf(`01-${traceId}-00f067aa0ba902b7-01`)).toBeUndefined()
    expect(traceIdOf(undefined)).toBeUndefined()
  })
})
