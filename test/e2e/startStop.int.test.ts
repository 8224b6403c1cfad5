import http from "node:http"
import net from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import type { Simulator } from "../../simulator/runSimulator.ts"
import { eventually } from "../support/eventually.ts"
import { createDatabase } from "../support/postgres.ts"
import type { TestDatabase } from "../support/postgres.ts"
import { leftOf, spawnService } from "../support/service.ts"
import type { Service, ServiceOptions } from "../support/service.ts"
import { isRunning } from "../support/serviceProcess.ts"
import { temporaryFolders } from "../support/temporaryFolder.ts"
import { controlOf, signInDemo } from "../support/world.ts"

const folder = temporaryFolders()
const running = new Set<Service>()
let database: TestDatabase
let simulator: Simulator
/** Settings of a service that needs nothing of its own. */
let ready: Readonly<Record<string, string>>

const spawned = (options: ServiceOptions): Service => {
  const service = spawnService(options)
  running.add(service)
  void service.ended.then(() => running.delete(service))
  return service
}

/** How a start ended that was not to succeed; one line each on standard error. */
const refused = async (env: Readonly<Record<string, string>>, args?: ReadonlyArray<string>) => {
  const service = spawned({ env, ...(args === undefined ? {} : { args }) })
  const { code } = await service.ended
  return { code, lines: service.errors().trimEnd().split("\n"), output: service.output() }
}

beforeAll(async () => {
  database = await createDatabase()
  simulator = await runSimulator({ port: 0, timeZone: "UTC" })
  ready = {
    DATABASE_URL: database.url,
    DATA_DIR: await folder(),
    TODOIST_BASE_URL: simulator.url,
    TODOIST_TOKEN: simulator.token,
  }
})
afterAll(async () => {
  for (const service of running) await service.kill()
  await simulator.close()
  await database.drop()
})

describe("a start that cannot succeed ends with what to do", () => {
  it("a port in use", async () => {
    const holder = net.createServer()
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve))
    const { port } = holder.address() as net.AddressInfo
    const { code, lines } = await refused({ ...ready, PORT: String(port) })
    await new Promise((resolve) => holder.close(resolve))
    expect([code, lines]).toEqual([1, [expect.stringContaining(`port ${port} is in use`)]])
  })

  it("settings that make no sense are named all at once, without the value of a secret", async () => {
    const env = {
      ...ready,
      PORT: "abc",
      POLICY: "oracle",
      TIP_WINDOW_MS: "1",
      TODOIST_BASE_URL: "ftp://x",
      VAULT_KEYS: "",
    }
    const { code, lines } = await refused(env)
    expect(code).toBe(1)
    expect(lines[0]).toContain("configuration")
    for (const name of ["PORT", "POLICY", "TIP_WINDOW_MS", "TODOIST_BASE_URL"]) {
      expect(lines.filter((line) => line.trimStart().startsWith(`${name}: expected`))).toHaveLength(1)
    }
    expect(lines).toHaveLength(5)
  })

  it("vault keys that are none, without repeating them", async () => {
    const { code, lines, output } = await refused({ ...ready, VAULT_KEYS: "k1:canary-key" })
    expect([code, lines]).toEqual([1, [expect.stringContaining("VAULT_KEYS")]])
    expect(output).not.toContain("canary")
  })

  it("a demo for everybody on the network", async () => {
    const { code, lines } = await refused({ ...ready, HOST: "0.0.0.0" })
    expect([code, lines]).toEqual([1, [expect.stringContaining("HOST must be a loopback address")]])
  })

  it("a database that is not there, without its password", async () => {
    const { code, lines, output } = await refused({ ...ready, DATABASE_URL: "postgres://me:canary@127.0.0.1:1/x" })
    expect([code, lines]).toEqual([1, [expect.stringContaining("127.0.0.1:1")]])
    expect(output).not.toContain("canary")
  })

  it("another number of partitions than the log was made with", async () => {
    const first = spawned({ env: ready })
    await first.ready
    await first.stop()
    const { code, lines } = await refused({ ...ready, PARTITIONS: "16" })
    expect([code, lines]).toEqual([1, [expect.stringContaining("set PARTITIONS=8")]])
  })

  it("a command there is not", async () => {
    expect((await refused(ready, ["server"])).code).toBe(1)
  })
})

describe("a stop", () => {
  it("lets a request under way finish, takes no new one, and ends with 0", async () => {
    const service = spawned({ env: ready })
    const url = await service.ready
    const todoist = controlOf(simulator.url)
    const user = await signInDemo(url)
    await todoist.addFaults([{ fault: "slow", delayMs: 1_000, on: "read" }])
    const underWay = user.call("POST", "/v1/connectors/todoist/sync")
    await todoist.met("slow")
    const stopped = service.stop()
    expect((await underWay).status).toBe(200)
    expect(await stopped).toEqual({ code: 0, signal: null })
    await expect(user.call("GET", "/health")).rejects.toThrow("ECONNREFUSED")
    expect(service.errors()).toBe("")
  })

  it("lets a request whose body is still coming finish too", async () => {
    const service = spawned({ env: ready })
    const url = await service.ready
    const user = await signInDemo(url)
    const { id } = await user.tip()
    const body = JSON.stringify({ tipId: id, reaction: "save" })
    const cookie = `sid=${user.cookies.get("sid")}`
    const headers = { cookie, "content-type": "application/json", "content-length": body.length }
    const request = http.request(new URL("/v1/feedback", url), { method: "POST", agent: false, headers })
    const answer = new Promise<number | undefined>((resolve, reject) => {
      request.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject)
    })
    await new Promise((resolve) => request.write(body.slice(0, 20), resolve))
    // A later request is answered, so the earlier one has been taken too.
    await user.tip()
    const stopped = service.stop()
    await eventually("it is stopping", async () => service.output().includes("stopping") ? true : undefined)
    request.end(body.slice(20))
    expect(await answer).toBe(200)
    expect(await stopped).toEqual({ code: 0, signal: null })
  })

  it("is over in time though a request would take longer than SHUTDOWN_GRACE_MS", async () => {
    const service = spawned({ env: { ...ready, SHUTDOWN_GRACE_MS: "200" } })
    const user = await signInDemo(await service.ready)
    const todoist = controlOf(simulator.url)
    await todoist.addFaults([{ fault: "slow", delayMs: 60_000, on: "read" }])
    const cut = user.call("POST", "/v1/connectors/todoist/sync").then(({ status }) => status, () => "cut off")
    await todoist.met("slow", 2)
    expect(await service.stop()).toEqual({ code: 0, signal: null })
    expect([503, 502, 500, "cut off"]).toContain(await cut)
  })
})

describe("npm start", () => {
  it(
    "brings up everything, keeps a second copy off its folder, and leaves nothing behind on SIGTERM or SIGKILL",
    async () => {
      const env = { DATA_DIR: await folder() }
      const npm = spawned({ command: ["npm"], args: ["start"], env })
      await npm.ready
      const family = npm.family()
      // npm, the service, the simulator, and Postgres with its supervisor and its own processes.
      expect(family.length).toBeGreaterThan(6)
      const { code, lines } = await refused(env)
      expect([code, lines]).toEqual([1, [expect.stringMatching(/is in use by process \d+: stop it, or set DATA_DIR/)]])
      expect(family.every(isRunning)).toBe(true)
      await npm.stop()
      expect(await leftOf(family)).toEqual([])
      expect(npm.output()).toContain("stopping: finishing what is under way")
      expect(npm.output()).toContain("creating the embedded database")

      const again = spawned({ env })
      await again.ready
      expect(again.output()).not.toContain("creating the embedded database")
      const secondFamily = again.family()
      expect(secondFamily.length).toBeGreaterThan(5)
      await again.kill()
      expect(await leftOf(secondFamily)).toEqual([])
    },
    90_000,
  )
})
