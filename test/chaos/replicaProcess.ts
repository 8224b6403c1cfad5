/** A replica as a process of its own, on the runtime that asks for it. */
import { spawn } from "node:child_process"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { ReplicaOptions } from "./replica/options.ts"
import { optionsVariable } from "./replica/options.ts"

export interface Replica {
  readonly pid: number
  readonly name: string
  readonly historyFile: string
  /** Its consumers run; fails with what it wrote when it ends before. */
  readonly ready: Promise<void>
  /** It announced a point where a fault was asked for. */
  readonly reached: Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly isOver: () => boolean
  readonly output: () => string
  readonly signal: (name: NodeJS.Signals) => void
  /** SIGTERM, and a second later than any drain takes SIGKILL. */
  readonly stop: () => Promise<void>
}

const program = fileURLToPath(new URL("replica.ts", import.meta.url))
const project = fileURLToPath(new URL("../..", import.meta.url))

const stopWithinMs = 10_000

export const spawnReplica = (options: ReplicaOptions): Replica => {
  const runtimeArgs = "deno" in process.versions ? ["run", "-A", "--no-prompt"] : []
  const child = spawn(process.execPath, [...runtimeArgs, path.relative(project, program)], {
    cwd: project,
    env: { ...process.env, [optionsVariable]: JSON.stringify(options), LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  const ready = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk
      if (/^ready$/m.test(output)) ready.resolve()
      if (/^reached /m.test(output)) reached.resolve()
    })
  }
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("close", (code, signal) => {
      const failure = new Error(`replica ${options.name} ended (${signal ?? code}):\n${output}`)
      ready.reject(failure)
      reached.reject(failure)
      resolve({ code, signal })
    })
  )
  // Who only waits for the end must not fall over these.
  ready.promise.catch(() => {})
  reached.promise.catch(() => {})
  // Not `child.kill`: under Deno a second one sends nothing.
  const signal = (name: NodeJS.Signals) => {
    if (!isOver() && child.pid !== undefined) process.kill(child.pid, name)
  }
  return {
    pid: child.pid ?? 0,
    name: options.name,
    historyFile: options.historyFile,
    ready: ready.promise,
    reached: reached.promise,
    ended,
    isOver,
    output: () => output,
    signal,
    stop: async () => {
      signal("SIGCONT")
      signal("SIGTERM")
      const timer = setTimeout(() => signal("SIGKILL"), stopWithinMs)
      await ended
      clearTimeout(timer)
    },
  }
}
