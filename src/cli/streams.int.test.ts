import path from "node:path"
import { fileURLToPath } from "node:url"
import { connect } from "@nats-io/transport-node"
import { jetstreamManager } from "@nats-io/jetstream"
import { describe, expect, it } from "vitest"
import { natsOfFile } from "../../test/support/nats.ts"
import { spawnService } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"

const file = natsOfFile()
const temporaryFolder = temporaryFolders()
const bin = fileURLToPath(new URL("../../bin/tipstream", import.meta.url))

/** Two runtimes start one after the other on a busy machine. */
const patienceMs = 60_000

const run = async (args: string, env: Readonly<Record<string, string>>, command?: ReadonlyArray<string>) => {
  const child = spawnService({
    args: ["streams", ...args.split(" ")],
    env: { DATA_DIR: path.join(await temporaryFolder(), "none"), ...env },
    ...(command === undefined ? {} : { command }),
  })
  const { code } = await child.ended
  const errors = child.errors()
  const errorLines = new Set(errors.split("\n").filter((line) => line !== ""))
  const output = child.output().split("\n").filter((line) => !errorLines.has(line)).join("\n")
  return { code, errors, output }
}

interface Report {
  readonly findings: ReadonlyArray<{ readonly name: string; readonly state: string }>
}

const statesOf = (output: string) => [...new Set((JSON.parse(output) as Report).findings.map(({ state }) => state))]

const signalsUpdate = async (change: { readonly max_msgs: number }) => {
  const connection = await connect({ servers: file.server.url })
  await (await jetstreamManager(connection)).streams.update("SIGNALS", change)
  await connection.close()
}

describe("tipstream streams", () => {
  it("without NATS there is nothing to check", async () => {
    expect(await run("check --json", {})).toMatchObject({ code: 0, output: `{"log":"embedded"}\n` })
    expect(await run("apply", {})).toMatchObject({ code: 0, output: expect.stringContaining("NATS_URL is not set") })
  }, patienceMs)

  it("an empty server lacks everything; apply creates it, changes what differs, and says so", async () => {
    const env = { NATS_URL: file.server.url, PARTITIONS: "2" }
    const missing = await run("check --json", env)
    expect([missing.code, statesOf(missing.output)]).toEqual([1, ["missing"]])
    expect(missing.errors).toContain("tipstream: 9 missing, 0 different")

    const dry = await run("apply --dry-run", env)
    expect(dry).toMatchObject({ code: 0, output: expect.stringContaining("would create stream SIGNALS\n") })
    expect(statesOf((await run("check --json", env)).output)).toEqual(["missing"])

    const applied = await run("apply --json", env)
    expect([applied.code, statesOf(applied.output)]).toEqual([0, ["ok"]])

    await signalsUpdate({ max_msgs: 7 })
    const differs = await run("check", env)
    expect(differs.code).toBe(1)
    expect(differs.output).toMatch(/^differs +stream SIGNALS\n +max_msgs: wanted 500000, found 7$/m)
    // A limit of the operator's own is what is wanted.
    expect((await run("check", { ...env, STREAM_LIMITS: "SIGNALS.max_msgs=7" })).code).toBe(0)
    expect((await run("apply", env)).output).toContain("change stream SIGNALS\n  max_msgs: wanted 500000, found 7\n")
  }, patienceMs)

  it("runs with the permissions of bin/tipstream", async () => {
    const bare = await run("check --json", { NATS_URL: file.server.url, PARTITIONS: "1" }, [bin])
    expect(bare.errors).not.toContain("permit")
    expect(JSON.parse(bare.output)).toMatchObject({ log: "jetstream" })
  }, patienceMs)

  it("what hinders it is one line, without secrets", async () => {
    const nobody = await run("check", { NATS_URL: "nats://ann:s3cret@127.0.0.1:1", NATS_WAIT_MS: "0" })
    expect(nobody).toMatchObject({
      code: 1,
      errors: "tipstream: NATS at 127.0.0.1:1 (NATS_URL): connection refused. Is the server running there? " +
        "It is started with `nats-server -js`.\n",
    })
    const unknown = await run("check", { NATS_URL: file.server.url, STREAM_LIMITS: "SIGNLAS.max_msgs=7" })
    expect([unknown.code, unknown.errors]).toEqual([1, expect.stringContaining("there is no stream SIGNLAS")])
    const small = await run("check", { NATS_URL: file.server.url, STREAM_LIMITS: "signals.max_msgs=7" })
    expect(small.errors).toContain("there is no stream signals; there are SIGNALS, DECISIONS, FEEDBACK, ACCOUNTS")
    const port = await run("check", { NATS_URL: "nats://127.0.0.1:99999" }, [bin])
    expect([port.code, port.errors]).toEqual([1, expect.stringContaining("NATS_URL: expected nats://host:4222")])
    const noFile = await run("check", { NATS_URL: file.server.url, NATS_CREDS: "/nowhere/nats.creds" })
    expect([noFile.code, noFile.errors])
      .toEqual([1, "tipstream: NATS_CREDS: the file /nowhere/nats.creds cannot be read: ENOENT\n"])
  }, patienceMs)
})
