/** Where the events go: standard output or a file. Each write completes when the bytes were taken. */
import fs from "node:fs/promises"
import process from "node:process"
import { Effect } from "effect"
import { saysDiskFull } from "../../store/embedded/FileSystemFailure.ts"
import { CannotStart } from "../problem.ts"

export interface Output {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, CannotStart>
}

export const standardOutput: Output = {
  write: (bytes) =>
    Effect.callback((resume) => {
      // Nobody reading any more is for src/cli/stopSignals.ts, which hears of it too.
      const done = (cause: unknown) =>
        resume(isDiskFull(cause) ? Effect.fail(diskFull("standard output")) : Effect.void)
      try {
        process.stdout.write(bytes, done)
      } catch (cause) {
        // Deno writes at once, and throws.
        if (!isDiskFull(cause)) throw cause
        done(cause)
      }
    }),
}

/** Deno gives the words of the system without their code. */
const isDiskFull = (cause: unknown): boolean =>
  cause instanceof Error && ((cause as NodeJS.ErrnoException).code === "ENOSPC" || saysDiskFull(cause.message))

const diskFull = (where: string) =>
  new CannotStart({ lines: [`${where}: the disk is full; with --file and --resume a replay goes on where it was`] })

/** Cut back to what an earlier run is known to have written; closed with the scope. */
export const fileOutput = Effect.fnUntraced(function* (file: string, keepBytes: number) {
  const failed = (cause: unknown) => {
    if (!(cause instanceof Error)) return new CannotStart({ lines: [`--file: ${String(cause)}`] })
    if (isDiskFull(cause)) return diskFull("--file")
    // Deno's own advice would be to run with all permissions.
    if (cause.name === "NotCapable") {
      return new CannotStart({
        lines: [
          `--file: Deno does not permit to write to ${file}: name an ordinary file, and start with bin/tipstream`,
        ],
      })
    }
    return new CannotStart({ lines: [`--file: ${cause.message}`] })
  }
  const handle = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => fs.open(file, keepBytes === 0 ? "w" : "r+"), catch: failed }),
    (opened) => Effect.promise(() => opened.close()),
  )
  const { size } = yield* Effect.tryPromise({ try: () => handle.stat(), catch: failed })
  if (size < keepBytes) {
    return yield* new CannotStart({ lines: [`--file: ${file} is shorter than --resume knows it: begin anew`] })
  }
  // A device has no end to cut off.
  if (size > keepBytes) yield* Effect.tryPromise({ try: () => handle.truncate(keepBytes), catch: failed })
  let at = keepBytes
  const write = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at)
      done += bytesWritten
      at += bytesWritten
    }
  }
  return { write: (bytes) => Effect.tryPromise({ try: () => write(bytes), catch: failed }) } satisfies Output
})
