/** What a node of a cluster says of its own start and end. */
import net from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { databaseOfFile } from "../../test/support/postgres.ts"
import { spawnService } from "../../test/support/service.ts"
import type { Service } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"

const folder = temporaryFolders()
const database = databaseOfFile()
const vaultKeys = `k1:${Buffer.alloc(32, 1).toString("base64")}`
const running = new Set<Service>()

afterEach(async () => {
  for (const service of running) await service.kill()
  running.clear()
})

const listening = async () => {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const close = () => new Promise((resolve) => server.close(resolve))
  return { port: String((server.address() as net.AddressInfo).port), close }
}

const node = async (clusterPort: string) => {
  const service = spawnService({
    args: ["serve"],
    env: {
      DATABASE_URL: database.url,
      DATA_DIR: await folder(),
      VAULT_KEYS: vaultKeys,
      ACTORS: "cluster",
      CLUSTER_PORT: clusterPort,
    },
  })
  running.add(service)
  return service
}

describe("a node of a cluster", () => {
  it("that cannot listen for the others names the port and its setting, in one line", async () => {
    const { port, close } = await listening()
    const service = await node(port)
    const { code } = await service.ended
    await close()
    expect([code, service.errors()]).toEqual([
      1,
      `tipstream: port ${port} is in use, where the other nodes would reach this one: stop what listens on ` +
      `127.0.0.1:${port}, or set CLUSTER_PORT to another\n`,
    ])
  })
})
