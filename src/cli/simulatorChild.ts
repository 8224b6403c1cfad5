/**
 * The simulated Todoist as a process of its own, for the demo: the service reaches it over HTTP like the real one.
 * It ends when its standard input does, so it never outlives the service, however that ends.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import path from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { CannotStart } from "./problem.ts"
import { isDeno, projectRoot } from "./runtime.ts"

export interface RunningSimulator {
  readonly url: string
  readonly token: string
}

/** Its own start takes a tenth of a second; this long means it will not come. */
const readyMaxMs = 15_000
const stopMaxMs = 3_000

export const start = (dataDir: string) =>
  Effect.acquireRelease(Effect.sync(() => launch(dataDir)), stop).pipe(
    Effect.flatMap((child) => firstLine(child)),
    Effect.timeoutOrElse({
      duration: readyMaxMs,
      orElse: () => Effect.fail(new CannotStart({ lines: ["the Todoist simulator did not start in time"] })),
    }),
  )

const launch = (dataDir: string): ChildProcess => {
  const script = path.join(projectRoot, "simulator/main.ts")
  const folder = path.resolve(dataDir)
  const allow = ["run", "--no-prompt", "--allow-net=127.0.0.1", `--allow-read=${folder}`, `--allow-write=${folder}`]
  const state = path.join(folder, "simulator.json")
  const options = ["--port", "0", "--live", "--with-parent", "--state", state]
  // In a group of its own: Ctrl-C at the terminal is the service's to handle, which still needs this one to drain.
  return spawn(process.execPath, [...(isDeno ? allow : []), script, ...options], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  })
}

const firstLine = (child: ChildProcess) =>
  Effect.callback<RunningSimulator, CannotStart>((resume) => {
    let problem = ""
    child.stderr!.on("data", (chunk) => problem += String(chunk))
    createInterface({ input: child.stdout! }).once("line", (line) => {
      resume(Effect.succeed(JSON.parse(line) as RunningSimulator))
    })
    child.once("error", (error) => resume(Effect.fail(cannot(error.message))))
    child.once("exit", () => resume(Effect.fail(cannot(problem.trim()))))
  })

const cannot = (problem: string) => new CannotStart({ lines: [`the Todoist simulator cannot start: ${problem}`] })

const stop = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.stdin!.end()
  }).pipe(
    Effect.timeoutOption(stopMaxMs),
    // It writes its state on the way out; one that hangs has written what it could.
    Effect.tap((ended) => Effect.sync(() => ended._tag === "None" && child.pid && process.kill(child.pid, "SIGKILL"))),
    Effect.asVoid,
  )
