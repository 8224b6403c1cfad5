/**
 * A real Postgres server as a supervised child, for when no `DATABASE_URL` is given: nothing to install, the engine
 * and the SQL of production, fsync on. It listens on 127.0.0.1 only, asks for a password that only this user can
 * read, and never outlives the service, however that ends.
 *
 * Permissions it needs under Deno: read the project and the data folder, write the data folder, run `/bin/sh`, net
 * `127.0.0.1`, env `NODE_V8_COVERAGE` (Deno's own `node:child_process` reads it).
 */
import { Deferred, Effect, Redacted, type Scope } from "effect"
import fs from "node:fs/promises"
import net from "node:net"
import path from "node:path"
import * as Binaries from "./Binaries.ts"
import * as Cluster from "./Cluster.ts"
import { acquireLock, type DataDirLock } from "./DataDirLock.ts"
import * as EarlierServer from "./EarlierServer.ts"
import {
  type DataDirInUse,
  type DataDirUnusable,
  DiskFull,
  EmbeddedPostgresStopped,
  type PostgresBinaryMissing,
  PostgresStartFailed,
} from "./EmbeddedPostgresErrors.ts"
import { saysDiskFull } from "./FileSystemFailure.ts"
import * as RunAs from "./RunAs.ts"
import * as ServerLog from "./ServerLog.ts"
import * as ServerProcess from "./ServerProcess.ts"
import { settings } from "./settings.ts"

export interface StartOptions {
  /** False in tests only: a power failure may then destroy the data, a killed process may not. */
  readonly durable: boolean
  /** Told what takes long, for the person who waits. */
  readonly onProgress: (step: string) => Effect.Effect<void>
}

export interface Running {
  /** The role is no superuser; it owns the database and may create others. */
  readonly url: Redacted.Redacted<string>
  readonly port: number
  /** Of the postmaster. */
  readonly pid: number
  /** Fails when the server ends by itself. Never succeeds. */
  readonly exited: Effect.Effect<never, EmbeddedPostgresStopped>
}

export type StartError = PostgresBinaryMissing | DiskFull | DataDirUnusable | PostgresStartFailed

/** Between asking for a free port and taking it, another process can take it; old backends need a while to go. */
const attemptsMax = 5
const attemptPauseMs = 200

/** Crash recovery replays at most `max_wal_size`: seconds, on a slow disk dozens. Longer is a server that hangs. */
const readyMaxMs = 120_000
const lookEveryMs = 5

/** Locks the folder and starts the server in it; the end of the scope stops it and gives the folder back. */
export const start: (
  options: StartOptions & { readonly dataDir: string },
) => Effect.Effect<Running, StartError | DataDirInUse, Scope.Scope> = Effect.fn("EmbeddedPostgres.start")(
  function* ({ dataDir, ...options }) {
    const lock = yield* acquireLock(dataDir)
    return yield* startLocked({ ...options, lock })
  },
)

/** For a caller that had to hold the folder before. */
const startLocked: (
  options: StartOptions & { readonly lock: DataDirLock },
) => Effect.Effect<Running, StartError, Scope.Scope> = Effect.fn("EmbeddedPostgres.startLocked")(
  function* ({ lock: { dataDir }, durable, onProgress }) {
    const cluster = Cluster.clusterDir(dataDir)
    const logFile = ServerLog.logFileOf(dataDir)
    const root = yield* Binaries.packageRoot(Binaries.here)
    const binaries = yield* Binaries.locate({ root, dataDir })
    const runAs = yield* RunAs.decide({ binaries, dataDir, cluster })
    yield* ServerLog.open(dataDir, runAs)
    yield* EarlierServer.clear({ cluster, logFile, onProgress })
    const site: Cluster.Site = { dataDir, logFile, binaries, runAs, durable, onProgress }
    const password = yield* Cluster.ensure(site)
    const { port, server, logOffset } = yield* listen(site)
    yield* ServerLog.keepBounded(dataDir)
    return {
      url: Redacted.make(`postgres://${Cluster.role}:${password}@127.0.0.1:${port}/${Cluster.database}${ownTerms}`),
      port,
      pid: server.pid,
      exited: stopped(server, logFile, logOffset),
    }
  },
)

/** Said here, because postgres.js otherwise takes `PGSSL` and `PGTARGETSESSIONATTRS`, meant for another server. */
const ownTerms = "?sslmode=disable&target_session_attrs=read-write"

const listen = Effect.fnUntraced(function* (site: Cluster.Site) {
  const cluster = Cluster.clusterDir(site.dataDir)
  let detail = ""
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = yield* freePort
    const logOffset = yield* ServerLog.sizeOf(site.logFile)
    const server = yield* ServerProcess.launch({
      command: [site.binaries.postgres, "-D", cluster, ...settings({ port, durable: site.durable })],
      runAs: site.runAs,
      logFile: site.logFile,
    })
    if (yield* isReady(cluster, server)) return { port, server, logOffset }
    const said = yield* ServerLog.since(site.logFile, logOffset)
    if (saysDiskFull(said)) return yield* new DiskFull({ dataDir: site.dataDir })
    detail = ServerLog.lastLines(said)
    if (!isTransient(said)) break
    yield* Effect.sleep(attemptPauseMs)
  }
  return yield* new PostgresStartFailed({ step: "starting the server", detail, logFile: site.logFile })
})

/** The port was taken in between; backends of a killed server hold its shared memory; a killed start still sets up. */
const transients = ["Address already in use", "pre-existing shared memory block", 'lock file "postmaster.pid" already']

const isTransient = (said: string): boolean => transients.some((text) => said.includes(text))

/**
 * True when the server takes connections, false when it ended instead. Reads what `pg_ctl start -w` reads: line 8 of
 * the pid file, which the postmaster itself keeps (src/include/utils/pidfile.h). The port is bound by then, so no
 * other process can answer in its place.
 */
const isReady = Effect.fnUntraced(function* (cluster: string, server: ServerProcess.ServerProcess) {
  const pidFile = path.join(cluster, "postmaster.pid")
  for (let waitedMs = 0; waitedMs < readyMaxMs; waitedMs += lookEveryMs) {
    if (yield* Deferred.isDone(server.ended)) return false
    const lines = (yield* Effect.promise(() => fs.readFile(pidFile, "utf8").catch(() => ""))).split("\n")
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === "ready") return true
    yield* Effect.sleep(lookEveryMs)
  }
  return false
})

const stopped = Effect.fnUntraced(
  function* (server: ServerProcess.ServerProcess, logFile: string, logOffset: number) {
    const code = yield* Deferred.await(server.ended)
    const detail = ServerLog.lastLines(yield* ServerLog.since(logFile, logOffset))
    return yield* new EmbeddedPostgresStopped({ code, detail, logFile })
  },
)

const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const probe = net.createServer()
  probe.on("error", (cause) => resume(Effect.die(cause)))
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})
