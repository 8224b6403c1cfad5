/** A folder for the data of one benchmark, gone with its scope. */
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { Effect } from "effect"

export const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "tipstream-bench-"))),
  (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true })),
)
