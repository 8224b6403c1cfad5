/**
 * The server's log, `<dataDir>/postgres.log`: what Postgres writes to standard error. Kept to two files of bounded
 * size, `postgres.log` and `postgres.log.1`, also while one server runs for months.
 */
import { Effect, type Scope } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import { DataDirUnusable } from "./EmbeddedPostgresErrors.ts"
import { codeOf, inDataDir } from "./FileSystemFailure.ts"
import { type RunAs } from "./RunAs.ts"

/** Days of an ordinary server's messages, and small enough to open. */
const fileMaxBytes = 4 * 1024 * 1024

/** Postgres writes a line per checkpoint when all is well; a failing one must not fill a disk between two looks. */
const lookEveryMs = 10_000

/** Enough for the reason and what led to it. */
const tailMaxBytes = 8 * 1024

export const logFileOf = (dataDir: string): string => path.join(dataDir, "postgres.log")

/** Opens the log for one run of the server: 0600, and writable by the server where it opens the file itself. */
export const open = Effect.fnUntraced(function* (dataDir: string, { owner }: RunAs) {
  const file = logFileOf(dataDir)
  yield* inDataDir(dataDir, async () => {
    await rotate(file)
    await (await fs.open(file, "a", 0o600)).close()
  })
  if (owner === undefined) return
  yield* Effect.tryPromise({
    try: async () => {
      await fs.chown(file, owner.uid, owner.gid)
      await (await fs.open(file, "a")).close()
    },
    // A root that was stripped of its rights to other users' files could start the server, and then not look after it.
    catch: (cause) =>
      new DataDirUnusable({ dataDir, reason: "Unreachable", detail: `root may not open ${file}: ${codeOf(cause)}` }),
  })
})

/** Looks after the size until the scope closes. */
export const keepBounded = (dataDir: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.promise(() => rotate(logFileOf(dataDir)).catch(() => {})).pipe(
    Effect.delay(lookEveryMs),
    Effect.forever,
    Effect.forkScoped,
    Effect.asVoid,
  )

export const sizeOf = (file: string): Effect.Effect<number> =>
  Effect.promise(() => fs.stat(file).then((found) => found.size, () => 0))

/** What was written since `offset`, the last part of it. Empty when the log cannot be read. */
export const since = (file: string, offset: number): Effect.Effect<string> =>
  Effect.promise(() => readFrom(file, offset).catch(() => ""))

/** For messages: the last lines, the server's farewell left out. */
export const lastLines = (text: string): string =>
  text.trim().split("\n").filter((line) => !line.includes("database system is shut down")).slice(-5).join("\n")

/**
 * Copies and truncates instead of renaming: the server holds the file open for appending. Lines written between the
 * two calls are lost, which a log of a small server bears.
 */
const rotate = async (file: string): Promise<void> => {
  const found = await fs.stat(file).catch(() => undefined)
  if (found === undefined || found.size <= fileMaxBytes) return
  await fs.copyFile(file, `${file}.1`)
  await fs.chmod(`${file}.1`, 0o600)
  await fs.truncate(file, 0)
}

const readFrom = async (file: string, offset: number): Promise<string> => {
  const handle = await fs.open(file, "r")
  try {
    const { size } = await handle.stat()
    const start = Math.max(size < offset ? 0 : offset, size - tailMaxBytes)
    const buffer = new Uint8Array(Math.max(0, size - start))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
    return new TextDecoder().decode(buffer.subarray(0, bytesRead))
  } finally {
    await handle.close()
  }
}
