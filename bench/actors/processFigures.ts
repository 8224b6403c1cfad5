/**
 * CPU time and memory of other processes, as Linux shows them under /proc. Elsewhere nothing is known: NaN, shown as a
 * dash.
 */
import fs from "node:fs"
import path from "node:path"
import { clusterDir } from "../../src/store/embedded/Cluster.ts"

/** As `getconf CLK_TCK` says on every Linux of the last twenty years. */
const ticksPerSecond = 100
const pageBytes = 4_096
const bytesPerMiB = 1_048_576

/** The numbers behind the command's name, which may hold anything: state is at 0. */
function statOf(pid: number | string): ReadonlyArray<string> | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    return text.slice(text.lastIndexOf(")") + 2).split(" ")
  } catch {
    return undefined
  }
}

const ticksToUs = (ticks: number) => ticks * (1_000_000 / ticksPerSecond)

/** User and system, in microseconds, to a hundredth of a second. */
export function cpuUsOf(pid: number): number {
  const stat = statOf(pid)
  return stat === undefined ? Number.NaN : ticksToUs(Number(stat[11]) + Number(stat[12]))
}

export function rssMiBOf(pid: number): number {
  const stat = statOf(pid)
  return stat === undefined ? Number.NaN : (Number(stat[21]) * pageBytes) / bytesPerMiB
}

/** Of a Postgres server: its first process, those it has now, and those that ended. */
export function postgresCpuUs(dataDir: string): number {
  const pid = Number(fs.readFileSync(path.join(clusterDir(dataDir), "postmaster.pid"), "utf8").split("\n", 1)[0])
  const first = statOf(pid)
  if (first === undefined) return Number.NaN
  let ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(first[at]), 0)
  for (const entry of fs.readdirSync("/proc")) {
    const stat = /^\d+$/.test(entry) ? statOf(entry) : undefined
    if (stat !== undefined && Number(stat[1]) === pid) ticks += Number(stat[11]) + Number(stat[12])
  }
  return ticksToUs(ticks)
}
