import { describe, expect, it } from "@effect/vitest"
import { connect } from "@nats-io/transport-node"
import type { Msg } from "@nats-io/transport-node"
import fc from "fast-check"
import { natsOfFile } from "../../../test/support/nats.ts"
import { fromNats, headersOf, toNats } from "./natsHeaders.ts"

const nats = natsOfFile()

/** What a subscriber gets of each, in order. */
const sent = async (records: ReadonlyArray<Readonly<Record<string, string>> | undefined>) => {
  const connection = await connect({ servers: nats.server.url })
  const received: Array<Msg> = []
  const all = Promise.withResolvers<void>()
  connection.subscribe("test", {
    callback: (_error, message) => {
      received.push(message)
      if (received.length === records.length) all.resolve()
    },
  })
  for (const record of records) {
    connection.publish("test", "payload", record === undefined ? {} : { headers: toNats(record) })
  }
  await all.promise
  await connection.close()
  return received
}

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/)
const value = fc.string({ unit: "grapheme", maxLength: 40 }).filter((text) => !/[\r\n]/.test(text))
const record = fc.dictionary(name, value, { minKeys: 1, maxKeys: 8, noNullPrototype: true })

describe("headers of a received message", () => {
  it("are the same from the bytes as from the client", async () => {
    const records = [...fc.sample(record, { numRuns: 500, seed: 1 }), { toString: "a", "x-y": "b: c" }]
    for (const message of await sent(records)) {
      expect(headersOf(message)).toEqual(fromNats(message.headers))
    }
  })

  it("are none where the message has none", async () => {
    const [message] = await sent([undefined])
    expect(headersOf(message!)).toEqual({})
  })

  it("are read without the client, and by the client when it keeps its bytes otherwise", async () => {
    const [message] = await sent([{ "tenant-id": "default" }])
    const silent = Object.create(message!, {
      headers: { get: () => expect.unreachable("the client was asked") },
    }) as Msg
    expect(headersOf(silent)).toEqual({ "tenant-id": "default" })
    expect(headersOf({ headers: message!.headers } as Msg)).toEqual({ "tenant-id": "default" })
  })
})
