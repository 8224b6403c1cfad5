/** The data folder and the disk under it. Only looks: nothing is made, not even to try. */
import fs from "node:fs/promises"
import path from "node:path"
import { Effect } from "effect"
import { clusterDir } from "../../store/embedded/Cluster.ts"
import { holderOf } from "../../store/embedded/DataDirLock.ts"
import * as Shell from "../../store/embedded/Shell.ts"
import type { FolderFacts } from "./judge.ts"

/** Of the folder `$1`, or of the nearest one above it that exists. */
const script = `
at=$1
while [ ! -e "$at" ] && [ "$at" != / ]; do at=$(dirname -- "$at"); done
[ -d "$at" ] && folder=1 || folder=0
[ -w "$at" ] && [ -x "$at" ] && writable=1 || writable=0
free=$(df -Pk -- "$at" | { read -r _; read -r _ _ _ free _; echo "$free"; })
printf '%s\\n%s\\n%s\\n%s\\n%s\\n' "$folder" "$writable" "$(id -u)" "$free" "$at"`

export interface FolderReport extends FolderFacts {
  readonly freeBytes: number
}

/** `dataDir` as it was configured; the folder of the report is absolute. */
export const lookAtFolder = Effect.fn("doctor.lookAtFolder")(function* (dataDir: string) {
  const folder = path.resolve(dataDir)
  const { stdout } = yield* Shell.run(script, [folder])
  const [isFolder, writable, uid, freeKib, ...nearest] = stdout.trimEnd().split("\n")
  return {
    folder,
    nearest: nearest.join("\n"),
    isFolder: isFolder === "1",
    writable: writable === "1",
    uid: Number(uid),
    freeBytes: Number(freeKib) * 1024,
    // A folder that we may not look into has no lock we could see; it is reported for that already.
    heldBy: yield* holderOf(folder).pipe(Effect.orElseSucceed(() => undefined)),
    cluster: yield* Effect.promise(() => clusterIn(folder)),
  } satisfies FolderReport
})

const clusterIn = async (folder: string): Promise<FolderFacts["cluster"]> => {
  const cluster = clusterDir(folder)
  const found = await fs.stat(cluster).catch(() => undefined)
  if (found === undefined) return undefined
  const version = await fs.readFile(path.join(cluster, "PG_VERSION"), "utf8").catch(() => undefined)
  return { uid: found.uid, mode: found.mode & 0o777, version: version?.trim() }
}
