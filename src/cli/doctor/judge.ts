/** From what was measured to what it means: the rules of the checks, with their bounds. Pure. */
import type { Judgement } from "./Finding.ts"
import { fail, failedWith, ok, warn } from "./Finding.ts"

const atLeast = (version: string, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split(".").map(Number)
  return a > major || (a === major && b >= minor)
}

/** `denoPinned` is the version that package.json brings; the service is tested on that one. */
export const judgeRuntime = (
  runtime: { readonly name: "Deno" | "Node"; readonly version: string },
  denoPinned: string,
) => {
  const seen = `${runtime.name} ${runtime.version}`
  if (runtime.name === "Node") {
    return atLeast(runtime.version, 22, 19)
      ? ok(seen)
      : fail(seen, "install Node 22.19 or newer, or use bin/tipstream, which runs on the Deno that npm ci brings")
  }
  const [major = 0, minor = 0] = denoPinned.split(".").map(Number)
  return atLeast(runtime.version, major, minor)
    ? ok(seen)
    : fail(`${seen}, older than ${denoPinned}`, "run npm ci, and start with bin/tipstream")
}

export const judgeSettings = (problems: ReadonlyArray<string>): Judgement =>
  problems.length === 0
    ? ok("all as expected")
    : fail(problems.join("; "), "correct these environment variables; the README has the table of settings")

const mb = 1_000_000
/** A new database takes 50 MB, its write-ahead log may grow to 256 MB. */
const freeEnoughBytes = 500 * mb
const freeLeastBytes = 100 * mb

export const judgeDisk = (freeBytes: number, folder: string): Judgement => {
  const seen = `${Math.floor(freeBytes / mb)} MB free for ${folder}`
  const mend = "free some space, or set DATA_DIR to a folder on another disk"
  if (freeBytes < freeLeastBytes) return fail(seen, mend)
  return freeBytes < freeEnoughBytes ? warn(`${seen}, ${freeEnoughBytes / mb} MB are comfortable`, mend) : ok(seen)
}

/** Tips are due to the minute; tokens and sessions bear a minute, not much more. */
const skewWarnMs = 2_000
const skewFailMs = 60_000

/** How far this machine's clock is ahead of another's, known up to `uncertainMs`. */
export interface Skew {
  readonly of: string
  readonly aheadMs: number
  readonly uncertainMs: number
}

export const judgeClock = (
  skews: ReadonlyArray<Skew>,
  drift: { readonly wallMs: number; readonly monotonicMs: number },
) => {
  const mend = "let the system keep its clock by NTP (timedatectl set-ntp true)"
  if (drift.monotonicMs <= 0 || Math.abs(drift.wallMs - drift.monotonicMs) > skewWarnMs) {
    return fail(`the wall clock went ${drift.wallMs} ms while ${drift.monotonicMs} ms passed`, mend)
  }
  const off = skews.map((skew) => ({ ...skew, least: Math.max(0, Math.abs(skew.aheadMs) - skew.uncertainMs) }))
  const seen = off.length === 0
    ? "steady; nothing to compare it with"
    : off.map(({ of, aheadMs, least }) =>
      least < skewWarnMs
        ? `agrees with ${of}`
        : `${(Math.abs(aheadMs) / 1_000).toFixed(1)} s ${aheadMs > 0 ? "ahead of" : "behind"} ${of}`
    ).join(", ")
  const worst = Math.max(0, ...off.map(({ least }) => least))
  if (worst >= skewFailMs) return fail(seen, mend)
  return worst >= skewWarnMs ? warn(seen, mend) : ok(seen)
}

export interface FolderFacts {
  readonly folder: string
  /** The folder itself, or the nearest one above it that exists. */
  readonly nearest: string
  readonly isFolder: boolean
  readonly writable: boolean
  readonly uid: number
  readonly heldBy: number | undefined
  readonly cluster: { readonly uid: number; readonly mode: number; readonly version: string | undefined } | undefined
}

export const judgeFolder = (facts: FolderFacts): Judgement => {
  const { folder, nearest, cluster, heldBy } = facts
  const elsewhere = "or set DATA_DIR to another folder"
  if (!facts.isFolder) return fail(`${nearest} is not a folder`, "set DATA_DIR to a folder")
  if (!facts.writable) {
    return fail(`${nearest} cannot be written by user ${facts.uid}`, `give it the right to, ${elsewhere}`)
  }
  if (nearest !== folder) return ok(`${folder} will be made at the first start`)
  if (cluster === undefined) return ok(`${folder} can be written; the database will be made at the first start`)
  if (facts.uid !== 0 && cluster.uid !== facts.uid) {
    return fail(
      `the database in ${folder} belongs to user ${cluster.uid}, this is user ${facts.uid}`,
      `start tipstream as that user or as root, run chown -R on the folder, ${elsewhere}`,
    )
  }
  // Postgres refuses a cluster that others may look into.
  if ((cluster.mode & 0o027) !== 0) {
    return fail(`the database in ${folder} has mode ${cluster.mode.toString(8)}`, `run chmod 700 ${folder}/postgres`)
  }
  const database = `a database of Postgres ${cluster.version ?? "of unknown version"}`
  return ok(`${folder} holds ${database}, ${heldBy === undefined ? "not in use" : `in use by process ${heldBy}`}`)
}

export type PortFacts =
  | { readonly kind: "free" }
  | { readonly kind: "refused"; readonly message: string }
  /** Undefined when what listens does not answer as we do. */
  | { readonly kind: "taken"; readonly tipstream: { readonly version: string; readonly uptimeMs: number } | undefined }

/** `ownRuns`: whether a service may be running on what this configuration names; undefined when it cannot be told. */
export const judgePort = (
  where: { readonly host: string; readonly port: number },
  facts: PortFacts,
  ownRuns: boolean | undefined,
): Judgement => {
  const address = `${where.host}:${where.port}`
  if (facts.kind === "refused") return failedWith(facts)
  if (facts.kind === "free") return ok(where.port === 0 ? `any free port of ${where.host}` : `${address} is free`)
  const mend = `stop what listens on ${address}, or set PORT to another`
  if (facts.tipstream === undefined) return fail(`${address} is in use by another program`, mend)
  const { version, uptimeMs } = facts.tipstream
  const other = `${address} is held by tipstream ${version}, up for ${Math.round(uptimeMs / 1_000)} s`
  return ownRuns === false ? fail(`${other}, which works on another data folder`, mend) : ok(other)
}
