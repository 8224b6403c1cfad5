/** When each user is due and how late they were, and what this process needs meanwhile; the same for all contenders. */
import process from "node:process"
import { ascending, percentile } from "../support/stats.ts"
import { isFailing, isHanging, type Troubles } from "./fakeTool.ts"

export const designs = ["one tick for all", "a timer per user", "due queue and actors"] as const
export type Design = typeof designs[number]

export interface CrowdPlan extends Troubles {
  readonly design: Design
  readonly users: number
  readonly intervalMs: number
  readonly runMs: number
  readonly databaseUrl: string
}

export interface CrowdMeasured {
  readonly syncs: number
  readonly cpuUsPerSync: number
  readonly rssMiB: number
  /** More than before there were users, after a collection. */
  readonly heapMiB: number
  readonly lateP50Ms: number
  readonly lateP99Ms: number
  readonly lateMaxMs: number
  /** Longest time nothing else could run. */
  readonly blockedMaxMs: number
}

export interface Turns {
  readonly due: (n: number, atMs: number) => void
  readonly synced: (n: number) => void
  readonly measured: () => CrowdMeasured
}

const watchEveryMs = 10
const bytesPerMiB = 1_048_576

function aliveBytes(): number {
  const { gc } = globalThis as { readonly gc?: () => void }
  if (gc === undefined) throw new Error("run with --expose-gc")
  gc()
  return process.memoryUsage().heapUsed
}

/** Lateness is from due to synced; who is due and was not synced counts as late as they are by then. */
export function turnsOf(plan: CrowdPlan): Turns {
  const due = new Float64Array(plan.users).fill(Infinity)
  const lateness: Array<number> = []
  const heapBefore = aliveBytes()
  const cpu = process.cpuUsage()
  let rss = 0
  let blockedMs = 0
  let lastMs = performance.now()
  const watching = setInterval(() => {
    const nowMs = performance.now()
    blockedMs = Math.max(blockedMs, nowMs - lastMs - watchEveryMs)
    lastMs = nowMs
    rss = Math.max(rss, process.memoryUsage.rss())
  }, watchEveryMs)
  const note = (n: number, lateMs: number) => {
    if (!isHanging(n, plan) && !isFailing(n, plan)) lateness.push(Math.max(0, lateMs))
  }
  return {
    due: (n, atMs) => void (due[n] = atMs),
    synced: (n) => note(n, Date.now() - due[n]!),
    measured: () => {
      clearInterval(watching)
      const { system, user } = process.cpuUsage(cpu)
      const syncs = lateness.length
      const nowMs = Date.now()
      for (let n = 0; n < plan.users; n++) if (due[n]! < nowMs) note(n, nowMs - due[n]!)
      const sorted = ascending(lateness)
      return {
        syncs,
        cpuUsPerSync: (system + user) / syncs,
        rssMiB: rss / bytesPerMiB,
        heapMiB: (aliveBytes() - heapBefore) / bytesPerMiB,
        lateP50Ms: percentile(sorted, 50),
        lateP99Ms: percentile(sorted, 99),
        lateMaxMs: percentile(sorted, 100),
        blockedMaxMs: blockedMs,
      }
    },
  }
}
