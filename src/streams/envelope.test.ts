import { create, toBinary, toJson, toJsonString } from "@bufbuild/protobuf"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { exampleEvents } from "../../schemas/events.fixture.ts"
import { taskChanged } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { open, seal, Undecodable } from "./envelope.ts"
import type { StoredMessage } from "./envelope.ts"
import { parseSubject } from "./names.ts"

const partitions = 8
const events = Object.entries(exampleEvents)
const example = exampleEvents["signals.task.appeared"]!
const sealed = seal(example, partitions)
const secret = "Pay the blackmailer"

const opened = (change: Partial<StoredMessage>, message: StoredMessage = sealed): Envelope => {
  const event = open({ ...message, ...change })
  if (event instanceof Undecodable) throw event
  return event
}

/** Why it is refused, in words for a dead letter: never with anything of the payload. */
const problemOf = (change: Partial<StoredMessage>, message: StoredMessage = sealed): string => {
  const event = open({ ...message, ...change })
  if (!(event instanceof Undecodable)) throw new Error("it was read")
  return event.problem
}

const header = (name: string, value: string) => ({ headers: { ...sealed.headers, [name]: value } })
const json = (text: string) => ({
  ...header("content-type", "application/json"),
  payload: new TextEncoder().encode(text),
})

describe("sealing", () => {
  it.each(events)("%s comes out as it went in", (_name, event) => {
    expect(open(seal(event, partitions))).toEqual(event)
  })

  it.each(events)("%s is stored under its class, type and user, and headers say whose it is", (_name, event) => {
    const message = seal(event, partitions, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    const [eventClass, entity, name] = event.type.split(".")
    expect(message.stream).toBe(eventClass!.toUpperCase())
    expect(parseSubject(message.subject)).toEqual({
      tenantId: event.tenantId,
      userId: event.userId,
      eventClass,
      entity,
      event: name,
      partition: message.partition,
    })
    expect(message.headers).toEqual({
      "content-type": "application/protobuf",
      "tenant-id": "acme",
      "correlation-id": event.correlationId,
      "x-correlation-id": event.correlationId,
      "Nats-Msg-Id": event.id,
      "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "trace-id": "4bf92f3577b34da6a3ce929d0e0e4736",
    })
  })

  it("without a trace leaves the traceparent out", () => {
    expect(Object.keys(sealed.headers)).not.toContain("traceparent")
  })

  it("of any text and any owner comes out as it went in, in the same lane each time", () => {
    const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
    const text = fc.string({ unit: "grapheme" })
    const correlation = fc.string({ unit: "grapheme", minLength: 1 })
    fc.assert(fc.property(token, token, text, correlation, fc.nat(), (tenant, user, title, correlationId, atMs) => {
      const event = taskChanged(
        { id: "id", atMs, correlationId, tenantId: TenantId.make(tenant), userId: UserId.make(user) },
        "updated",
        { provider: "todoist", task: { taskId: "1", title } },
      )
      const message = seal(event, partitions)
      expect(open(message)).toEqual(event)
      expect(seal(event, partitions)).toEqual(message)
    }))
  })

  it("refuses a type that is not class, entity and event of one of our streams", () => {
    const types = ["", "signals", "signals.task", "dead.task.appeared", "signals..appeared", "signals.task.a.b", "a"]
    for (const type of types) {
      expect(() => seal({ ...example, type }, partitions), type).toThrow(/no stream holds|not a subject token/)
    }
  })
})

describe("opening", () => {
  it.each(events)("%s is taken as ProtoJSON too", (_name, event) => {
    const message = seal(event, partitions)
    const payload = new TextEncoder().encode(toJsonString(EnvelopeSchema, event))
    for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON"]) {
      const headers = { ...message.headers, "content-type": type }
      expect(open({ ...message, headers, payload }), type).toEqual(event)
    }
  })

  it("gives an event without a correlation one, the same on every reading", () => {
    const bare = seal({ ...example, correlationId: "" }, partitions)
    const { "correlation-id": _, "x-correlation-id": __, ...headers } = bare.headers
    expect([opened({ headers }, bare).correlationId, opened({ headers }, bare).correlationId])
      .toEqual([example.id, example.id])
  })

  it("takes bytes without headers for protobuf", () => {
    expect(open({ ...sealed, headers: {} })).toEqual(example)
  })

  it("keeps binary fields of a later version through reading and writing", () => {
    // Field 1000, length-delimited, "hi"; and a payload case 999 nobody knows yet.
    const later = Uint8Array.of(0xc2, 0x3e, 0x02, 0x68, 0x69, 0xba, 0x3e, 0x00)
    const payload = Uint8Array.from([...sealed.payload, ...later])
    const event = opened({ payload })
    expect(event.payload).toEqual(example.payload)
    const again = toBinary(EnvelopeSchema, event)
    expect(Buffer.from(again).includes(Buffer.from(later))).toBe(true)
  })

  it("reads an event whose payload only a later version knows", () => {
    const bare = create(EnvelopeSchema, { ...example, payload: { case: undefined } })
    const event = opened({ payload: Uint8Array.from([...toBinary(EnvelopeSchema, bare), 0xba, 0x3e, 0x00]) })
    expect(event.payload.case).toBeUndefined()
    expect(event.id).toBe(example.id)
  })

  it("passes over JSON fields of a later version", () => {
    const wire = toJson(EnvelopeSchema, example) as Record<string, unknown>
    expect(opened(json(JSON.stringify({ ...wire, later: { deep: [1] } })))).toEqual(example)
  })

  it("needs the id and the owner, and nothing else", () => {
    const least = create(EnvelopeSchema, { id: "1", tenantId: "acme", userId: "u8f3kq" })
    const event = opened({ payload: toBinary(EnvelopeSchema, least), headers: {} })
    expect(event).toEqual(least)
    expect(event.time).toBeUndefined()
  })
})

describe("what is not opened", () => {
  const envelopeOf = (change: Partial<Envelope>) => ({
    payload: toBinary(EnvelopeSchema, create(EnvelopeSchema, { ...example, ...change })),
  })
  const underSubject = (change: (tokens: Array<string>) => void) => {
    const tokens = sealed.subject.split(".")
    change(tokens)
    return { subject: tokens.join(".") }
  }

  it("another tenant's or user's event under this subject, whichever part was moved", () => {
    const owners = "subject and envelope name different owners"
    expect(problemOf(envelopeOf({ tenantId: "evil" }))).toBe(owners)
    expect(problemOf(envelopeOf({ userId: "u2" }))).toBe(owners)
    expect(problemOf(envelopeOf({ tenantId: "" }))).toBe(owners)
    expect(problemOf(underSubject((tokens) => tokens[1] = "evil"))).toBe(owners)
    expect(problemOf(underSubject((tokens) => tokens[6] = "u2"))).toBe(owners)
    expect(problemOf({ payload: new Uint8Array() })).toBe(owners)
  })

  it("a header that names another tenant, or two correlations", () => {
    expect(problemOf(header("tenant-id", "evil"))).toBe("header tenant-id and subject name different tenants")
    expect(problemOf(header("tenant-id", ""))).toBe("header tenant-id and subject name different tenants")
    expect(problemOf(header("x-correlation-id", "other"))).toBe("headers correlation-id and x-correlation-id differ")
  })

  it("a subject that is not ours, an event without an id, a format we do not have", () => {
    expect(problemOf({ subject: "tenant.acme.signals.>" })).toBe("its subject is not one of ours")
    expect(problemOf(envelopeOf({ id: "" }))).toBe("it has no id")
    const formats = ["text/plain", "", "application/jsonl", "application/protobuf2"]
    for (const format of formats) {
      expect(problemOf(header("content-type", format)), format)
        .toBe("its content type is neither protobuf nor JSON")
    }
  })

  it("bytes that are neither, and the problem quotes nothing of them or of their headers", () => {
    const jsonProblem = "its bytes are not application/json"
    for (
      const text of [secret, `{"id":"${secret}"`, `{"id":{"${secret}":1}}`, `["${secret}"]`, `{"time":"${secret}"}`]
    ) {
      expect(problemOf(json(text)), text).toBe(jsonProblem)
    }
    const wellFormed = new TextEncoder().encode(toJsonString(EnvelopeSchema, example))
    const garbled = wellFormed.with(toJsonString(EnvelopeSchema, example).indexOf("Garten"), 0xff)
    expect(problemOf({ ...json(""), payload: garbled })).toBe(jsonProblem)
    expect(problemOf(header("content-type", `application/json; ${secret}`))).toBe(jsonProblem)
    expect(problemOf({ payload: new TextEncoder().encode(secret) })).toBe("its bytes are not application/protobuf")
  })

  it("whatever the bytes: it is an event or a problem from this list, and never a crash", () => {
    const known = new Set([
      "its bytes are not application/protobuf",
      "its bytes are not application/json",
      "subject and envelope name different owners",
      "it has no id",
    ])
    const spoiled = fc.tuple(fc.nat(sealed.payload.length - 1), fc.nat(255)).map(([at, byte]) =>
      sealed.payload.with(at, byte)
    )
    const cut = fc.nat(sealed.payload.length).map((length) => sealed.payload.subarray(0, length))
    const type = fc.constantFrom("application/protobuf", "application/json")
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), spoiled, cut), type, (payload, contentType) => {
      const event = open({ ...sealed, ...header("content-type", contentType), payload })
      const isOurs = !(event instanceof Undecodable) && event.tenantId === "acme" && event.userId === "u8f3kq"
      expect(isOurs || (event instanceof Undecodable && known.has(event.problem))).toBe(true)
    }))
  })
})
