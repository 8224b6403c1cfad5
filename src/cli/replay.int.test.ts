/** `tipstream replay` as a process, on the runtime the test runs on. */
import { createHash } from "node:crypto"
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect, Layer, Redacted } from "effect"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { accountOpened } from "../../schemas/events.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { eventually } from "../../test/support/eventually.ts"
import { natsOfFile } from "../../test/support/nats.ts"
import { databaseOfFile } from "../../test/support/postgres.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import { settings } from "../config.ts"
import * as LogSignals from "../store/LogSignals.ts"
import { migrate } from "../store/migrate.ts"
import * as PostgresClient from "../store/PostgresClient.ts"
import * as SqlEventLog from "../store/SqlEventLog.ts"
import * as SqlOutbox from "../store/SqlOutbox.ts"
import { seal } from "../streams/envelope.ts"
import { EventLog } from "../streams/EventLog.ts"
import { toNats } from "../streams/jetstream/natsHeaders.ts"
import { Outbox } from "../streams/Outbox.ts"

const folder = temporaryFolders()
const nats = natsOfFile()
const database = databaseOfFile()

const count = 3_000
const events = Array.from({ length: count }, (_, index) =>
  accountOpened({
    id: `event-${index + 1}`,
    atMs: 1_700_000_000_000 + index,
    correlationId: `c-${index + 1}`,
    tenantId: TenantId.make("acme"),
    userId: UserId.make(`user-${(index + 1) % 3}`),
  }, { issuer: "test" }))

/** Of all these events, and of the lines they are written as: on both runtimes, from both logs. */
const digest = "02a0f04ec61d447f82e74aad9021d740eca23d2ad0b2fb323c5962a0aa604169"
const linesHash = "31fd5a83462600a9d596e5e33ee26757eba4fd90bef76dc1e0c8c93c3b73f48a"

const hashOf = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex")

const withManager = async <A>(use: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<A>) => {
  const connection = await connect({ servers: nats.server.url })
  try {
    return await use(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}

const fillBroker = (all: ReadonlyArray<(typeof events)[number]>) =>
  withManager(async (manager) => {
    await manager.streams.add({ name: "ACCOUNTS", subjects: ["tenant.*.accounts.>"] })
    const client = manager.jetstream()
    for (let at = 0; at < all.length; at += 1_000) {
      await Promise.all(
        all.slice(at, at + 1_000).map((event) => {
          const { subject, headers, payload } = seal(event, 8)
          return client.publish(subject, payload, { headers: toNats(headers) })
        }),
      )
    }
  })

const consumersLeft = () =>
  withManager(async (manager) => {
    const names: Array<string> = []
    for await (const { name } of manager.consumers.list("ACCOUNTS")) names.push(name)
    return names
  })

const fillDatabase = (url: string) => {
  const client = PostgresClient.layer({ url: Redacted.make(url), poolMax: 4, applicationName: "test" })
  const layer = Layer.merge(SqlEventLog.layer({ partitions: 8, holder: "test" }), SqlOutbox.layer({ partitions: 8 }))
    .pipe(Layer.provide(LogSignals.layer), Layer.provide(Layer.effectDiscard(migrate)), Layer.provideMerge(client))
  return Effect.runPromise(
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const log = yield* EventLog
      yield* outbox.append(events)
      yield* Effect.promise(() =>
        eventually("all events have a number", async () => {
          const found = await Effect.runPromise(log.read("ACCOUNTS", count - 1, 1))
          return found.length === 1 ? true : undefined
        })
      )
    }).pipe(Effect.provide(layer)),
  )
}

beforeAll(async () => {
  await fillBroker(events)
  await fillDatabase(database.url)
})

const running = new Set<ChildProcess>()
afterEach(() => {
  for (const child of running) {
    if (child.exitCode === null && child.pid !== undefined) process.kill(child.pid, "SIGKILL")
  }
  running.clear()
})

const main = [
  ...("deno" in process.versions ? ["run", "-A", "--no-prompt"] : []),
  fileURLToPath(new URL("../main.ts", import.meta.url)),
]
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !settings.some((setting) => setting.name === name)),
)

const start = (
  env: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>,
  command = [process.execPath, ...main],
) => {
  const [program = "", ...before] = command
  const child = spawn(program, [...before, ...args], {
    env: { ...inherited, DATA_DIR: "/nowhere/of/a/test", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  running.add(child)
  const out: Array<Buffer> = []
  let errors = ""
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => errors += chunk)
  const ended = new Promise<{ code: number | null; out: Buffer; errors: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, out: Buffer.concat(out), errors }))
  )
  return { child, ended }
}

const ofBroker = (...args: ReadonlyArray<string>) =>
  start({ NATS_URL: nats.server.url }, ["replay", "--stream", "ACCOUNTS", "--json", ...args]).ended
const ofDatabase = (...args: ReadonlyArray<string>) =>
  start({ DATABASE_URL: database.url }, ["replay", "--stream", "ACCOUNTS", "--json", ...args]).ended

/** All that is said: what is recommended of a server is for others. */
const identityIn = (errors: string) => JSON.parse(errors)

describe("tipstream replay", () => {
  it("gives the same bytes and the same digest every time, from the broker and from the database", async () => {
    const first = await ofBroker()
    await nats.server.kill()
    await nats.server.start()
    const ends = [first, await ofBroker(), await ofDatabase()]
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(ends.map(({ out }) => hashOf(out))).toEqual([linesHash, linesHash, linesHash])
    const identities = ends.map(({ errors }) => identityIn(errors))
    const whole = { stream: "ACCOUNTS", first: 1, last: count, filter: {}, events: count, undecodable: 0, holes: 0 }
    expect(identities[0]).toEqual({ ...whole, log: "jetstream", digest, created: expect.stringMatching(/^20.*Z$/) })
    expect(identities[1]).toEqual(identities[0])
    expect(identities[2]).toMatchObject({ ...whole, log: "embedded", digest })
    expect(await consumersLeft()).toEqual([])
  }, 60_000)

  it("gives the part that was asked for, and says in a sentence what it was", async () => {
    const asked = [
      "--from",
      "2",
      "--to",
      "10",
      "--user",
      "user-1",
      "--tenant",
      "acme",
      "--type",
      "accounts.user.opened",
    ]
    const args = ["replay", "--stream", "ACCOUNTS", ...asked]
    const { code, out, errors } = await start({ NATS_URL: nats.server.url }, args).ended
    expect(code).toBe(0)
    const lines = out.toString("utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
    expect(lines.map(({ sequence }) => sequence)).toEqual([4, 7, 10])
    expect(lines[0].event).toMatchObject({ id: "event-4", userId: "user-1", accountOpened: { issuer: "test" } })
    expect(errors).toContain("replayed 3 events of ACCOUNTS, 2 to 10; of tenant acme, user user-1")
  })

  it("ends at what was there when it began, and begins at a time", async () => {
    const beyond = await ofBroker("--to", "999999")
    expect(identityIn(beyond.errors)).toMatchObject({ last: count, digest })
    const later = await ofBroker("--from", "2099-01-01T00:00:00Z")
    expect(identityIn(later.errors)).toMatchObject({ first: count + 1, last: count, events: 0, holes: 0 })
    expect(later.out.length).toBe(0)
    const before = await ofDatabase("--to", "2020-01-01T00:00:00Z")
    expect(identityIn(before.errors)).toMatchObject({ first: 1, last: 0, events: 0 })
  })

  it("refuses what makes no sense, in one line", async () => {
    for (
      const [args, says] of [
        [["--from", "noon"], "--from: expected the number of an event, or a time"],
        [["--user", "*"], "--user: expected letters, digits, - and _"],
        [["--type", "signals.task.appeared"], "--type: events of type signals.task.appeared are in SIGNALS"],
        [["--from", "20", "--to", "10"], "--from 20 lies behind --to 10"],
        [["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "--from 2026-01-02T00:00:00Z lies behind"],
        [["--file", "/nowhere/out"], "--file: ENOENT"],
      ] as const
    ) {
      const { code, errors } = await ofDatabase(...args)
      expect([code, errors.trimEnd().split("\n").at(-1)]).toEqual([1, expect.stringContaining(`tipstream: ${says}`)])
    }
    const nothing = await start({ DATA_DIR: await folder() }, ["replay", "--stream", "SIGNALS"]).ended
    expect([nothing.code, nothing.errors]).toEqual([
      1,
      expect.stringMatching(/^tipstream: there is no log in \S+: set/),
    ])
    const noStream = await start({ NATS_URL: nats.server.url }, ["replay", "--stream", "SIGNALS"]).ended
    expect([noStream.code, noStream.errors]).toEqual([1, expect.stringContaining("there is no stream SIGNALS")])
  }, 60_000)

  it("writes over no file of its own, and says when the disk is full", async () => {
    const dir = await folder()
    const file = path.join(dir, "out")
    await fs.writeFile(file, "kept\n")
    await fs.symlink(file, path.join(dir, "link"))
    for (const resume of [file, `${dir}/./out`, path.join(dir, "link")]) {
      const same = await ofDatabase("--file", file, "--resume", resume)
      expect([same.code, same.errors]).toEqual([
        1,
        "tipstream: --file and --resume name the same file: give each its own\n",
      ])
    }
    const none = await ofDatabase("--file", path.join(dir, "new"), "--resume", `${dir}/./new`)
    expect(none.errors).toContain("name the same file")
    expect(await fs.readFile(file, "utf8")).toBe("kept\n")
    const full = await ofDatabase("--file", "/dev/full")
    expect([full.code, full.errors]).toEqual([1, expect.stringMatching(/^tipstream: --file: the disk is full/m)])
    const shell = ["/bin/sh", "-c", '"$@" > /dev/full', "sh", process.execPath, ...main]
    const piped = await start({ DATABASE_URL: database.url }, ["replay", "--stream", "ACCOUNTS"], shell).ended
    expect([piped.code, piped.errors]).toEqual([
      1,
      expect.stringMatching(/^tipstream: standard output: the disk is full[^\n]*\n$/),
    ])
    const bin = fileURLToPath(new URL("../../bin/tipstream", import.meta.url))
    const device = await start({ DATABASE_URL: database.url }, [
      "replay",
      "--stream",
      "ACCOUNTS",
      "--file",
      "/dev/full",
    ], [bin]).ended
    expect([device.code, device.errors]).toEqual([
      1,
      expect.stringContaining("tipstream: --file: Deno does not permit"),
    ])
    expect(device.errors).not.toContain("allow-all")
  }, 60_000)

  it("goes on where it was ended, and leaves neither a consumer nor a doubled line", async () => {
    const many = Array.from({ length: 17_000 }, (_, index) => ({ ...events[0]!, id: `more-${index}` }))
    await fillBroker(many)
    const dir = await folder()
    const [file, state] = [path.join(dir, "out"), path.join(dir, "state")]
    const args = ["replay", "--stream", "ACCOUNTS", "--json", "--file", file, "--resume", state]
    const first = start({ NATS_URL: nats.server.url }, args)
    await eventually("a part is written", async () => {
      const text = await fs.readFile(state, "utf8").catch(() => "{}")
      return (JSON.parse(text).events ?? 0) > 0 ? true : undefined
    })
    process.kill(first.child.pid!, "SIGINT")
    expect((await first.ended).code).toBe(130)
    expect(await consumersLeft()).toEqual([])
    const left = JSON.parse(await fs.readFile(state, "utf8"))
    expect(left).toMatchObject({ isComplete: false, fixed: { first: 1, last: 20_000 } })
    const other = await start({ NATS_URL: nats.server.url }, [...args, "--user", "user-1"]).ended
    expect([other.code, other.errors]).toEqual([1, expect.stringContaining("is of a replay with another user")])
    const second = await start({ NATS_URL: nats.server.url }, args).ended
    const whole = await ofBroker()
    expect(second.code).toBe(0)
    expect(identityIn(second.errors)).toEqual(identityIn(whole.errors))
    expect(hashOf(await fs.readFile(file))).toBe(hashOf(whole.out))
    const third = await start({ NATS_URL: nats.server.url }, args).ended
    expect(identityIn(third.errors)).toEqual(identityIn(whole.errors))
    expect(hashOf(await fs.readFile(file))).toBe(hashOf(whole.out))
  }, 60_000)

  it("ends quietly when nobody reads on, with nothing left on the server", async () => {
    const shell = ["/bin/sh", "-c", '{ "$@"; echo "code $?" >&2; } | head -n 1', "sh", process.execPath, ...main]
    const ended = await start({ NATS_URL: nats.server.url }, ["replay", "--stream", "ACCOUNTS"], shell).ended
    expect(ended.out.toString("utf8")).toMatch(/^\{[^\n]+\}\n$/)
    expect(ended.errors).toBe("code 141\n")
    expect(await consumersLeft()).toEqual([])
  })

  it("refuses to go on with a stream that was made anew, or has lost what comes next", async () => {
    const dir = await folder()
    const state = path.join(dir, "state")
    const ended = await ofBroker("--resume", state)
    expect(ended.code).toBe(0)
    const known = JSON.parse(await fs.readFile(state, "utf8"))
    const interrupted = { ...known, isComplete: false, position: 1_024, events: 1_024 }
    await fs.writeFile(state, JSON.stringify(interrupted))
    await withManager((manager) => manager.streams.purge("ACCOUNTS", { seq: 2_000 }))
    const gone = await ofBroker("--resume", state)
    expect([gone.code, gone.errors]).toEqual([1, expect.stringContaining("event 1025 is not there any more")])
    const started = await ofBroker("--from", "1")
    expect([started.code, started.errors]).toEqual([1, expect.stringContaining("event 1 is not there any more")])
    await withManager((manager) => manager.streams.delete("ACCOUNTS"))
    await fillBroker(events.slice(0, 1_500))
    const anew = await ofBroker("--resume", state)
    expect([anew.code, anew.errors]).toEqual([1, expect.stringContaining("ACCOUNTS was made anew")])
    expect(anew.out.length).toBe(0)
  }, 60_000)
})
