/** Ends that are not the orderly one of e2e/startStop. */
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { leftOf, spawnService } from "../../test/support/service.ts"
import type { Service } from "../../test/support/service.ts"
import { isRunning, until } from "../../test/support/serviceProcess.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"

const folder = temporaryFolders()
const running = new Set<Service>()

const started = (env: Readonly<Record<string, string>>, args: ReadonlyArray<string> = ["serve", "--demo"]) => {
  const service = spawnService({ env, args })
  running.add(service)
  return service
}

afterEach(async () => {
  for (const service of running) await service.kill()
  running.clear()
})

const main = [
  ...("deno" in process.versions ? ["run", "-A", "--no-prompt"] : []),
  fileURLToPath(new URL("../main.ts", import.meta.url)),
]

const postmasterOf = async (dataDir: string): Promise<number> =>
  Number((await fs.readFile(path.join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n")[0])

describe("a stop that is no orderly one", () => {
  it("a Postgres that dies takes the service with it, in one line, leaving nothing", async () => {
    const dataDir = await folder()
    const service = started({ DATA_DIR: dataDir })
    await service.ready
    const family = service.family()
    process.kill(await postmasterOf(dataDir), "SIGKILL")
    expect((await service.ended).code).toBe(1)
    expect(service.errors().trimEnd().split("\n")).toEqual([
      "tipstream: the embedded Postgres stopped by itself (killed by signal 9): start tipstream again to recover the " +
      `data, and see ${dataDir}/postgres.log`,
    ])
    expect(await leftOf(family)).toEqual([])
  }, 60_000)

  it("two signals at once, as when npm passes Ctrl-C on, are one request", async () => {
    const service = started({ DATA_DIR: await folder() })
    await service.ready
    process.kill(service.pid, "SIGINT")
    // Of another name, because the system delivers two of one name that meet as one.
    process.kill(service.pid, "SIGTERM")
    expect(await service.ended).toMatchObject({ code: 0 })
    expect(service.errors()).toBe("")
  })

  it("a second signal ends at once what hangs, and the rest follows", async () => {
    const dataDir = await folder()
    const service = started({ DATA_DIR: dataDir })
    await service.ready
    const family = service.family()
    const postmaster = await postmasterOf(dataDir)
    process.kill(postmaster, "SIGSTOP")
    let again: ReturnType<typeof setInterval> | undefined
    try {
      process.kill(service.pid, "SIGTERM")
      expect(await until(() => service.output().includes("stopping"))).toBe(true)
      // Told apart from one request in two copies by half a second.
      again = setInterval(() => process.kill(service.pid, "SIGTERM"), 200)
      expect((await service.ended).code).toBe(143)
    } finally {
      clearInterval(again)
      process.kill(postmaster, "SIGCONT")
    }
    expect(service.errors()).toContain("tipstream: ended at once")
    expect(await leftOf(family)).toEqual([])
  }, 60_000)

  it("output that nobody reads any more ends it quietly, and the rest follows", async () => {
    const dataDir = await folder()
    const service = spawnService({
      command: ["/bin/sh", "-c", '{ "$@"; echo "code $?" >&2; } | head -n 1', "sh", process.execPath, ...main],
      env: { DATA_DIR: dataDir, LOG_FORMAT: "text" },
    })
    running.add(service)
    await service.ended
    expect(service.errors()).toBe("code 141\n")
    const postmaster = await postmasterOf(dataDir).catch(() => 0)
    expect(await until(() => postmaster === 0 || !isRunning(postmaster))).toBe(true)
  }, 60_000)

  it("Ctrl-C while the first database is made leaves neither a process nor half a database", async () => {
    const dataDir = await folder()
    const service = started({ DATA_DIR: dataDir })
    expect(await until(() => service.output().includes("creating the embedded database"))).toBe(true)
    const family = service.family()
    process.kill(service.pid, "SIGINT")
    expect((await service.ended).code).toBe(130)
    expect(service.errors()).toBe("")
    expect(await leftOf(family)).toEqual([])
    expect(await fs.readdir(dataDir)).not.toContain("postgres")
  })
})

describe("tipstream simulate", () => {
  it("serves on the port it says, and ends with 0 on Ctrl-C", async () => {
    const state = path.join(await folder(), "state.json")
    const service = started({}, ["simulate", "--port", "0", "--state", state, "--token", "of-a-test", "--still"])
    expect(await until(() => service.output().includes("stop with Ctrl-C"))).toBe(true)
    const url = /open (\S+)/.exec(service.output())?.[1] ?? ""
    const headers = { authorization: "Bearer of-a-test" }
    expect((await fetch(`${url}/api/v1/user`, { headers })).status).toBe(200)
    process.kill(service.pid, "SIGINT")
    expect(await service.ended).toMatchObject({ code: 0 })
    expect(JSON.parse(await fs.readFile(state, "utf8"))).toMatchObject({ complete: true })
  })

  it("says in one line what is wrong with a flag", async () => {
    const service = started({}, ["simulate", "--token", "two words"])
    expect((await service.ended).code).toBe(1)
    expect(service.errors()).toMatch(/^tipstream: the token must be [^\n]+\n$/)
  })
})
