import { spawn } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import postgres from "postgres"
import { afterEach, describe, expect, it } from "vitest"
import {
  asNobody,
  childrenOf,
  isRunning,
  parentOf,
  type ServiceProcess,
  spawnService,
  until,
} from "../../../test/support/serviceProcess.ts"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"

const withSql = async <A>(url: unknown, use: (sql: postgres.Sql) => Promise<A>): Promise<A> => {
  const sql = postgres(String(url), { max: 1, onnotice: () => {} })
  try {
    return await use(sql)
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {})
  }
}

const rows = (url: unknown) =>
  withSql(url, async (sql) => (await sql`SELECT id FROM kept ORDER BY id`).map(({ id }) => id))

const keep = (url: unknown) =>
  withSql(url, async (sql) => {
    await sql`CREATE TABLE kept (id integer)`
    await sql`INSERT INTO kept VALUES (1), (2)`
  })

// Each starts processes that start processes: seconds on a busy machine, and then some.
describe("the embedded server of a service that is killed", { timeout: 60_000 }, () => {
  const folder = temporaryFolders()
  const started: Array<{ readonly service: ServiceProcess; readonly dataDir: string }> = []

  const serve = async (dataDir: string, prefix: ReadonlyArray<string> = []) => {
    const service = spawnService(dataDir, prefix)
    started.push({ service, dataDir })
    return { service, ...(await service.fact("pid")) as { pid: number; url: string } }
  }

  /** Lets it end in order, which takes the server with it. */
  const finish = async (service: ServiceProcess) => {
    service.kill("SIGINT")
    await service.ended
  }

  const postmasterOf = async (dataDir: string) =>
    Number(
      (await fs.readFile(path.join(dataDir, "postgres", "postmaster.pid"), "utf8").catch(() => "0")).split("\n")[0],
    )

  afterEach(async () => {
    for (const { service } of started) {
      if (isRunning(service.pid)) service.kill("SIGKILL")
      await service.ended
    }
    for (const { dataDir } of started.splice(0)) {
      const left = await postmasterOf(dataDir)
      if (left > 0 && left < 2 ** 22) await until(() => !isRunning(left))
    }
  })

  it("stops by itself after SIGKILL, and the next start finds every committed row", async () => {
    const dataDir = await folder()
    const first = await serve(dataDir)
    await keep(first.url)
    first.service.kill("SIGKILL")
    await first.service.ended
    expect(await until(() => !isRunning(first.pid))).toBe(true)

    const second = await serve(dataDir)
    expect(await rows(second.url)).toEqual([1, 2])
    await finish(second.service)
    expect(isRunning(second.pid)).toBe(false)
  })

  it("is waited for when the next start comes while it is still shutting down", async () => {
    const dataDir = await folder()
    const first = await serve(dataDir)
    await keep(first.url)
    first.service.kill("SIGKILL")
    // The lock's holder has to be gone; its server need not be.
    await first.service.ended
    const second = await serve(dataDir)
    expect(isRunning(first.pid)).toBe(false)
    expect(await rows(second.url)).toEqual([1, 2])
  })

  it("is stopped by the next start when its supervisor was killed with the service", async () => {
    const dataDir = await folder()
    const first = await serve(dataDir)
    await keep(first.url)
    const supervisor = parentOf(first.pid)
    for (const pid of childrenOf(supervisor)) if (pid !== first.pid) process.kill(pid, "SIGKILL")
    process.kill(supervisor, "SIGKILL")
    first.service.kill("SIGKILL")
    await first.service.ended
    expect(isRunning(first.pid)).toBe(true)

    const second = await serve(dataDir)
    expect((await second.service.fact("step")).step).toContain("earlier")
    expect(isRunning(first.pid)).toBe(false)
    expect(await rows(second.url)).toEqual([1, 2])
  })

  it("is started again after its pid went to another process", async () => {
    const dataDir = await folder()
    const first = await serve(dataDir)
    await keep(first.url)
    process.kill(first.pid, "SIGKILL")
    await first.service.fact("error")
    await first.service.ended
    const pidFile = path.join(dataDir, "postgres", "postmaster.pid")
    const lines = (await fs.readFile(pidFile, "utf8")).split("\n")
    // Of the server's own user: Postgres itself sees through one of another user.
    const [program = "", ...args] = [...asNobody, "sleep", "600"]
    const stranger = spawn(program, args, { stdio: "ignore" })
    await fs.writeFile(pidFile, [String(stranger.pid), ...lines.slice(1)].join("\n"))
    try {
      const second = await serve(dataDir)
      expect(await rows(second.url)).toEqual([1, 2])
      expect(stranger.exitCode).toBe(null)
    } finally {
      stranger.kill("SIGKILL")
    }
  })

  it("outlives a Ctrl-C that reaches the whole process group, until the service has drained", async () => {
    const { service, pid } = await serve(await folder())
    service.killGroup("SIGINT")
    await expect(service.fact("drained")).resolves.toBeDefined()
    await service.ended
    expect(isRunning(pid)).toBe(false)
  })

  it("is made anew when the kill came in the middle of the first start", async () => {
    const dataDir = await folder()
    const cut = spawnService(dataDir)
    started.push({ service: cut, dataDir })
    await cut.fact("step")
    expect(await until(() => isRunning(cut.pid))).toBe(true)
    cut.kill("SIGKILL")
    await cut.ended
    await expect(fs.stat(path.join(dataDir, "postgres"))).rejects.toThrow("ENOENT")

    const { url } = await serve(dataDir)
    await keep(url)
    expect(await rows(url)).toEqual([1, 2])
  })

  it("refuses a second process on its folder, and names the first", async () => {
    const dataDir = await folder()
    const { service } = await serve(dataDir)
    const refused = spawnService(dataDir)
    expect(await refused.fact("error")).toMatchObject({
      error: "DataDirInUse",
      message: expect.stringContaining(`in use by process ${service.pid}`),
    })
    await refused.ended
  })

  it("works the same for a normal user", async () => {
    const dataDir = await folder()
    await fs.chmod(dataDir, 0o777)
    const { pid, url } = await serve(path.join(dataDir, "data"), asNobody)
    await keep(url)
    expect(await rows(url)).toEqual([1, 2])
    expect((await fs.stat(path.join(dataDir, "data"))).uid).toBe(
      (await fs.stat(path.join(dataDir, "data/postgres"))).uid,
    )
    expect(isRunning(pid)).toBe(true)
  })
})
