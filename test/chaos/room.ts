/** A store that can be filled up and emptied: a small file system of its own as root, else a limit of the server. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { spawnSync } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import { isRoot } from "../support/machineProgram.ts"
import type { NatsServer } from "../support/nats.ts"
import { withNats } from "./brokerView.ts"

export interface Room {
  readonly storeDir: string
  /** Lines of the server's configuration. */
  readonly config: string
  readonly fill: (broker: NatsServer) => Promise<void>
  readonly free: (broker: NatsServer) => Promise<void>
  readonly remove: () => Promise<void>
}

const mebibyte = 1_048_576
const sizeMiB = 24

export const makeRoom = async (folder: string): Promise<Room> => {
  const storeDir = path.join(folder, "small")
  await fs.mkdir(storeDir)
  return isRoot() ? mounted(storeDir) : limited(storeDir)
}

const mounted = (storeDir: string): Room => {
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "tmpfs", storeDir], { encoding: "utf8" })
  if (mount.status !== 0) return limited(storeDir)
  const ballast = path.join(storeDir, "ballast")
  return {
    storeDir,
    // The server's own limit is three quarters of what it finds free, and would speak before the disk does.
    config: configOf(storeDir, 1_024),
    fill: async () => {
      const { bavail, bsize } = await fs.statfs(storeDir)
      await fs.writeFile(ballast, new Uint8Array(bavail * bsize))
    },
    // A server that met a full disk takes nothing more until it is started again, and 2.9 does not obey a SIGTERM.
    free: async (broker) => {
      await fs.rm(ballast)
      await broker.kill()
      await broker.start()
    },
    remove: async () => void spawnSync("umount", ["--lazy", storeDir]),
  }
}

const ballastStream = "BALLAST"

const limited = (storeDir: string): Room => ({
  storeDir,
  config: configOf(storeDir, sizeMiB),
  fill: ({ url }) =>
    withNats(url, async (connection) => {
      const manager = await jetstreamManager(connection)
      await manager.streams.add({ name: ballastStream, subjects: ["ballast"], storage: "file" })
      for (let size = mebibyte / 2; size >= 256;) {
        const stored = await jetstream(connection).publish("ballast", new Uint8Array(size)).catch(() => undefined)
        if (stored === undefined) size /= 2
      }
    }),
  free: ({ url }) =>
    withNats(url, async (connection) => void await (await jetstreamManager(connection)).streams.delete(ballastStream)),
  remove: async () => {},
})

/** In place of the one above it in the file. */
const configOf = (storeDir: string, maxMiB: number): string =>
  `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_file_store: ${maxMiB * mebibyte} }`
