/** What a command that failed says on standard error. */
import { Cause } from "effect"

/**
 * Failures that are the surroundings' and not ours: their message says what to do, and a stack would hide it. By name,
 * because the classes come with half of the service, which `--help` does not load.
 */
const expected: ReadonlySet<string> = new Set([
  "BrokerUnreachable",
  "CannotStart",
  "ChecksFailed",
  "ContractMismatch",
  "DatabaseUnusable",
  "DataDirInUse",
  "DataDirUnusable",
  "DiskFull",
  "EmbeddedPostgresStopped",
  "ListenFailed",
  "LogIsOnBroker",
  "PartitionsChanged",
  "PostgresBinaryMissing",
  "PostgresStartFailed",
  "StrangersLog",
  "VaultKeysInvalid",
  "VaultKeysMissing",
])

/** Undefined when there is nothing to say: a stop that was asked for, or help that is already on the screen. */
export const explain = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  const error = Cause.squash(cause)
  const tag = error instanceof Error && "_tag" in error ? String(error._tag) : ""
  if (tag === "ShowHelp") return undefined
  if (error instanceof Error && expected.has(tag)) return `tipstream: ${error.message}`
  if (error instanceof Error && error.name === "NotCapable") {
    return `tipstream: Deno does not permit it (${error.message}): start with bin/tipstream, which gives what is needed`
  }
  // On Deno a write that fails is thrown where it was asked for; the words are all there is.
  if (error instanceof Error && error.message.startsWith("No space left on device")) {
    return "tipstream: the disk is full where this is written to"
  }
  return `tipstream: this is a mistake in tipstream, please report it\n${Cause.pretty(cause)}`
}
