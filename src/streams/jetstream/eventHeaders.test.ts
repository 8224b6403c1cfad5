import { headers, MsgHdrsImpl } from "@nats-io/transport-node"
import type { Msg } from "@nats-io/transport-node"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { eventHeaders } from "./eventHeaders.ts"

const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z-]{0,15}$/).filter((one) => !(one in {}))
const value = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, ""))

describe("the headers of an event on a broker", () => {
  it("are as the client reads them, without what is the broker's", () => {
    fc.assert(fc.property(fc.dictionary(name, value), (given) => {
      const hdrs = headers()
      for (const [key, text] of Object.entries(given)) hdrs.set(key, text)
      hdrs.set("Nats-Msg-Id", "id")
      hdrs.set("Nats-Expected-Last-Sequence", "7")
      const bytes = (hdrs as MsgHdrsImpl).encode()
      const kept = { _rdata: bytes, _msg: { hdr: bytes.length } } as unknown as Msg
      const read = { headers: MsgHdrsImpl.decode(bytes) } as unknown as Msg
      expect(eventHeaders(kept)).toEqual(eventHeaders(read))
      expect(eventHeaders(kept)["Nats-Msg-Id"]).toBe("id")
      expect(eventHeaders(kept)).not.toHaveProperty("Nats-Expected-Last-Sequence")
    }))
    expect(eventHeaders({ _rdata: new Uint8Array(3), _msg: { hdr: -1 } } as unknown as Msg)).toEqual({})
  })
})
