/** A nats-server of a benchmark's own, with its store in a folder that goes away with it. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import process from "node:process"
import { Effect } from "effect"
import { startProcess } from "./childProcess.ts"
import { temporaryFolder } from "./temporaryFolder.ts"

export interface BenchNats {
  readonly url: string
  /** As the program tells it, for example `v2.9.10`. */
  readonly version: string
}

/** A server that starts takes milliseconds. */
const readyMaxMs = 15_000

/** The program of NATS_SERVER, else the one in PATH or where Debian puts servers. Dies when there is none. */
export const natsServer = Effect.gen(function* () {
  const program = yield* Effect.sync(find)
  const storeDir = yield* temporaryFolder
  const port = yield* Effect.promise(freePort)
  const command = [program, "-a", "127.0.0.1", "-p", String(port), "-js", "-sd", storeDir] as const
  yield* startProcess({ command, announces: /Server is (ready)/, announceMaxMs: readyMaxMs })
  const said = spawnSync(program, ["--version"], { encoding: "utf8" }).stdout
  return { url: `nats://127.0.0.1:${port}`, version: /v[\d.]+/.exec(said)?.[0] ?? "unknown" } satisfies BenchNats
})

function find(): string {
  const given = process.env["NATS_SERVER"] ?? ""
  if (given !== "") return given
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin"].filter((folder) => folder !== "")
  const found = folders.map((folder) => path.join(folder, "nats-server")).find((file) => fs.existsSync(file))
  if (found === undefined) {
    throw new Error("no nats-server: put one in PATH (apt-get install nats-server), or name it in NATS_SERVER")
  }
  return found
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo
      probe.close(() => resolve(port))
    })
  })
