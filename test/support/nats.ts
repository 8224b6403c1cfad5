/**
 * Real nats-servers for tests: each one fresh, on a port of its own, with its store in a folder that goes away with it.
 * They can be killed, frozen, and started again on the same store.
 */
import { Effect, Redacted, type Scope } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import fsSync from "node:fs"
import fs from "node:fs/promises"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { afterAll, beforeAll, inject } from "vitest"
import type { MachineProgram } from "./machineProgram.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Path of the nats-server to test with; `globalSetup.ts` provides it. */
    readonly natsServer: string
  }
}

export const natsServer: MachineProgram = {
  variable: "NATS_SERVER",
  names: ["nats-server"],
  debianPackage: "nats-server",
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  /** Holds all streams; copy, wipe or restore it while the server is down. */
  readonly storeDir: string
  readonly pid: () => number
  /** SIGKILL; what reached the page cache stays. */
  readonly kill: () => Promise<void>
  /** SIGTERM. */
  readonly stop: () => Promise<void>
  /** On the same port and store. Completes when it takes connections. */
  readonly start: () => Promise<void>
  /** SIGSTOP and SIGCONT: connections stay open, and nothing answers. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Ends it for good and removes its folder. */
  readonly remove: () => Promise<void>
}

export interface NatsServerOptions {
  readonly program: string
  /** Lines added to the server's configuration file. */
  readonly config?: string
  readonly storeDir?: string
}

/** A server that starts takes milliseconds. */
const startWithinMs = 15_000

export const startNats = async (options: NatsServerOptions): Promise<NatsServer> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-test-nats-"))
  const storeDir = options.storeDir ?? path.join(folder, "store")
  const port = await freePort()
  const config = path.join(folder, "nats.conf")
  await fs.writeFile(
    config,
    [
      `listen: 127.0.0.1:${port}`,
      `jetstream { store_dir: ${JSON.stringify(storeDir)} }`,
      options.config ?? "",
    ].join("\n"),
  )
  let child: ChildProcess | undefined
  // Not `child.kill`: under Deno a second one sends nothing.
  const send = (signal: NodeJS.Signals) => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(child.pid, signal)
    }
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()))
    send("SIGCONT")
    send(signal)
    await ended
  }
  const start = async () => {
    const started = spawn(options.program, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] })
    child = started
    let output = ""
    started.stderr.setEncoding("utf8").on("data", (chunk: string) => output += chunk)
    const deadline = Date.now() + startWithinMs
    while (!(await accepts(port))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`nats-server did not start:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    pid: () => child?.pid ?? 0,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start,
    freeze: () => {
      send("SIGSTOP")
      // The signal is on its way when the call returns: what is sent in the next moment would still be answered.
      if (process.platform === "linux" && child?.pid !== undefined) awaitStopped(child.pid)
    },
    thaw: () => send("SIGCONT"),
    remove: async () => {
      await end("SIGKILL")
      await fs.rm(folder, { recursive: true, force: true })
    },
  }
}

/** One server for all tests of the file (or of the `describe`) that calls it. */
export const natsOfFile = (config?: string): { readonly server: NatsServer } => {
  let server: NatsServer | undefined
  beforeAll(async () => {
    server = await startNats({ program: inject("natsServer"), ...(config === undefined ? {} : { config }) })
  })
  afterAll(async () => {
    await server?.remove()
  })
  return {
    get server() {
      if (server === undefined) throw new Error("the test broker exists from beforeAll to afterAll only")
      return server
    },
  }
}

/** One server for as long as the scope. */
export const nats: Effect.Effect<NatsServer, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => startNats({ program: inject("natsServer") })),
  (server) => Effect.promise(server.remove),
)

export const urlOf = (server: NatsServer): Redacted.Redacted<string> => Redacted.make(server.url)

/** `[2, 9]` for Debian's: what a newer one can do is tested only where there is a newer one. */
export const versionOf = (program: string): readonly [major: number, minor: number] => {
  const said = spawnSync(program, ["--version"], { encoding: "utf8" }).stdout
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(said) ?? []
  return [Number(major), Number(minor)]
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => (socket.destroy(), resolve(true)))
    socket.once("error", () => (socket.destroy(), resolve(false)))
  })

const awaitStopped = (pid: number): void => {
  const deadline = Date.now() + 1_000
  while (Date.now() < deadline) {
    const [state] = fsSync.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? ""
    if (state === "T") return
  }
}
