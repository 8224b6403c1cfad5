/**
 * One running Postgres server below a tiny supervisor, which ties its life to ours.
 *
 * The supervisor is a shell that holds a pipe from this process. When the pipe ends, because we closed it or because
 * we were killed with no chance to close anything, it asks Postgres for a fast shutdown (SIGINT), and after a grace
 * time for an immediate one (SIGQUIT); crash recovery of the next start repairs what that cut off. It runs in a
 * session of its own, so that Ctrl-C in a terminal reaches the service alone and the server outlives its draining.
 */
import { Deferred, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { type RunAs } from "./RunAs.ts"
import * as Shell from "./Shell.ts"

/** A fast shutdown writes a checkpoint: well under a second here, some on a slow disk. In tenths of a second. */
const graceTenths = 150

/** How long the release waits for the supervisor: its grace time, and Postgres' own 5 s of an immediate shutdown. */
const stopMaxMs = 25_000

/**
 * `$1` the log file, `$2` the grace time, then the command. Prints the server's pid.
 * TERM and INT are ignored because a service manager may send them to every process of the service at once. INT is
 * repeated, which Postgres ignores, because a server that has just been started does not hear the first one yet.
 */
const supervisor = `
log=$1 grace=$2; shift 2
trap '' INT TERM HUP
exec 3<&0 2>>"$log"
"$@" </dev/null 3<&- >&2 &
server=$!
echo "$server"
exec >&2
{
  while read -r line <&3; do :; done
  while kill -INT "$server" && [ "$grace" -gt 0 ]; do sleep 0.1; grace=$((grace - 1)); done
  kill -QUIT "$server"
} >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill -KILL "$watcher"
exit "$code"`

export interface ServerProcess {
  /** Of the postmaster. */
  readonly pid: number
  /** Completed with the exit code, as a shell gives it, when the server has ended. */
  readonly ended: Deferred.Deferred<number>
}

/** Starts `command`; the end of the scope stops it and waits until it is gone. */
export const launch: (options: {
  readonly command: ReadonlyArray<string>
  readonly runAs: RunAs
  readonly logFile: string
}) => Effect.Effect<ServerProcess, never, Scope.Scope> = Effect.fn("ServerProcess.launch")(function* (options) {
  const ended = yield* Deferred.make<number>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawnSupervisor(options, ended)),
    (child) => stop(child, ended),
  )
  const pid = yield* Effect.raceFirst(
    announcedPid(child),
    // Ended before it could say its pid: the caller sees that it has ended.
    Effect.as(Deferred.await(ended), 0),
  )
  return { pid, ended }
})

const spawnSupervisor = (
  { command, logFile, runAs }: {
    readonly command: ReadonlyArray<string>
    readonly runAs: RunAs
    readonly logFile: string
  },
  ended: Deferred.Deferred<number>,
): ChildProcess => {
  const args = ["-c", supervisor, "tipstream-postgres", logFile, String(graceTenths), ...runAs.prefix, ...command]
  const child = spawn("/bin/sh", args, {
    cwd: "/",
    env: Shell.childEnvironment,
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
    ...runAs.identity,
  })
  child.on("error", (cause) => Deferred.doneUnsafe(ended, Effect.die(cause)))
  child.on("exit", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code ?? 128)))
  // The supervisor may be gone before we close the pipe.
  child.stdin?.on("error", () => {})
  return child
}

const announcedPid = (child: ChildProcess): Effect.Effect<number> =>
  Effect.callback((resume) => {
    let text = ""
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
      if (text.includes("\n")) resume(Effect.succeed(Number(text.trim())))
    })
  })

const stop = (child: ChildProcess, ended: Deferred.Deferred<number>): Effect.Effect<void> =>
  Effect.suspend(() => {
    child.stdin?.end()
    return Deferred.await(ended).pipe(
      Effect.timeoutOrElse({
        duration: stopMaxMs,
        orElse: () => Effect.logError(`the embedded Postgres does not stop; its supervisor is process ${child.pid}`),
      }),
      Effect.asVoid,
    )
  })
