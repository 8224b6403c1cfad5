import { create, fromBinary, toJsonString } from "@bufbuild/protobuf"
import { sizeDelimitedDecodeStream } from "@bufbuild/protobuf/wire"
import { describe, expect, it } from "vitest"
import { taskChanged } from "../../../schemas/events.ts"
import { EnvelopeSchema } from "../../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { defaultTenant, UserId } from "../../../schemas/ids.ts"
import { seal } from "../../streams/envelope.ts"
import { boundOf } from "./bounds.ts"
import { encoders } from "./encoding.ts"

const envelope = taskChanged(
  { id: "one", atMs: 1_700_000_000_000, correlationId: "c", tenantId: defaultTenant, userId: UserId.make("u1") },
  "appeared",
  { provider: "todoist" },
)
const event = { ...seal(envelope, 8), sequence: 7 }
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8")

describe("an event in a replay's output", () => {
  it("is one line of JSON, the same whatever order a log keeps headers in", () => {
    const { bytes, isReadable } = encoders.ndjson(event)
    expect(isReadable).toBe(true)
    expect(text(bytes)).toMatch(/^[^\n]+\n$/)
    expect(JSON.parse(text(bytes))).toEqual({
      stream: "SIGNALS",
      sequence: 7,
      subject: event.subject,
      headers: event.headers,
      event: JSON.parse(toJsonString(EnvelopeSchema, envelope)),
    })
    const headers = Object.fromEntries(Object.entries(event.headers).toReversed())
    expect(text(encoders.ndjson({ ...event, headers }).bytes)).toBe(text(bytes))
  })

  it("is its bytes and the problem when it is no readable event, and nothing among envelopes", () => {
    const broken = { ...event, payload: Uint8Array.of(255, 255) }
    const { bytes, isReadable } = encoders.ndjson(broken)
    expect(isReadable).toBe(false)
    expect(JSON.parse(text(bytes))).toMatchObject({
      payload: "//8=",
      problem: "its bytes are not application/protobuf",
    })
    expect(encoders.protobuf(broken)).toEqual({ bytes: new Uint8Array(), isReadable: false })
  })

  it("is an envelope behind its size, also when it is stored as JSON, with what we do not know", async () => {
    const unknown = { no: 900, wireType: 0, data: Uint8Array.of(5) }
    const more = create(EnvelopeSchema, { ...envelope, $unknown: [unknown] })
    const asJson = {
      ...event,
      headers: { ...event.headers, "content-type": "application/json" },
      payload: Buffer.from(toJsonString(EnvelopeSchema, envelope)),
    }
    const written = [{ ...seal(more, 8), sequence: 1 }, asJson].map((one) => encoders.protobuf(one).bytes)
    const read: Array<unknown> = []
    for await (
      const one of sizeDelimitedDecodeStream(
        EnvelopeSchema,
        (async function* () {
          yield* written
        })(),
      )
    ) read.push(one)
    expect(read).toEqual([fromBinary(EnvelopeSchema, seal(more, 8).payload), envelope])
  })
})

describe("where a replay begins and ends", () => {
  it("is the number of an event or a time with its zone, and nothing else", () => {
    expect(boundOf("17")).toEqual({ sequence: 17 })
    expect(boundOf("2026-11-20T08:00:00Z")).toEqual({ atMs: Date.UTC(2026, 10, 20, 8) })
    expect(boundOf("2026-11-20 08:00+01:00")).toEqual({ atMs: Date.UTC(2026, 10, 20, 7) })
    expect(boundOf("2026-11-20T08:00:00.250Z")).toEqual({ atMs: Date.UTC(2026, 10, 20, 8, 0, 0, 250) })
    for (const text of ["", "0", "-1", "1.5", "2026-11-20", "2026-11-20T08:00:00", "2026-13-40T08:00:00Z", "noon"]) {
      expect(boundOf(text), text).toBeUndefined()
    }
  })
})
