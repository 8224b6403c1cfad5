import { Effect } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import * as Cluster from "./Cluster.ts"

/** Programs of our own in the place of Postgres', to fail in ways that are hard to bring about with the real ones. */
const siteWith = async (folder: string, programs: { readonly initdb: string; readonly postgres: string }) => {
  await fs.mkdir(path.join(folder, "programs"))
  const install = async (name: "initdb" | "postgres") => {
    const file = path.join(folder, "programs", name)
    await fs.writeFile(file, `#!/bin/sh\n${programs[name]}\n`, { mode: 0o755 })
    return file
  }
  const site: Cluster.Site = {
    dataDir: folder,
    logFile: path.join(folder, "postgres.log"),
    binaries: { platform: "linux-x64", initdb: await install("initdb"), postgres: await install("postgres") },
    runAs: { owner: undefined, prefix: [], identity: undefined, majorVersion: 18 },
    durable: true,
    onProgress: () => Effect.void,
  }
  return site
}

/** As the real one: fills the folder after `-D`. */
const initdb = 'echo 18 > "$2/PG_VERSION"; echo "local all all trust" > "$2/pg_hba.conf"'

const failureOf = (site: Cluster.Site) => Effect.runPromise(Effect.flip(Cluster.ensure(site)))

describe("database cluster", () => {
  const folder = temporaryFolders()

  it("an initdb that finds no space reports a full disk", async () => {
    const site = await siteWith(await folder(), { initdb: "cat /dev/zero > /dev/full", postgres: "" })
    expect(await failureOf(site)).toMatchObject({ _tag: "DiskFull", dataDir: site.dataDir })
  })

  it("an initdb that fails otherwise is quoted, with its last lines", async () => {
    const site = await siteWith(await folder(), { initdb: "seq 1 9 >&2; exit 3", postgres: "" })
    expect(await failureOf(site)).toMatchObject({
      _tag: "PostgresStartFailed",
      step: "initdb",
      detail: "5\n6\n7\n8\n9",
    })
  })

  it("nothing is there under the cluster's name when setting the role up fails", async () => {
    const site = await siteWith(await folder(), { initdb, postgres: "cat > /dev/null; exit 1" })
    expect(await failureOf(site)).toMatchObject({ _tag: "PostgresStartFailed", step: "setting the role up" })
    expect(await fs.readdir(site.dataDir)).not.toContain("postgres-password")
    await expect(fs.stat(Cluster.clusterDir(site.dataDir))).rejects.toThrow("ENOENT")
  })

  it("only the service's role on this machine may connect, whatever initdb wrote", async () => {
    const site = await siteWith(await folder(), { initdb, postgres: "cat > /dev/null" })
    const password = await Effect.runPromise(Cluster.ensure(site))
    expect(await fs.readFile(path.join(site.dataDir, "postgres-password"), "utf8")).toBe(password)
    expect(await fs.readFile(path.join(site.dataDir, "postgres", "pg_hba.conf"), "utf8"))
      .toBe("host all tipstream 127.0.0.1/32 scram-sha-256\n")
    expect(await Effect.runPromise(Cluster.ensure(site))).toBe(password)
  })
})
