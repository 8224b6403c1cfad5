/** Folders for tests that keep files, gone after the test file. */
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { afterAll } from "vitest"

/** Call it once in a `describe`; the function it gives makes a new folder each time. */
export const temporaryFolders = (): () => Promise<string> => {
  const made: Array<string> = []
  afterAll(async () => {
    for (const folder of made) await fs.rm(folder, { recursive: true, force: true })
  })
  return async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-test-"))
    made.push(folder)
    return folder
  }
}
