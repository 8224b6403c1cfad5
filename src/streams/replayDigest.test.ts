import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { StoredEvent } from "./EventLog.ts"
import * as Digest from "./replayDigest.ts"

const event = (sequence: number, more: Partial<StoredEvent> = {}): StoredEvent => ({
  stream: "SIGNALS",
  sequence,
  subject: "tenant.acme.signals.task.appeared.07.u1",
  partition: 7,
  headers: { "tenant-id": "acme", "content-type": "application/protobuf" },
  payload: Uint8Array.of(1, 2, 3),
  ...more,
})

const digestOf = (events: ReadonlyArray<StoredEvent>): string => {
  const digest = Digest.make()
  for (const one of events) digest.add(one)
  return digest.value()
}

/** The definition on the wire contract's page, as plainly as it can be written. */
const byDefinition = (events: ReadonlyArray<StoredEvent>): string => {
  const sized = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const bytesOf = ({ sequence, subject, headers, payload }: StoredEvent) => {
    const number = Buffer.alloc(8)
    number.writeBigUInt64BE(BigInt(sequence))
    const own = Object.entries(headers).filter(([name]) => !name.startsWith("Nats-")).sort(([a], [b]) => a < b ? -1 : 1)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(own.length)
    const texts = own.flat().map((text) => sized(Buffer.from(text, "utf8")))
    return Buffer.concat([number, sized(Buffer.from(subject, "utf8")), count, ...texts, sized(payload)])
  }
  let link = createHash("sha256").update("tipstream replay 1").digest()
  for (let at = 0; at < events.length; at += 1_024) {
    const block = Buffer.concat(events.slice(at, at + 1_024).map(bytesOf))
    link = createHash("sha256").update(link).update(block).digest()
  }
  return link.toString("hex")
}

const anyEvent = fc.record({
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  subject: fc.string({ unit: "binary" }),
  headers: fc.dictionary(fc.stringMatching(/^[\x21-\x39\x3b-\x7e]{1,20}$/), fc.string({ unit: "binary" })),
  payload: fc.oneof(fc.uint8Array(), fc.integer({ min: 0, max: 200_000 }).map((size) => new Uint8Array(size).fill(7))),
}).map((one) => event(1, one))

describe("the digest of a replay", () => {
  it("is these bytes, for ever", () => {
    expect(digestOf([])).toBe("219ecfcf64e89c3f84282892e4b81ded7575bd9b7fa470af043976a285603714")
    expect(digestOf([event(1)])).toBe("47f39df1e672f8df9e16a12e3ed9954f3b3e18c4840d3a18e2d4f7b1a49a9590")
    expect(digestOf([event(2 ** 33 + 5, { payload: new Uint8Array(), headers: {} })])).toBe(
      "e99d1e4504984302b265fd8be92b821be2be6d3ef6b1e201f49cd335aaa9068a",
    )
    expect(digestOf(Array.from({ length: 3_000 }, (_, index) => event(index + 1)))).toBe(
      "8822a5b7ef5ca0d8a440cf997f1d1f6577c61bead01eb21b33c9e9836a3653e3",
    )
  })

  it("is what the definition says, whatever the events", () => {
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
      expect(digestOf(events)).toBe(byDefinition(events))
    }))
    for (const length of [1_023, 1_024, 1_025, 2_048]) {
      const events = Array.from({ length }, (_, index) => event(index + 1))
      expect(digestOf(events)).toBe(byDefinition(events))
    }
  })

  it("does not depend on what a broker adds, nor on the order of headers", () => {
    const { headers } = event(1)
    const reversed = Object.fromEntries(Object.entries(headers).toReversed())
    const decorated = { ...reversed, "Nats-Msg-Id": "x", "Nats-Expected-Last-Sequence": "0" }
    expect(digestOf([event(1, { headers: decorated })])).toBe(digestOf([event(1)]))
  })

  it("tells apart what only looks the same when it is strung together", () => {
    const digests = [
      event(1),
      event(2),
      event(1, { subject: "tenant.acme.signals.task.appeared.07.u" }),
      event(1, { payload: Uint8Array.of(1, 2) }),
      event(1, { headers: { "tenant-id": "acmecontent-type", "": "application/protobuf" } }),
      event(1, { headers: {} }),
    ].map((one) => digestOf([one]))
    expect(new Set(digests).size).toBe(digests.length)
    expect(digestOf([event(1), event(2)])).not.toBe(digestOf([event(2), event(1)]))
  })

  it("asked in between stays the same, and is taken up again at the end of a block", () => {
    const events = Array.from({ length: 2_500 }, (_, index) => event(index + 1))
    const digest = Digest.make()
    const links: Array<readonly [number, string]> = []
    for (const [index, one] of events.entries()) {
      digest.add(one)
      if (index % 100 === 0) digest.value()
      const link = digest.link()
      if (link !== undefined) links.push([index + 1, link])
    }
    expect(digest.value()).toBe(digestOf(events))
    expect(links.map(([count]) => count)).toEqual([1_024, 2_048])
    for (const [count, link] of links) {
      const rest = Digest.make(link)
      for (const one of events.slice(count)) rest.add(one)
      expect(rest.value()).toBe(digestOf(events))
    }
  })
})
