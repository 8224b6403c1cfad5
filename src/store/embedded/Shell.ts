/**
 * Runs one short `sh` script and collects what it says. This and `ServerProcess` are the only places of the
 * embedded server that start programs, and always through `/bin/sh`: so `/bin/sh` is the one program that has to
 * be permitted, wherever the Postgres binaries lie.
 *
 * A shell that cannot be started is a defect: nothing of the embedded server works without it.
 */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"

/** A whole initdb transcript is 2 KB; what exceeds this is cut, so that a talkative program cannot fill the memory. */
const outputMaxChars = 64 * 1024

/** Fixed, because the programs must not depend on, nor leak, what the service's environment holds. */
export const childEnvironment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" }

export interface Finished {
  /** 128 + n when signal n ended it, as in a shell. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string
  /** Numeric ids to run under; only root may give them. */
  readonly identity?: { readonly uid: number; readonly gid: number }
}

/** `$1`, `$2`, … of the script are `args`. Interruption kills it. */
export const run = (script: string, args: ReadonlyArray<string>, options: RunOptions = {}): Effect.Effect<Finished> =>
  Effect.callback<Finished>((resume) => {
    const child = spawn("/bin/sh", ["-c", script, "sh", ...args], {
      cwd: "/",
      env: childEnvironment,
      stdio: ["pipe", "pipe", "pipe"],
      ...options.identity,
    })
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    child.on("error", (cause) => resume(Effect.die(cause)))
    child.on("close", (code) => resume(Effect.succeed({ code: code ?? 128, stdout: stdout(), stderr: stderr() })))
    // A program that ends without reading its input closes the pipe under us: its exit code says what happened.
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Runs a program as it is, without any meaning of its arguments to the shell. */
export const exec = (command: ReadonlyArray<string>, options: RunOptions = {}): Effect.Effect<Finished> =>
  run('exec "$@"', command, options)

const collect = (stream: NonNullable<ChildProcess["stdout"]>): () => string => {
  let text = ""
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    if (text.length < outputMaxChars) text += chunk.slice(0, outputMaxChars - text.length)
  })
  return () => text
}
