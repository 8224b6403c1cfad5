/**
 * The embedded database for a command that only looks, or does what the service does too: asked where it runs, and
 * started for as long as the scope lasts where it does not.
 */
import fs from "node:fs"
import path from "node:path"
import { Effect } from "effect"
import { clusterDir } from "../store/embedded/Cluster.ts"
import { holderOf } from "../store/embedded/DataDirLock.ts"
import * as EmbeddedPostgres from "../store/embedded/EmbeddedPostgres.ts"
import { embeddedUrl } from "./doctor/postgresCheck.ts"
import { CannotStart } from "./problem.ts"

/** `nothingIn` is said of a folder that has none. */
export const embeddedDatabase = Effect.fnUntraced(function* (
  dataDir: string,
  nothingIn: (folder: string) => string,
  say: (line: string) => Effect.Effect<void>,
) {
  const folder = path.resolve(dataDir)
  const heldBy = yield* Effect.mapError(holderOf(folder), inOneLine)
  if (heldBy !== undefined) {
    const url = yield* Effect.promise(() => embeddedUrl(folder))
    if (url !== undefined) return url
    return yield* new CannotStart({
      lines: [`${folder} is in use by process ${heldBy}, which is starting or stopping: try again in a moment`],
    })
  }
  if (!fs.existsSync(path.join(clusterDir(folder), "PG_VERSION"))) {
    return yield* new CannotStart({ lines: [nothingIn(folder)] })
  }
  yield* say(`starting Postgres in ${folder} to read it`)
  const { url } = yield* EmbeddedPostgres.start({ dataDir, durable: true, onProgress: say }).pipe(
    Effect.mapError(inOneLine),
  )
  return url
})

const inOneLine = (error: { readonly message: string }) => new CannotStart({ lines: [error.message] })
