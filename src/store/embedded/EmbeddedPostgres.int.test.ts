import { Effect, Fiber, Redacted } from "effect"
import { spawnSync } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { isRunning } from "../../../test/support/serviceProcess.ts"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import { type Running, start } from "./EmbeddedPostgres.ts"

/** Starts the server, hands it to `use`, and stops it. */
const whileRunning = <A>(dataDir: string, use: (running: Running) => Promise<A>, steps: Array<string> = []) =>
  Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const onProgress = (step: string) => Effect.sync(() => void steps.push(step))
    const running = yield* start({ dataDir, durable: false, onProgress })
    return yield* Effect.promise(() => use(running))
  })))

const failureOf = (dataDir: string) =>
  Effect.runPromise(Effect.flip(Effect.scoped(start({ dataDir, durable: false, onProgress: () => Effect.void }))))

const query = async (url: string, statement: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const onServer = (statement: string) => ({ url }: Running) => query(Redacted.value(url), statement)

describe("embedded Postgres", () => {
  const folder = temporaryFolders()
  // One cluster for all of them, since each test starts and stops its own server on it: in the order they stand.
  let dataDir = ""
  beforeAll(async () => {
    dataDir = path.join(await folder(), "data")
  })

  it("the first start makes a database, and leaves nothing running", async () => {
    const steps: Array<string> = []
    const pid = await whileRunning(dataDir, async (running) => {
      await onServer("CREATE TABLE kept AS SELECT 7 AS id")(running)
      return running.pid
    }, steps)
    expect(steps).toEqual(["creating the embedded database (first start only)"])
    expect(isRunning(pid)).toBe(false)
    expect((await fs.readdir(dataDir)).sort()).toEqual(["postgres", "postgres-password", "postgres.log"])
  })

  it("the second start finds what the first committed, and has nothing to make", async () => {
    const steps: Array<string> = []
    expect(await whileRunning(dataDir, onServer("SELECT id FROM kept"), steps)).toEqual([{ id: 7 }])
    expect(steps).toEqual([])
  })

  it("only the owner can read what lets one in", async () => {
    for (const name of ["postgres-password", "postgres.log"]) {
      expect((await fs.stat(path.join(dataDir, name))).mode & 0o777).toBe(0o600)
    }
    expect((await fs.stat(path.join(dataDir, "postgres"))).mode & 0o777).toBe(0o700)
  })

  it("nobody gets in without the password, and the superuser not at all", async () => {
    await whileRunning(dataDir, async ({ port, url }) => {
      const password = new URL(Redacted.value(url)).password
      const as = (user: string, word: string) =>
        query(`postgres://${user}:${word}@127.0.0.1:${port}/tipstream`, "SELECT 1")
      await expect(as("tipstream", "guess")).rejects.toThrow("password authentication failed")
      await expect(as("postgres", password)).rejects.toThrow("no pg_hba.conf entry")
      await expect(as("tipstream", password)).resolves.toHaveLength(1)
    })
  })

  it("the service's role is no superuser, and may create databases", async () => {
    const attributes = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    expect(await whileRunning(dataDir, onServer(attributes))).toEqual([{ rolsuper: false, rolcreatedb: true }])
  })

  it("the password shows neither in the printed address nor in the log", async () => {
    const { printed, password } = await whileRunning(dataDir, async ({ url }) => ({
      printed: `${String(url)} ${JSON.stringify(url)}`,
      password: new URL(Redacted.value(url)).password,
    }))
    expect(password.length).toBeGreaterThan(20)
    expect(printed).not.toContain(password)
    expect(await fs.readFile(path.join(dataDir, "postgres.log"), "utf8")).not.toContain(password)
  })

  it("a server that ends by itself is reported with its last words", async () => {
    const error = await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { exited, pid } = yield* start({ dataDir, durable: false, onProgress: () => Effect.void })
      const watch = yield* Effect.forkChild(Effect.flip(exited))
      process.kill(pid, "SIGQUIT")
      return yield* Fiber.join(watch)
    })))
    expect(error._tag).toBe("EmbeddedPostgresStopped")
    expect(error.message).toContain("immediate shutdown request")
  })

  it("a lost password file costs no data", async () => {
    await fs.rm(path.join(dataDir, "postgres-password"))
    expect(await whileRunning(dataDir, onServer("SELECT id FROM kept"))).toEqual([{ id: 7 }])
  })

  it("a log that has grown is put aside at the next start", async () => {
    const log = path.join(dataDir, "postgres.log")
    await fs.writeFile(log, "x".repeat(5 * 1024 * 1024))
    await whileRunning(dataDir, async () => {})
    expect((await fs.stat(`${log}.1`)).size).toBe(5 * 1024 * 1024)
    expect((await fs.stat(log)).size).toBeLessThan(10_000)
  })

  it("a failing start gives the last lines of the log", async () => {
    const settings = path.join(dataDir, "postgres", "postgresql.conf")
    const before = await fs.readFile(settings, "utf8")
    await fs.appendFile(settings, "\nno_such_setting = 1\n")
    const error = await failureOf(dataDir)
    await fs.writeFile(settings, before)
    expect(error._tag).toBe("PostgresStartFailed")
    expect(error.message).toContain("no_such_setting")
    expect(error.message).toContain("postgres.log, or set DATABASE_URL")
  })

  it("data of another major version is left alone", async () => {
    const version = path.join(dataDir, "postgres", "PG_VERSION")
    await fs.writeFile(version, "15\n")
    const error = await failureOf(dataDir)
    expect(error).toMatchObject({ _tag: "DataDirUnusable", reason: "OtherMajorVersion", detail: "15, this is 18" })
    expect(error.message).toContain("pg_dump")
  })

  it("a half-made database of an interrupted first start is removed, and a whole one made", async () => {
    const other = await folder()
    await fs.mkdir(path.join(other, "postgres.new-1234", "base"), { recursive: true })
    expect(await whileRunning(other, onServer("SELECT 1 AS one"))).toEqual([{ one: 1 }])
    expect((await fs.readdir(other)).sort()).toEqual(["postgres", "postgres-password", "postgres.log"])
  })
})

// A small disk can only be had by root. What every user can be shown is in Cluster.int.test.ts.
if (process.getuid?.() === 0) {
  describe("embedded Postgres on a full disk", () => {
    const folder = temporaryFolders()
    let disk = ""

    beforeAll(async () => {
      disk = await folder()
      expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", disk]).status).toBe(0)
    })
    afterAll(() => {
      spawnSync("umount", ["-l", disk])
    })

    it("the first start says so, names the folder, and leaves nothing that a later start takes for data", async () => {
      const error = await failureOf(disk)
      expect(error).toMatchObject({ _tag: "DiskFull", dataDir: disk })
      expect(error.message).toContain("set DATA_DIR to a folder on another disk")
      expect(await fs.readdir(disk)).not.toContain("postgres")
    })

    it("a later start says so too, and works when there is space again", async () => {
      spawnSync("mount", ["-o", "remount,size=100m", disk])
      await whileRunning(disk, onServer("CREATE TABLE kept AS SELECT 7 AS id"))
      const filler = path.join(disk, "filler")
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"])
      expect(await failureOf(disk)).toMatchObject({ _tag: "DiskFull" })
      await fs.rm(filler)
      expect(await whileRunning(disk, onServer("SELECT id FROM kept"))).toEqual([{ id: 7 }])
    })
  })
}
