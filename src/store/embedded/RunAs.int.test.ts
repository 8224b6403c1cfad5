import { Effect } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { isRoot, spawnService } from "../../../test/support/serviceProcess.ts"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import * as Binaries from "./Binaries.ts"
import * as Cluster from "./Cluster.ts"
import * as RunAs from "./RunAs.ts"

describe("the user that Postgres runs as", () => {
  const folder = temporaryFolders()

  it("reaches an installation and data below folders that only we may enter", async () => {
    const closed = await folder()
    expect((await fs.stat(closed)).mode & 0o777).toBe(0o700)
    const root = path.join(closed, "package")
    await fs.cp(await Effect.runPromise(Binaries.packageRoot(Binaries.here)), root, {
      recursive: true,
      verbatimSymlinks: true,
    })
    const dataDir = path.join(closed, "data")
    await fs.mkdir(dataDir, { mode: 0o700 })

    const ensured = Effect.gen(function* () {
      const binaries = yield* Binaries.locate({ root, dataDir })
      const runAs = yield* RunAs.decide({ binaries, dataDir, cluster: Cluster.clusterDir(dataDir) })
      const site = { dataDir, logFile: "", binaries, runAs, durable: false, onProgress: () => Effect.void }
      yield* Cluster.ensure(site)
    })
    await Effect.runPromise(ensured)
    expect((await fs.readFile(path.join(dataDir, "postgres/PG_VERSION"), "utf8")).trim()).toBe("18")
  })

  it("an installation that does not run here is told from one that cannot be reached", async () => {
    const programs = await folder()
    const broken = path.join(programs, "postgres")
    await fs.writeFile(broken, "#!/bin/sh\necho no such loader >&2; exit 127\n", { mode: 0o755 })
    const binaries = { platform: Binaries.here, initdb: broken, postgres: broken }
    const error = await Effect.runPromise(
      Effect.flip(RunAs.decide({ binaries, dataDir: programs, cluster: path.join(programs, "cluster") })),
    )
    expect(error).toMatchObject({ _tag: "PostgresBinaryMissing", reason: "NotRunnable", detail: "no such loader" })
  })
})

// A normal user has nothing to be stripped of.
if (isRoot) {
  describe("root that was stripped of rights, as in a container", { timeout: 60_000 }, () => {
    const folder = temporaryFolders()
    const without = (capabilities: string) => ["setpriv", `--bounding-set=${capabilities}`]

    it("runs Postgres with what is left, where that is enough", async () => {
      const service = spawnService(await folder(), without("-dac_read_search"))
      await expect(service.fact("pid")).resolves.toBeDefined()
      service.kill("SIGINT")
      await service.ended
    })

    it.each(["-dac_read_search,-dac_override", "-setuid,-setgid"])(
      "says what to do without %s",
      async (capabilities) => {
        const dataDir = await folder()
        const { error, message } = await spawnService(dataDir, without(capabilities)).fact("error")
        expect(error).toBe("DataDirUnusable")
        expect(message).toContain("start tipstream as a normal user, or set DATABASE_URL")
      },
    )
  })
}
