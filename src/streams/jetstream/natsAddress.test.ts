import { describe, expect, it } from "vitest"
import { parseNatsUrl } from "./natsAddress.ts"

const plain = { user: undefined, password: undefined, token: undefined, isEncrypted: false }

describe("address of a NATS server", () => {
  it("names servers without their secrets", () => {
    expect(parseNatsUrl("nats://h")).toEqual({ ...plain, servers: ["h:4222"] })
    expect(parseNatsUrl("nats://u:p%40ss%2F@h:1/")).toEqual({
      ...plain,
      servers: ["h:1"],
      user: "u",
      password: "p@ss/",
    })
    expect(parseNatsUrl("nats://t0ken@h")).toEqual({ ...plain, servers: ["h:4222"], token: "t0ken" })
  })

  it("may be several, encrypted, or version 6", () => {
    expect(parseNatsUrl("tls://u:p@a.example:4443, tls://b.example"))
      .toEqual({ ...plain, servers: ["a.example:4443", "b.example:4222"], user: "u", password: "p", isEncrypted: true })
    expect(parseNatsUrl("nats://[::1]:4333")).toEqual({ ...plain, servers: ["[::1]:4333"] })
  })
})
