/**
 * Tells one run of a program from a later one that got the same pid. A pid alone proves nothing: after a reboot, or
 * in a container, a crashed process's number soon belongs to another.
 */
import { Effect } from "effect"
import * as Shell from "./Shell.ts"

/**
 * Prints when the process started, or nothing when it does not run. A zombie does not run: it has ended and holds
 * no file, its parent has just not asked. Linux: field 22 of `/proc/<pid>/stat`, in ticks since boot
 * (proc(5); the fields are counted after the last ")", since the name may hold anything). Elsewhere: `ps`.
 * Read by the shell because Deno keeps `/proc` from a program with listed permissions.
 */
const startScript = `
if [ -e /proc/self/stat ]; then
  { read -r line < "/proc/$1/stat"; } 2>/dev/null || exit 0
  set -- \${line##*)}
  case "$1" in Z|X) exit 0 ;; esac
  echo "\${20}"
else
  ps -o lstart= -p "$1"
fi`

/** When the process started, in the system's own notation; undefined when it does not run. */
export const startedAt = Effect.fnUntraced(function* (pid: number) {
  const { stdout } = yield* Shell.run(startScript, [String(pid)])
  const text = stdout.trim()
  return text === "" ? undefined : text
})
