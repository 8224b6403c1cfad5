/**
 * Tells one run of a program from a later one that got the same pid. A pid alone proves nothing: after a reboot, or
 * in a container, a crashed process's number soon belongs to another.
 */
import { Effect } from "effect"
import * as Shell from "./Shell.ts"

/**
 * Prints when the process started, or "gone" when it does not run. A zombie does not run: it has ended and holds
 * no file, its parent has just not asked. Linux: field 22 of `/proc/<pid>/stat`, in ticks since boot
 * (proc(5); the fields are counted after the last ")", since the name may hold anything). Elsewhere: `ps`.
 * Read by the shell because Deno keeps `/proc` from a program with listed permissions.
 */
const startScript = `
if [ -e /proc/self/stat ]; then
  { read -r line < "/proc/$1/stat"; } 2>/dev/null || { echo gone; exit; }
  set -- \${line##*)}
  case "$1" in Z|X) echo gone ;; *) echo "\${20}" ;; esac
else
  ps -o lstart= -p "$1" || echo gone
fi`

/**
 * When the process started, in the system's own notation; undefined when it does not run. A machine that tells
 * neither is a defect: taking silence for "gone" would let two processes into one data folder.
 */
export const startedAt = Effect.fnUntraced(function* (pid: number) {
  const { code, stderr, stdout } = yield* Shell.run(startScript, [String(pid)])
  const text = stdout.trim()
  if (text === "") {
    return yield* Effect.die(new Error(`cannot tell whether process ${pid} runs: exit ${code} ${stderr}`))
  }
  return text === "gone" ? undefined : text
})
