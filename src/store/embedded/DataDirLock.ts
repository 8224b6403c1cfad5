/**
 * One process per data folder. The lock is the file `tipstream.lock`, which names its holder by pid and start time;
 * it appears complete (link(2) of a written file), so nobody ever reads half of it.
 *
 * A holder that died is replaced, by exactly one of any number of processes that try at once: the right to follow the
 * dead holder with token T is the file `tipstream.lock.after-T`, which can be created once. Should its creator die
 * before it has moved into `tipstream.lock`, the right to follow *that* one is the next link of the chain. A process
 * that was slow, and created a link to a holder long gone, sees that the chain no longer leads to it and steps back.
 *
 * Known limit: processes in different containers do not see each other's pids, so two of them on one shared volume
 * are not kept apart by this.
 */
import { Effect, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { DataDirInUse, type DataDirUnusable, type DiskFull } from "./EmbeddedPostgresErrors.ts"
import { codeOf, inDataDir } from "./FileSystemFailure.ts"
import * as ProcessIdentity from "./ProcessIdentity.ts"

/** Proof that this process holds the folder, until the scope it was acquired in closes. */
export interface DataDirLock {
  /** Absolute. The folder exists. */
  readonly dataDir: string
}

interface Holder {
  readonly pid: number
  readonly startedAt: string
  readonly token: string
}

/** Each round lost means that another process moved; that many in a row is a machine in trouble, not bad luck. */
const roundsMax = 20

/** Creates the folder (0700) when it is missing, and holds it until the scope closes. */
export const acquireLock: (
  dataDir: string,
) => Effect.Effect<DataDirLock, DataDirInUse | DataDirUnusable | DiskFull, Scope.Scope> = Effect.fn(
  "DataDirLock.acquireLock",
)(function* (folder: string) {
  const dataDir = path.resolve(folder)
  const lockFile = lockFileOf(dataDir)
  yield* inDataDir(dataDir, () => fs.mkdir(dataDir, { recursive: true, mode: 0o700 }))
  const startedAt = yield* ProcessIdentity.startedAt(process.pid)
  if (startedAt === undefined) return yield* Effect.die(new Error("this process does not run"))
  const self: Holder = { pid: process.pid, startedAt, token: randomUUID() }
  yield* Effect.acquireRelease(take(dataDir, lockFile, self), () => Effect.promise(() => release(lockFile, self)))
  return { dataDir }
})

/** The pid of the living process that holds the folder; undefined when none does. Changes nothing. */
export const holderOf: (dataDir: string) => Effect.Effect<number | undefined, DataDirUnusable | DiskFull> = Effect.fn(
  "DataDirLock.holderOf",
)(function* (dataDir: string) {
  const last = (yield* inDataDir(dataDir, () => chainFrom(lockFileOf(dataDir)))).at(-1)
  return last !== undefined && (yield* isAlive(last)) ? last.pid : undefined
})

const lockFileOf = (dataDir: string): string => path.join(dataDir, "tipstream.lock")

const take = Effect.fnUntraced(function* (dataDir: string, lockFile: string, self: Holder) {
  const draft = `${lockFile}.draft-${self.token}`
  yield* inDataDir(dataDir, () => writeSynced(draft, JSON.stringify(self)))
  let pid = 0
  for (let round = 0; round < roundsMax; round++) {
    const last = (yield* inDataDir(dataDir, () => chainFrom(lockFile))).at(-1)
    const claim = last === undefined ? lockFile : claimAfter(lockFile, last)
    if (last !== undefined) {
      pid = last.pid
      if (yield* isAlive(last)) break
    }
    const held = yield* inDataDir(dataDir, () => claimed(lockFile, claim, draft, self))
    if (held) return
  }
  yield* Effect.promise(() => fs.rm(draft, { force: true }))
  return yield* new DataDirInUse({ dataDir, pid })
}, Effect.uninterruptible)

const isAlive = (holder: Holder): Effect.Effect<boolean> =>
  Effect.map(ProcessIdentity.startedAt(holder.pid), (startedAt) => startedAt === holder.startedAt)

const claimAfter = (lockFile: string, holder: Holder): string => `${lockFile}.after-${holder.token}`

/** Creates the claim, checks that the chain leads to it, and shortens the chain to one file. */
const claimed = async (lockFile: string, claim: string, draft: string, self: Holder): Promise<boolean> => {
  try {
    await fs.link(draft, claim)
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false
    throw cause
  }
  const chain = await chainFrom(lockFile)
  if (chain.at(-1)?.token !== self.token) {
    await fs.rm(claim, { force: true })
    return false
  }
  // The replaced file goes last: while it is there, nobody can create the same claim again.
  await fs.rename(draft, lockFile)
  for (const followed of chain.slice(0, -1)) await fs.rm(claimAfter(lockFile, followed), { force: true })
  await fs.rm(draft, { force: true })
  return true
}

/** The holders in the order they followed each other; the last one counts. */
const chainFrom = async (lockFile: string): Promise<ReadonlyArray<Holder>> => {
  const chain: Array<Holder> = []
  let file = lockFile
  while (chain.length < roundsMax) {
    const holder = await readHolder(file)
    if (holder === undefined) break
    chain.push(holder)
    file = claimAfter(lockFile, holder)
  }
  return chain
}

const writeSynced = async (file: string, text: string): Promise<void> => {
  const handle = await fs.open(file, "wx", 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const readHolder = async (file: string): Promise<Holder | undefined> => {
  try {
    const parsed: unknown = JSON.parse(await fs.readFile(file, "utf8"))
    return isHolder(parsed) ? parsed : nobody
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    if (cause instanceof SyntaxError) return nobody
    throw cause
  }
}

/** What a file damaged from outside says: no process has pid 0, so it is followed like a dead holder. */
const nobody: Holder = { pid: 0, startedAt: "", token: "unreadable" }

const isHolder = (value: unknown): value is Holder =>
  typeof value === "object" && value !== null && "pid" in value && typeof value.pid === "number" &&
  "startedAt" in value && typeof value.startedAt === "string" && "token" in value && typeof value.token === "string"

const release = async (lockFile: string, self: Holder): Promise<void> => {
  const holder = await readHolder(lockFile).catch(() => undefined)
  if (holder?.token === self.token) await fs.rm(lockFile, { force: true }).catch(() => {})
}
