/**
 * A process under measurement: started, waited for by a line it prints, and ended with its scope.
 */
import { type ChildProcess, spawn } from "node:child_process"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect, type Scope } from "effect"

const projectRoot = fileURLToPath(new URL("../..", import.meta.url))

export interface Start {
  /** The program, absolute or relative to the project, and its arguments. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Its first group is what the process announces, for example where it listens. */
  readonly announces: RegExp
  /** Why it may not answer for long: a first start makes a database. */
  readonly announceMaxMs: number
  /** Told every line the process prints, also after it announced itself. */
  readonly onLine?: (line: string) => void
}

export interface Started {
  readonly pid: number
  readonly announced: string
}

/** Longer than the service itself takes to drain, so that it is seen to end by itself. */
const stopMaxMs = 20_000

/** Dies when the process ends before it announced itself, with what it wrote. */
export const startProcess = (start: Start): Effect.Effect<Started, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => launch(start)), (child) => Effect.promise(() => stop(child))).pipe(
    Effect.flatMap((child) => Effect.promise(() => announcement(child, start))),
  )

/** SIGTERM, and SIGKILL to one that does not end in time. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  child.kill("SIGTERM")
  const overdue = setTimeout(() => child.kill("SIGKILL"), stopMaxMs)
  await ended
  clearTimeout(overdue)
}

function launch({ command: [program, ...args], env = {} }: Start): ChildProcess {
  return spawn(program, args, {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
}

/** Goes on reading what the process prints, so that it never waits for us. */
function announcement(child: ChildProcess, { command, announces, announceMaxMs, onLine }: Start): Promise<Started> {
  return new Promise((resolve, reject) => {
    const said: Array<string> = []
    const give = (problem: string) => reject(new Error(`${command[0]} ${problem}:\n${said.slice(-20).join("\n")}`))
    const overdue = setTimeout(() => give("said nothing in time"), announceMaxMs)
    const read = (line: string) => {
      onLine?.(line)
      if (said.length < 1_000) said.push(line)
      const announced = announces.exec(line)?.[1]
      if (announced === undefined) return
      clearTimeout(overdue)
      resolve({ pid: child.pid!, announced })
    }
    createInterface({ input: child.stdout! }).on("line", read)
    createInterface({ input: child.stderr! }).on("line", read)
    child.once("error", (error) => give(error.message))
    child.once("exit", (code, signal) => {
      clearTimeout(overdue)
      give(`ended with ${code ?? signal}`)
    })
  })
}
