/** Starts that cannot succeed, or only in part. What e2e/startStop has is not repeated. */
import { spawnSync } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import type { Simulator } from "../../simulator/runSimulator.ts"
import { databaseOfFile } from "../../test/support/postgres.ts"
import { leftOf, spawnService } from "../../test/support/service.ts"
import type { Service } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import { listenAsOldPostgres } from "./oldPostgres.fixture.ts"

const folder = temporaryFolders()
const running = new Set<Service>()

const started = (env: Readonly<Record<string, string>>, args: ReadonlyArray<string> = ["serve", "--demo"]) => {
  const service = spawnService({ env, args })
  running.add(service)
  return service
}

/** What stands on standard error when it ended, one entry a line. */
const refused = async (env: Readonly<Record<string, string>>, args?: ReadonlyArray<string>) => {
  const service = started(env, args)
  const { code } = await service.ended
  return { code, lines: service.errors().trimEnd().split("\n") }
}

afterEach(async () => {
  for (const service of running) await service.kill()
  running.clear()
})

describe("a data folder that cannot be used", () => {
  it("one that another copy works in is left to it", async () => {
    const dataDir = await folder()
    const first = started({ DATA_DIR: dataDir })
    await first.ready
    const { code, lines } = await refused({ DATA_DIR: dataDir })
    expect(lines).toEqual([
      `tipstream: ${dataDir} is in use by process ${first.pid}: stop it, or set DATA_DIR to another folder`,
    ])
    expect(code).toBe(1)
    expect((await fetch(new URL("/ready", await first.ready))).status).toBe(200)
    const family = first.family()
    expect((await first.stop()).code).toBe(0)
    expect(await leftOf(family)).toEqual([])
  }, 60_000)

  it("one that is a file", async () => {
    const file = path.join(await folder(), "file")
    await fs.writeFile(file, "")
    const { code, lines } = await refused({ DATA_DIR: file })
    expect(lines).toEqual([
      expect.stringMatching(/^tipstream: .*file cannot be written .*set DATA_DIR to another folder/),
    ])
    expect(code).toBe(1)
  })

  it("one whose simulator cannot read what it kept, after a tidy end of the database", async () => {
    const dataDir = await folder()
    await fs.writeFile(path.join(dataDir, "simulator.json"), "{ half")
    const { code, lines } = await refused({ DATA_DIR: dataDir })
    expect(lines).toEqual([
      expect.stringMatching(
        /^tipstream: the Todoist simulator cannot start: .*simulator\.json.*move it away to begin anew/,
      ),
    ])
    expect(code).toBe(1)
    expect(await fs.readdir(path.join(dataDir, "postgres"))).not.toContain("postmaster.pid")
  })
})

// A small disk can only be had by root.
if (process.getuid?.() === 0) {
  describe("a full disk", () => {
    let disk = ""
    beforeAll(async () => {
      disk = await folder()
      expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", disk]).status).toBe(0)
    })
    afterAll(() => {
      spawnSync("umount", ["-l", disk])
    })

    it("is named with the folder, and gets its space back", async () => {
      const { code, lines } = await refused({ DATA_DIR: disk })
      expect(lines).toEqual([
        expect.stringMatching(`^tipstream: no space is left for the embedded Postgres in ${disk}: `),
      ])
      expect(code).toBe(1)
      expect(await fs.readdir(disk)).toEqual(["postgres.log"])
    })
  })
}

describe("a database of DATABASE_URL that cannot be used", () => {
  const database = databaseOfFile()
  const serve = (url: string, dataDir: string) => refused({ DATABASE_URL: url, DATA_DIR: dataDir }, ["serve"])

  it("a wrong password is not repeated", async () => {
    const url = new URL(database.url)
    url.password = "not-the-password"
    const { code, lines } = await serve(url.href, await folder())
    expect(lines).toEqual([
      expect.stringMatching(/^tipstream: Postgres at .* lets us not in .*: correct user and password/),
    ])
    expect(lines[0]).not.toContain("not-the-password")
    expect(code).toBe(1)
  })

  it("a database that does not exist", async () => {
    const url = new URL(database.url)
    url.pathname = "/nowhere"
    const { code, lines } = await serve(url.href, await folder())
    expect(lines).toEqual([
      expect.stringMatching(/^tipstream: Postgres at .*nowhere has no such database .*: create it/),
    ])
    expect(code).toBe(1)
  })

  it("a server that is too old", async () => {
    const old = await listenAsOldPostgres()
    const { code, lines } = await serve(old.url, await folder())
    await old.close()
    expect(lines).toEqual([
      expect.stringMatching(/^tipstream: Postgres at .* is version 14\.11, at least 15 is needed: /),
    ])
    expect(code).toBe(1)
  })
})

describe("a start that succeeds in part", () => {
  const database = databaseOfFile()
  let simulator: Simulator
  /** One for both: a database belongs to one key ring. */
  let dataDir = ""
  beforeAll(async () => {
    dataDir = await folder()
    simulator = await runSimulator({ port: 0, timeZone: "UTC" })
  })
  afterAll(() => simulator.close())

  it("a token that Todoist refuses: the service runs, and says so", async () => {
    const service = started({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      TODOIST_BASE_URL: simulator.url,
      TODOIST_TOKEN: "not-the-token",
      LOG_FORMAT: "text",
    })
    const address = await service.ready
    expect(service.output()).toMatch(/the first sync failed and is tried again by itself: .*token/i)
    expect(service.output()).not.toContain("not-the-token")
    expect((await fetch(new URL("/ready", address))).status).toBe(200)
    expect((await service.stop()).code).toBe(0)
  })

  it("with JSON logs every line of the output is one, and none holds a tip", async () => {
    const service = started({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      TODOIST_BASE_URL: simulator.url,
      TODOIST_TOKEN: simulator.token,
    })
    const address = await service.ready
    expect((await service.stop()).code).toBe(0)
    const lines = service.output().trimEnd().split("\n").map((line) => JSON.parse(line))
    expect(lines).toContainEqual(expect.objectContaining({ msg: `tipstream is ready: open ${address}`, url: address }))
    expect(lines.map(({ msg }) => msg)).toContain("stopping: finishing what is under way")
    expect(lines.find(({ msg }) => /tip is waiting/.test(msg))).toMatchObject({ msg: "a tip is waiting" })
    expect(service.errors()).toBe("")
  })
})
