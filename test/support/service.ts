/**
 * The service as a process of its own, as people start it, on the runtime the test runs on. It gets no setting from the
 * test's own environment, only those it is given.
 */
import { spawn } from "node:child_process"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { settings } from "../../src/config.ts"
import { childrenOf, isRunning, until } from "./serviceProcess.ts"

export interface ServiceOptions {
  /** What follows the program; without it `serve --demo`. */
  readonly args?: ReadonlyArray<string>
  /** Settings by name; PORT is 0 unless given. */
  readonly env: Readonly<Record<string, string>>
  /** The whole command, instead of `src/main.ts` on this runtime. */
  readonly command?: ReadonlyArray<string>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Service {
  readonly pid: number
  /** Where it listens; fails with what it wrote when it ends, or takes longer than a slow machine needs. */
  readonly ready: Promise<string>
  /** Everything it wrote so far, both streams. */
  readonly output: () => string
  /** What it wrote to standard error alone. */
  readonly errors: () => string
  readonly ended: Promise<Ended>
  /** SIGTERM, as from a process manager; fails when it does not end. */
  readonly stop: () => Promise<Ended>
  /** SIGKILL: nothing of its own cleaning up happens. */
  readonly kill: () => Promise<Ended>
  /** It and all it started, the Postgres server and the simulator too. */
  readonly family: () => ReadonlyArray<number>
}

const project = fileURLToPath(new URL("../..", import.meta.url))

const main = (): ReadonlyArray<string> => {
  const permissions = "deno" in process.versions ? ["run", "-A", "--no-prompt"] : []
  return [process.execPath, ...permissions, path.join(project, "src", "main.ts")]
}

/** A first start makes a database cluster, on a machine that runs other tests at the same time. */
const readyWithinMs = 40_000
/** Twice the default `SHUTDOWN_GRACE_MS` and what Postgres takes. */
const endWithinMs = 20_000

export const spawnService = ({ args = ["serve", "--demo"], env, command = main() }: ServiceOptions): Service => {
  const [program = "", ...before] = command
  const inherited = Object.entries(process.env).filter(([name]) => !settings.some((setting) => setting.name === name))
  const child = spawn(program, [...before, ...args], {
    cwd: project,
    env: { ...Object.fromEntries(inherited), PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const pid = child.pid ?? 0
  let output = ""
  let errors = ""
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk
      for (const look of listeners) look()
    })
  }
  child.stderr.on("data", (chunk: string) => errors += chunk)
  const ended = new Promise<Ended>((resolve) => child.on("close", (code, signal) => resolve({ code, signal })))

  const ready = new Promise<string>((resolve, reject) => {
    const fail = (problem: string) => reject(new Error(`the service ${problem}; it wrote:\n${output}`))
    const timer = setTimeout(() => fail(`was not ready within ${readyWithinMs} ms`), readyWithinMs)
    const look = () => {
      const address = /tipstream is ready: open ([^\s"]+)/.exec(output)?.[1]
      if (address === undefined) return
      settle()
      resolve(address)
    }
    const settle = () => {
      clearTimeout(timer)
      listeners.delete(look)
    }
    listeners.add(look)
    void ended.then(({ code, signal }) => (settle(), fail(`ended (${signal ?? code}) before it was ready`)))
  })
  // Whoever only waits for the end must not fall over an unready service.
  ready.catch(() => {})

  const send = (signal: NodeJS.Signals) => {
    // Not `child.kill`: after it Deno reports the signal as the cause of the end, even of an orderly one.
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal)
  }
  const signalled = async (signal: NodeJS.Signals): Promise<Ended> => {
    send(signal)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        send("SIGKILL")
        reject(new Error(`the service did not end within ${endWithinMs} ms of ${signal}; it wrote:\n${output}`))
      }, endWithinMs)
    })
    return await Promise.race([ended, late]).finally(() => clearTimeout(timer))
  }

  return {
    pid,
    ready,
    output: () => output,
    errors: () => errors,
    ended,
    stop: () => signalled("SIGTERM"),
    kill: () => signalled("SIGKILL"),
    family: () => familyOf(pid),
  }
}

const familyOf = (pid: number): ReadonlyArray<number> => [pid, ...childrenOf(pid).flatMap(familyOf)]

/** Those of a family that are still there once the others had time to follow. */
export const leftOf = async (family: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
  await until(() => !family.some(isRunning))
  return family.filter(isRunning)
}
