/** Speed, CPU time and memory of one process over a known number of messages, from when its code is warm. */
import process from "node:process"

export interface Measured {
  readonly perSecond: number
  /** Of this process, user and system. */
  readonly cpuUsPerMessage: number
  readonly peakRssMiB: number
  /** Of what is alive, from half of the messages to the last; 0 where the runtime cannot be told to collect. */
  readonly heapGrowthMiB: number
}

export interface Meter {
  readonly handled: (messages: number) => void
  readonly finished: Promise<Measured>
}

/** The first fifth compiles what is hot, and is not measured. */
const warmupPart = 0.2
/** RSS is asked for this often over a run: a question costs some microseconds. */
const memorySamples = 50

const bytesPerMiB = 1_048_576

function aliveBytes(): number {
  const { gc } = globalThis as { readonly gc?: () => void }
  if (gc === undefined) return 0
  gc()
  return process.memoryUsage().heapUsed
}

export function meter(messages: number): Meter {
  const warmup = Math.floor(messages * warmupPart)
  const sampleEvery = Math.ceil(messages / memorySamples)
  const { promise, resolve } = Promise.withResolvers<Measured>()
  let seen = 0
  let nextSample = sampleEvery
  let started: { readonly atMs: number; readonly cpu: NodeJS.CpuUsage; readonly seen: number } | undefined
  let peakRss = 0
  let heapAtHalf: number | undefined
  const handled = (count: number) => {
    seen += count
    if (seen >= nextSample) {
      peakRss = Math.max(peakRss, process.memoryUsage.rss())
      nextSample += sampleEvery
    }
    if (started === undefined && seen >= warmup) {
      started = { atMs: performance.now(), cpu: process.cpuUsage(), seen }
    }
    if (seen >= messages / 2) heapAtHalf ??= aliveBytes()
    if (seen < messages || started === undefined) return
    const measured = seen - started.seen
    const { user, system } = process.cpuUsage(started.cpu)
    const perSecond = (measured * 1_000) / (performance.now() - started.atMs)
    resolve({
      perSecond,
      cpuUsPerMessage: (user + system) / measured,
      peakRssMiB: peakRss / bytesPerMiB,
      heapGrowthMiB: (aliveBytes() - heapAtHalf!) / bytesPerMiB,
    })
  }
  return { handled, finished: promise }
}
