/** Why a simulator did not start or could not stop, in one line that says what to do. */
import { CorruptState } from "./persist.ts"
import { InvalidOption } from "./runSimulator.ts"

export const startProblem = (cause: unknown, port: string | number): string => {
  const error: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
  const said = error.message.split("\n")[0] ?? ""
  if (error.code === "EADDRINUSE") {
    return `port ${port} is in use: stop the program that has it, or give another with --port (0 takes any free one)`
  }
  if (error.code === "EACCES" && error.syscall === "listen") {
    return `port ${port} needs more rights: give one above 1023 with --port`
  }
  if (error instanceof CorruptState) return `${said}: move it away to begin anew; it was not changed`
  if (error instanceof InvalidOption || error.code?.startsWith("ERR_PARSE_ARGS") === true) return `${said} (see --help)`
  return `cannot use the state file: ${said}`
}
