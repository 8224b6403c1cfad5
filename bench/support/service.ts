/**
 * The service as its users start it, with the demo user and the simulator, on settings of its own.
 */
import { startProcess } from "./childProcess.ts"

/** A first start makes a database; a disk that others use makes that slow. */
const readyMaxMs = 60_000

/** Started when it says so; `announced` is its origin. Ends with the scope. */
export const startService = (
  env: { readonly DATA_DIR: string; readonly PORT: string } & Readonly<Record<string, string>>,
  command: readonly [string, ...ReadonlyArray<string>] = ["bin/tipstream", "serve", "--demo"],
) =>
  startProcess({
    command,
    env: { LOG_FORMAT: "json", ...env },
    announces: /tipstream is ready: open (http:[^\s"]+)/,
    announceMaxMs: readyMaxMs,
  })
