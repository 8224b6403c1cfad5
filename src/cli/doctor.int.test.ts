import fs from "node:fs/promises"
import net from "node:net"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { databaseOfFile } from "../../test/support/postgres.ts"
import { spawnService } from "../../test/support/service.ts"
import type { Service } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import type { Finding } from "./doctor/Finding.ts"
import { listenAsOldPostgres } from "./oldPostgres.fixture.ts"

const folder = temporaryFolders()
const database = databaseOfFile()
const running = new Set<Service>()
/** Nothing listens on port 1: answers at once that nobody is there. */
const nobody = "http://127.0.0.1:1"

afterEach(async () => {
  for (const service of running) await service.kill()
  running.clear()
})

const examined = async (env: Readonly<Record<string, string>>) => {
  const doctor = spawnService({ env: { TODOIST_BASE_URL: nobody, ...env }, args: ["doctor", "--json"] })
  const { code } = await doctor.ended
  const report: { ok: boolean; findings: ReadonlyArray<Finding> } = JSON.parse(
    doctor.output().replace(doctor.errors(), ""),
  )
  const of = (check: string) => report.findings.find((finding) => finding.check === check)
  return { code, report, of, errors: doctor.errors() }
}

describe("tipstream doctor", () => {
  it("finds a healthy place healthy, with every check there is, and makes nothing", async () => {
    const dataDir = path.join(await folder(), "not", "yet")
    const { code, report, of } = await examined({ DATA_DIR: dataDir })
    expect(code).toBe(0)
    expect(report.ok).toBe(true)
    expect(report.findings.map(({ check }) => check)).toEqual([
      "runtime",
      "settings",
      "permissions",
      "time zones",
      "data folder",
      "disk",
      "postgres",
      "vault",
      "nats",
      "port",
      "clock",
      "todoist",
    ])
    expect(of("todoist")).toMatchObject({ status: "warn" })
    expect(of("nats")).toMatchObject({ status: "ok", seen: expect.stringContaining("stands in the database") })
    await expect(fs.stat(path.dirname(dataDir))).rejects.toThrow("ENOENT")
  })

  it("names all that is wrong at once, and goes on looking with the defaults", async () => {
    const file = path.join(await folder(), "file")
    await fs.writeFile(file, "")
    const taken = net.createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve))
    const { port } = taken.address() as net.AddressInfo
    const { code, report, of, errors } = await examined({
      POLICY: "best",
      LOG_LEVEL: "loud",
      DATA_DIR: file,
      DATABASE_URL: "postgres://somebody:a-secret@127.0.0.1:1/nowhere",
      PORT: String(port),
      NATS_URL: "nats://ann:a-secret@127.0.0.1:1",
    })
    await new Promise((resolve) => taken.close(resolve))
    expect(code).toBe(1)
    expect(report.ok).toBe(false)
    expect(of("settings")?.seen).toMatch(/POLICY: .*; LOG_LEVEL: /)
    expect(of("data folder")).toMatchObject({ status: "fail", seen: expect.stringContaining("is not a folder") })
    expect(of("postgres")).toMatchObject({ status: "fail", mend: "start it, or correct host and port in DATABASE_URL" })
    expect(of("nats")).toMatchObject({ status: "fail", seen: expect.stringContaining("127.0.0.1:1 (NATS_URL)") })
    expect(of("port")).toMatchObject({ status: "fail", seen: `127.0.0.1:${port} is in use by another program` })
    expect(report.findings.filter(({ status }) => status !== "ok").every(({ mend }) => mend !== undefined)).toBe(true)
    expect(JSON.stringify(report)).not.toContain("a-secret")
    expect(errors).toBe("tipstream: 12 checks: 5 failed, 1 to look at\n")
  })

  it("tells a Postgres that is too old by its version", async () => {
    const old = await listenAsOldPostgres()
    const { of } = await examined({ DATA_DIR: await folder(), DATABASE_URL: old.url })
    await old.close()
    expect(of("postgres")).toMatchObject({
      status: "fail",
      seen: expect.stringContaining("is version 14.11, at least 15"),
    })
  })

  it("compares the clock with the database's, and asks nothing of the folder that is not needed", async () => {
    const file = path.join(await folder(), "file")
    await fs.writeFile(file, "")
    const vault = `k1:${Buffer.alloc(32, 7).toString("base64")}`
    const { code, of } = await examined({ DATABASE_URL: database.url, VAULT_KEYS: vault, DATA_DIR: file })
    expect(of("postgres")).toMatchObject({ status: "ok", seen: expect.stringContaining("DATABASE_URL: answers in") })
    expect(of("clock")).toEqual({ check: "clock", status: "ok", seen: "agrees with Postgres" })
    expect(of("data folder")?.status).toBe("warn")
    expect(code).toBe(0)
  })

  it("beside a running service finds it, its database and its port, and changes nothing", async () => {
    const dataDir = await folder()
    const service = spawnService({ env: { DATA_DIR: dataDir } })
    running.add(service)
    const { port } = new URL(await service.ready)
    const { code, of } = await examined({ DATA_DIR: dataDir, PORT: port })
    expect(code).toBe(0)
    expect(of("data folder")?.seen).toContain(`in use by process ${service.pid}`)
    expect(of("postgres")?.seen).toMatch(/the embedded one: answers in .* lets us make tables/)
    expect(of("port")?.seen).toMatch(/is held by tipstream .*, up for/)
    expect(of("vault")).toMatchObject({ status: "ok", seen: "the key ring opens what is stored" })
    const stranger = await examined({
      DATA_DIR: dataDir,
      PORT: port,
      VAULT_KEYS: `k1:${Buffer.alloc(32, 7).toString("base64")}`,
    })
    expect([stranger.code, stranger.of("vault")]).toMatchObject([1, {
      status: "fail",
      seen: expect.stringContaining("does not open all stored tokens"),
      mend: expect.stringContaining("1 token is sealed with key"),
    }])
    const other = await examined({ DATA_DIR: await folder(), PORT: port })
    expect(other.of("port")).toMatchObject({
      status: "fail",
      seen: expect.stringContaining("works on another data folder"),
    })
    expect((await service.stop()).code).toBe(0)
  }, 60_000)
})
