import { connect } from "@nats-io/transport-node"
import { describe, expect, it } from "vitest"
import { natsOfFile } from "./nats.ts"

describe("the nats-server of tests", () => {
  const nats = natsOfFile()

  it("answers, comes back on its port after a kill, and keeps still while it is frozen", async () => {
    const { server } = nats
    const first = await connect({ servers: server.url })
    await first.rtt()
    server.freeze()
    const answer = first.rtt()
    await expect(Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, "none"))])).resolves.toBe(
      "none",
    )
    server.thaw()
    await answer
    await first.close()
    const before = server.pid()
    await server.kill()
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/refused|connect/i)
    await server.start()
    expect(server.pid()).not.toBe(before)
    const again = await connect({ servers: server.url })
    await again.rtt()
    await again.close()
  })
})
