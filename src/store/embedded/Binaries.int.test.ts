import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { asNobody } from "../../../test/support/serviceProcess.ts"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import * as Binaries from "./Binaries.ts"

/** An installation as `npm ci --ignore-scripts` leaves it: the listed links are not there. */
const installWithoutLinks = async (folder: string): Promise<{ root: string; links: ReadonlyArray<string> }> => {
  const installed = await Effect.runPromise(Binaries.packageRoot(Binaries.here))
  const root = path.join(folder, "package")
  await fs.mkdir(root)
  await fs.cp(installed, root, { recursive: true, verbatimSymlinks: true })
  const list: ReadonlyArray<{ target: string }> = JSON.parse(
    await fs.readFile(path.join(root, "native", "pg-symlinks.json"), "utf8"),
  )
  const links = list.map(({ target }) => path.join(root, target))
  for (const link of links) await fs.rm(link, { force: true })
  return { root, links }
}

/** In a process of its own, because root may change everything. */
const locateAsAnother = (root: string, dataDir: string): string => {
  const script = fileURLToPath(new URL("../../../test/support/locateBinaries.ts", import.meta.url))
  const runtime = "deno" in process.versions ? [process.execPath, "run", "-A"] : [process.execPath]
  const [program = "", ...args] = [...asNobody, ...runtime, script, root, dataDir]
  const { stderr, stdout } = spawnSync(program, args, { encoding: "utf8" })
  if (stdout === "") throw new Error(stderr)
  return stdout
}

const versionOf = (postgres: string) => spawnSync(postgres, ["--version"], { encoding: "utf8" }).stdout

describe("embedded Postgres binaries", () => {
  const folder = temporaryFolders()

  it("a platform without any is named, with DATABASE_URL as the way out", async () => {
    const error = await Effect.runPromise(Effect.flip(Binaries.packageRoot("sunos-mips")))
    expect(error).toMatchObject({ _tag: "PostgresBinaryMissing", reason: "UnsupportedPlatform" })
    expect(error.message).toBe(
      "no embedded Postgres exists for sunos-mips: set DATABASE_URL to use a Postgres server of your own",
    )
  })

  it("a platform that npm left out is named, with the npm command that brings it", async () => {
    // npm installs one of the two, ours.
    const other = Binaries.here === "darwin-x64" ? "darwin-arm64" : "darwin-x64"
    const error = await Effect.runPromise(Effect.flip(Binaries.packageRoot(other)))
    expect(error).toMatchObject({ _tag: "PostgresBinaryMissing", reason: "NotInstalled" })
    expect(error.message).toContain('npm ci" again without --omit=optional, or set DATABASE_URL')
  })

  it("an installation that lost its files is not taken for one", async () => {
    const error = await Effect.runPromise(
      Effect.flip(Binaries.locate({ root: await folder(), dataDir: await folder() })),
    )
    expect(error).toMatchObject({ _tag: "PostgresBinaryMissing", reason: "NotInstalled" })
  })

  it("links that an installation without scripts lacks are added in place", async () => {
    const { links, root } = await installWithoutLinks(await folder())
    expect(links.length).toBeGreaterThan(0)
    expect(versionOf(path.join(root, "native/bin/postgres"))).toBe("")

    const binaries = await Effect.runPromise(Binaries.locate({ root, dataDir: await folder() }))
    expect(binaries.postgres).toBe(path.join(root, "native/bin/postgres"))
    expect(versionOf(binaries.postgres)).toContain("PostgreSQL")
  })

  it("where the installation cannot be changed, a complete copy is made in the data folder, once", async () => {
    const { root } = await installWithoutLinks(await folder())
    await fs.chmod(path.dirname(root), 0o755)
    await fs.chmod(path.join(root, "native", "lib"), 0o555)
    const dataDir = await folder()
    await fs.chmod(dataDir, 0o777)

    const copied = locateAsAnother(root, dataDir)
    expect(copied).toBe(path.join(dataDir, "postgres-binaries/native/bin/postgres"))
    expect(versionOf(copied)).toContain("PostgreSQL")
    const made = await fs.stat(copied)
    expect(locateAsAnother(root, dataDir)).toBe(copied)
    expect((await fs.stat(copied)).ino).toBe(made.ino)
    await fs.chmod(path.join(root, "native", "lib"), 0o755)
  })
})
