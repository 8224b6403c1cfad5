/** The database: the one of `DATABASE_URL`, or the embedded one, running or not. */
import fs from "node:fs/promises"
import { existsSync } from "node:fs"
import path from "node:path"
import { Effect, Redacted } from "effect"
import * as Binaries from "../../store/embedded/Binaries.ts"
import { clusterDir, database, role } from "../../store/embedded/Cluster.ts"
import { DataDirUnusable, PostgresBinaryMissing } from "../../store/embedded/EmbeddedPostgresErrors.ts"
import * as RunAs from "../../store/embedded/RunAs.ts"
import { probe } from "../../store/PostgresProbe.ts"
import type { ServerFacts } from "../../store/PostgresProbe.ts"
import { failedWith, ok, warn } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"
import type { FolderReport } from "./folderCheck.ts"

/** A server that needs longer for a first question makes no good store. */
const probeMaxMs = 3_000

export interface DatabaseReport {
  readonly judgement: Judgement
  /** What the server said, for the check of the clock. */
  readonly server: ServerFacts | undefined
}

export const lookAtDatabase = Effect.fn("doctor.lookAtDatabase")(function* (
  url: Redacted.Redacted<string> | undefined,
  folder: FolderReport,
) {
  if (url !== undefined) return yield* reached(url, "DATABASE_URL")
  const running = folder.heldBy === undefined ? undefined : yield* Effect.promise(() => embeddedUrl(folder.folder))
  if (running !== undefined) return yield* reached(running, "the embedded one")
  const judgement = folder.heldBy === undefined
    ? yield* startable(folder)
    : warn(`the embedded one of process ${folder.heldBy} cannot be asked`, "ask again when the service has started")
  return { judgement, server: undefined }
})

const reached = (url: Redacted.Redacted<string>, which: string): Effect.Effect<DatabaseReport> =>
  probe({ url, timeoutMs: probeMaxMs }).pipe(Effect.match({
    onSuccess: (server) => ({
      judgement: ok(
        `${server.version}, ${which}: answers in ${server.roundTripMs.toFixed(1)} ms and lets us make tables`,
      ),
      server,
    }),
    onFailure: (error) => ({ judgement: failedWith(error), server: undefined }),
  }))

/** Of the server that runs in the folder; undefined while it starts or stops, or when we may not read the password. */
export const embeddedUrl = async (folder: string): Promise<Redacted.Redacted<string> | undefined> => {
  try {
    const pidFile = await fs.readFile(path.join(clusterDir(folder), "postmaster.pid"), "utf8")
    const password = (await fs.readFile(path.join(folder, "postgres-password"), "utf8")).trim()
    // Line 4 is the port, line 8 the state (src/include/utils/pidfile.h of Postgres).
    const [, , , port, , , , state] = pidFile.split("\n")
    if (state?.trim() !== "ready") return undefined
    return Redacted.make(`postgres://${role}:${password}@127.0.0.1:${port}/${database}`)
  } catch {
    return undefined
  }
}

/** Whether the embedded server would start: its programs are there and run, as the user they would run as. */
const startable = Effect.fn("doctor.startable")(function* (folder: FolderReport) {
  const root = yield* Binaries.packageRoot(Binaries.here)
  const native = path.join(root, "native")
  const programs = { initdb: path.join(native, "bin", "initdb"), postgres: path.join(native, "bin", "postgres") }
  if (!existsSync(programs.postgres)) {
    const detail = `${native} is empty`
    return yield* new PostgresBinaryMissing({ platform: Binaries.here, reason: "NotInstalled", detail })
  }
  const isComplete = yield* Effect.promise(() => linksAreThere(root))
  if (!isComplete) return ok("the embedded one; its links to libraries will be made at the first start")
  const binaries = { platform: Binaries.here, ...programs }
  const runAs = yield* RunAs.decide({ binaries, dataDir: folder.nearest, cluster: clusterDir(folder.folder) })
  const version = folder.cluster?.version
  if (version !== undefined && version !== String(runAs.majorVersion)) {
    const detail = `${version}, this is ${runAs.majorVersion}`
    return yield* new DataDirUnusable({ dataDir: folder.folder, reason: "OtherMajorVersion", detail })
  }
  const who = runAs.owner === undefined ? "" : ` as user ${runAs.owner.uid}, because it refuses to run as root`
  return ok(`${runAs.majorVersion}, the embedded one: runs here${who}, starts with the service`)
}, Effect.catch((error) => Effect.succeed(failedWith(error))))

/** `npm ci --ignore-scripts` leaves them out; the first start adds them. */
const linksAreThere = async (root: string): Promise<boolean> => {
  const list = await fs.readFile(path.join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]")
  const links = JSON.parse(list) as ReadonlyArray<{ readonly target: string }>
  return links.every(({ target }) => existsSync(path.join(root, target)))
}
