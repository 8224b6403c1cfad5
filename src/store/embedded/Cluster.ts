/**
 * The database cluster on disk, `<dataDir>/postgres`, and the password to it, `<dataDir>/postgres-password` (0600).
 *
 * The cluster appears under its name only when it is whole: everything is made in a folder beside it that is renamed
 * last, so that an interrupted first start leaves nothing that the next one would take for a database.
 *
 * The service connects as the role `tipstream`, which owns the database `tipstream`, may create databases and read
 * statistics, and is no superuser. The superuser cannot connect at all: Postgres runs `COPY … PROGRAM` and reads files
 * for it, with the rights of the server process.
 */
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import { type Binaries } from "./Binaries.ts"
import { DataDirUnusable, DiskFull, PostgresStartFailed } from "./EmbeddedPostgresErrors.ts"
import { codeOf, inDataDir, saysDiskFull } from "./FileSystemFailure.ts"
import { type RunAs } from "./RunAs.ts"
import * as Shell from "./Shell.ts"

export const role = "tipstream"
export const database = "tipstream"

export const clusterDir = (dataDir: string): string => path.join(dataDir, "postgres")

export interface Site {
  readonly dataDir: string
  readonly logFile: string
  readonly binaries: Binaries
  readonly runAs: RunAs
  /** False in tests only: what a power failure would lose is not waited for. */
  readonly durable: boolean
  readonly onProgress: (step: string) => Effect.Effect<void>
}

/** Loopback only, and only with the password: every other user of the machine can reach the port. */
const hostBasedAuthentication = `host all ${role} 127.0.0.1/32 scram-sha-256\n`

/** Makes the cluster when there is none; gives the password. */
export const ensure = Effect.fn("Cluster.ensure")(function* (site: Site) {
  yield* removeDrafts(site.dataDir)
  const version = yield* inDataDir(site.dataDir, () => readIfThere(path.join(clusterDir(site.dataDir), "PG_VERSION")))
  if (version === undefined) return yield* create(site)
  if (version !== String(site.runAs.majorVersion)) {
    const detail = `${version}, this is ${site.runAs.majorVersion}`
    return yield* new DataDirUnusable({ dataDir: site.dataDir, reason: "OtherMajorVersion", detail })
  }
  yield* adopt(site)
  const password = yield* inDataDir(site.dataDir, () => readIfThere(passwordFile(site.dataDir)))
  return password ?? (yield* replacePassword(site))
})

const create = Effect.fn("Cluster.create")(function* (site: Site) {
  yield* site.onProgress("creating the embedded database (first start only)")
  return yield* fill(site).pipe(Effect.onError(() => Effect.ignore(removeDrafts(site.dataDir))))
})

const fill = Effect.fnUntraced(function* (site: Site) {
  const suffix = randomBytes(4).toString("hex")
  const draft = `${clusterDir(site.dataDir)}.new-${suffix}`
  const { owner } = site.runAs
  yield* inDataDir(site.dataDir, async () => {
    await fs.mkdir(draft, { mode: 0o700 })
    if (owner !== undefined) await fs.chown(draft, owner.uid, owner.gid)
  })
  const initdb = [site.binaries.initdb, "-D", draft, "-U", "postgres", "-A", "reject", "--locale=C", "-E", "UTF8"]
  yield* tool(site, "initdb", [...initdb, "--no-instructions", ...(site.durable ? [] : ["--no-sync"])], "")
  const password = newPassword()
  yield* superuser(site, draft, [
    `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD '${password}'`,
    `GRANT pg_monitor TO ${role}`,
    `CREATE DATABASE ${database} OWNER ${role}`,
  ])
  yield* inDataDir(site.dataDir, async () => {
    await writeOver(path.join(draft, "pg_hba.conf"), hostBasedAuthentication)
    await writePassword(site.dataDir, password)
    await fs.rename(draft, clusterDir(site.dataDir))
    await syncFolder(site.dataDir)
  })
  return password
})

/** A cluster that root restored from a backup belongs to root, and Postgres insists on owning its files. */
const adopt = Effect.fnUntraced(function* (site: Site) {
  const { owner } = site.runAs
  const cluster = clusterDir(site.dataDir)
  const found = yield* inDataDir(site.dataDir, () => fs.stat(cluster))
  if (owner === undefined || found.uid === owner.uid) return
  yield* Shell.exec(["chown", "-R", `${owner.uid}:${owner.gid}`, cluster])
})

/** Someone deleted the password file: the folder is ours, so a new password is set rather than the data given up. */
const replacePassword = Effect.fn("Cluster.replacePassword")(function* (site: Site) {
  const password = newPassword()
  yield* superuser(site, clusterDir(site.dataDir), [`ALTER ROLE ${role} PASSWORD '${password}'`])
  yield* inDataDir(site.dataDir, () => writePassword(site.dataDir, password))
  return password
})

/** Runs statements in Postgres' single-user mode, which needs no server and no password; one statement per line. */
const superuser = (site: Site, cluster: string, statements: ReadonlyArray<string>) => {
  const settings = ["exit_on_error=on", "log_min_error_statement=panic", `fsync=${site.durable ? "on" : "off"}`]
  const flags = settings.flatMap((setting) => ["-c", setting])
  const command = [site.binaries.postgres, "--single", "-D", cluster, ...flags, "postgres"]
  return tool(site, "setting the role up", command, statements.map((statement) => `${statement}\n`).join(""))
}

const tool = Effect.fnUntraced(
  function* (site: Site, step: string, command: ReadonlyArray<string>, input: string) {
    const { identity, prefix } = site.runAs
    const done = yield* Shell.exec([...prefix, ...command], { input, ...(identity === undefined ? {} : { identity }) })
    if (done.code === 0) return
    if (saysDiskFull(done.stdout + done.stderr)) return yield* new DiskFull({ dataDir: site.dataDir })
    // Statements are never in there: log_min_error_statement keeps the password out of what Postgres reports.
    const detail = done.stderr.trim().split("\n").slice(-5).join("\n")
    return yield* new PostgresStartFailed({ step, detail, logFile: site.logFile })
  },
)

/** 144 bits, in letters that need no quoting in SQL nor in a URL. */
const newPassword = (): string => randomBytes(18).toString("base64url")

const passwordFile = (dataDir: string): string => path.join(dataDir, "postgres-password")

const writePassword = async (dataDir: string, password: string): Promise<void> => {
  const draft = `${passwordFile(dataDir)}.new`
  await fs.rm(draft, { force: true })
  const handle = await fs.open(draft, "wx", 0o600)
  try {
    await handle.writeFile(password)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await fs.rename(draft, passwordFile(dataDir))
}

/** Keeps owner and mode of the file. */
const writeOver = async (file: string, text: string): Promise<void> => {
  const handle = await fs.open(file, "r+")
  try {
    await handle.truncate(0)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await fs.open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What a failed first start left. An initdb still running in there is left alone: the next start looks again. */
const removeDrafts = Effect.fnUntraced(function* (dataDir: string) {
  const names = yield* inDataDir(dataDir, () => fs.readdir(dataDir))
  for (const name of names.filter((name) => name.startsWith("postgres.new-"))) {
    yield* Effect.promise(() => fs.rm(path.join(dataDir, name), { recursive: true, force: true }).catch(() => {}))
  }
})

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return (await fs.readFile(file, "utf8")).trim()
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  }
}
