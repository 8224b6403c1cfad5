import { describe, expect, it } from "vitest"
import { headers } from "@nats-io/transport-node"
import { readPublishReply } from "./publishReply.ts"

const reply = (text: string) => readPublishReply({ data: new TextEncoder().encode(text) })
const noHeaders = { data: new Uint8Array() }

describe("a reply to a publish", () => {
  it("holds the sequence, whatever the server puts around it", () => {
    expect(reply(`{"stream":"S", "seq":7}`)).toEqual({ sequence: 7 })
    expect(reply(`{"stream":"S","domain":"d","seq": 70001,"duplicate": true}`)).toEqual({ sequence: 70_001 })
  })

  it("without a sequence it is nobody's word", () => {
    for (const text of ["{}", "nonsense", `{"stream":"seq"}`, `{"error`]) {
      expect(reply(text)).toMatchObject({ end: "unknown" })
    }
    expect(readPublishReply(noHeaders)).toMatchObject({ end: "unknown" })
  })

  it("is an end of one kind for each thing a publisher would do differently", () => {
    const end = (code: number) => reply(`{"error":{"code":1,"err_code":${code},"description":"why"},"seq":0}`)
    for (const code of [10070, 10071]) expect(end(code)).toEqual({ end: "wrong-last-sequence", detail: "why" })
    for (const code of [10023, 10047, 10077]) expect(end(code)).toEqual({ end: "full", detail: "why" })
    expect(end(10054)).toEqual({ end: "refused", detail: "why" })
    expect(end(1)).toEqual({ end: "unknown", detail: "why" })
    expect(reply(`{"error":"broken`)).toMatchObject({ end: "unknown" })
    expect(readPublishReply({ data: new Uint8Array(), headers: headers(503, "No Responders") })).toMatchObject({
      end: "no-stream",
    })
  })
})
