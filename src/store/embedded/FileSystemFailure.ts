/** Tells a full disk from a folder we may not write, in what the system and in what Postgres says. */
import { Effect } from "effect"
import { DataDirUnusable, DiskFull } from "./EmbeddedPostgresErrors.ts"

export const failureOf = (dataDir: string, cause: unknown): DiskFull | DataDirUnusable => {
  const code = codeOf(cause)
  if (code === "ENOSPC" || code === "EDQUOT") return new DiskFull({ dataDir })
  const detail = code ?? (cause instanceof Error ? cause.message : String(cause))
  return new DataDirUnusable({ dataDir, reason: "NotWritable", detail })
}

/** What Postgres' programs say instead of a code; a short write names no error, only its hint does. */
export const saysDiskFull = (text: string): boolean =>
  /No space left on device|Disk quota exceeded|Check free disk space|could not extend file/.test(text)

/** Runs file work inside `dataDir`. */
export const inDataDir = <A>(dataDir: string, work: () => Promise<A>): Effect.Effect<A, DiskFull | DataDirUnusable> =>
  Effect.tryPromise({ try: work, catch: (cause) => failureOf(dataDir, cause) })

/** The `E…` code of a failed system call. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
