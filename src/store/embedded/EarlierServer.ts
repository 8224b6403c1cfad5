/**
 * Deals with a server that an earlier run of the service left on this cluster: one still shutting down after the
 * service was killed, or one whose supervisor was killed with it. Also with a pid file that points to a stranger.
 *
 * The caller holds the folder's lock, so no living service uses that server.
 */
import { Effect } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import { PostgresStartFailed } from "./EmbeddedPostgresErrors.ts"
import * as Shell from "./Shell.ts"

/**
 * Tells what runs under pid `$1`, and sends it the signal `$3` when it is the server of cluster `$2`. A postmaster's
 * working directory is its cluster.
 */
const stateScript = `
if [ -e /proc/self/stat ]; then
  [ -e "/proc/$1" ] || { echo gone; exit; }
  if [ "/proc/$1/cwd" -ef "$2" ]; then kill -s "$3" "$1" && echo running; else echo stranger; fi
else
  case "$(ps -o command= -p "$1")" in
    "") echo gone ;;
    *"$2"*) kill -s "$3" "$1" && echo running ;;
    *) echo stranger ;;
  esac
fi`

/** Looks 50 ms apart: a server that is shutting down needs a few of them. */
const lookEveryMs = 50
/** 15 s for a fast shutdown, then 10 s for an immediate one. */
const looksBeforeQuit = 300
const looksMax = 500

/**
 * No process has this pid. Postgres refuses a cluster whose pid file names a live process, whatever that process is;
 * the file itself must stay, because its other lines let Postgres find orphaned backends by their shared memory.
 */
const impossiblePid = "2147483647"

/** Returns when no server runs on the cluster any more. */
export const clear: (options: {
  readonly cluster: string
  readonly logFile: string
  readonly onProgress: (step: string) => Effect.Effect<void>
}) => Effect.Effect<void, PostgresStartFailed> = Effect.fn("EarlierServer.clear")(
  function* ({ cluster, logFile, onProgress }) {
    const pidFile = path.join(cluster, "postmaster.pid")
    const lines = yield* Effect.promise(() => fs.readFile(pidFile, "utf8").catch(() => ""))
    const pid = lines.split("\n")[0] ?? ""
    if (!/^\d+$/.test(pid)) return
    for (let look = 0; look < looksMax; look++) {
      const signal = look < looksBeforeQuit ? "INT" : "QUIT"
      const state = (yield* Shell.run(stateScript, [pid, cluster, signal])).stdout.trim()
      if (state === "stranger") yield* Effect.promise(() => disown(pidFile, lines))
      if (state !== "running") return
      if (look === 0) yield* onProgress("waiting for the earlier embedded Postgres to stop")
      yield* Effect.sleep(lookEveryMs)
    }
    const detail = `an earlier server on ${cluster}, process ${pid}, does not stop: end it by hand`
    return yield* new PostgresStartFailed({ step: "stopping an earlier server", detail, logFile })
  },
)

const disown = async (pidFile: string, lines: string): Promise<void> => {
  // A server that ended in this moment looks like a stranger too, and has removed its file.
  const handle = await fs.open(pidFile, "r+").catch(() => undefined)
  if (handle === undefined) return
  try {
    await handle.truncate(0)
    await handle.write(impossiblePid + lines.slice(lines.indexOf("\n")), 0)
  } finally {
    await handle.close()
  }
}
