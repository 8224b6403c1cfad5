/** Speed, CPU time and memory of one process over a known number of messages, from when its code is warm. */
import process from "node:process"

export interface Measured {
  readonly perSecond: number
  /** Of this process, user and system. */
  readonly cpuUsPerMessage: number
  readonly peakRssMiB: number
  /** From half of the messages to the last: near zero when memory is flat. */
  readonly growthMiB: number
}

export interface Meter {
  readonly handled: (messages: number) => void
  readonly finished: Promise<Measured>
}

/** The first fifth compiles what is hot, and is not measured. */
const warmupPart = 0.2
/** RSS is asked for this often over a run: a question costs some microseconds. */
const memorySamples = 50

export function meter(messages: number): Meter {
  const warmup = Math.floor(messages * warmupPart)
  const sampleEvery = Math.ceil(messages / memorySamples)
  const { promise, resolve } = Promise.withResolvers<Measured>()
  let seen = 0
  let nextSample = sampleEvery
  let started: { readonly atMs: number; readonly cpu: NodeJS.CpuUsage; readonly seen: number } | undefined
  const rss: Array<number> = []
  const handled = (count: number) => {
    seen += count
    if (seen >= nextSample) {
      rss.push(process.memoryUsage.rss() / 1_048_576)
      nextSample += sampleEvery
    }
    if (started === undefined && seen >= warmup) {
      started = { atMs: performance.now(), cpu: process.cpuUsage(), seen }
    }
    if (seen < messages || started === undefined) return
    const measured = seen - started.seen
    const { user, system } = process.cpuUsage(started.cpu)
    resolve({
      perSecond: (measured * 1_000) / (performance.now() - started.atMs),
      cpuUsPerMessage: (user + system) / measured,
      peakRssMiB: Math.max(...rss),
      growthMiB: rss.at(-1)! - rss[Math.floor(rss.length / 2)]!,
    })
  }
  return { handled, finished: promise }
}
