/**
 * What the whole test run shares: where nats-server is, and one Postgres server. Never skipped: without one of them
 * the run fails with the ways to get it.
 *
 * Postgres: the one of `TEST_DATABASE_URL`, else the embedded one, without fsync, in
 * a folder that goes away with the run.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import type { TestProject } from "vitest/node"
import { findProgram } from "./machineProgram.ts"
import { natsServer } from "./nats.ts"
import { start } from "../../src/store/embedded/EmbeddedPostgres.ts"

const folderPrefix = "tipstream-test-postgres-"

/** A folder of a run that was killed is removed by a later one; no run of these tests takes as long. */
const abandonedAfterMs = 6 * 60 * 60 * 1000

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  // Found here, before tests run side by side: installing is for one process at a time.
  project.provide("natsServer", findProgram(natsServer))
  // The border of the test process: config.ts is for the service.
  const given = process.env["TEST_DATABASE_URL"]
  if (given !== undefined && given !== "") {
    project.provide("postgresUrl", given)
    return async () => {}
  }
  await removeAbandoned()
  const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), folderPrefix))
  const scope = Scope.makeUnsafe()
  const stop = async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await fs.rm(dataDir, { recursive: true, force: true })
  }
  try {
    const options = { dataDir, durable: false, onProgress: () => Effect.void }
    const { url } = await Effect.runPromise(Scope.provide(start(options), scope))
    project.provide("postgresUrl", Redacted.value(url))
  } catch (cause) {
    await stop()
    throw new Error(
      `the tests need a Postgres server: set TEST_DATABASE_URL to one whose role may create databases, ` +
        `or get the embedded one to run: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
  return stop
}

const removeAbandoned = async (): Promise<void> => {
  const names = await fs.readdir(os.tmpdir())
  for (const name of names.filter((name) => name.startsWith(folderPrefix))) {
    const folder = path.join(os.tmpdir(), name)
    const found = await fs.stat(folder).catch(() => undefined)
    if (found === undefined || Date.now() - found.mtimeMs < abandonedAfterMs) continue
    await fs.rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}
