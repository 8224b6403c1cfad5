/**
 * What a load is, and what it found. Plain data: both cross a process border.
 */
import { type Latency, latencyOf } from "./stats.ts"

export interface LoadRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface LoadPlan {
  /** Origin, for example `http://127.0.0.1:8080`. */
  readonly origin: string
  /** Sent in turn, and again from the first. */
  readonly requests: ReadonlyArray<LoadRequest>
  /** Anything else is a failure. */
  readonly expectStatus: number
  /** Keep-alive connections, one request in flight on each. */
  readonly connections: number
  readonly durationMs: number
  /** Before that time, at the same load, and not counted. */
  readonly warmupMs: number
  /**
   * Absent, a closed loop: each connection sends when it has its reply, which finds the throughput. Present, an open
   * loop: requests are due at this fixed rate however slow the server is, and latency counts from when one was due.
   * So a stall is paid for by every request it delayed (no coordinated omission), as users would.
   */
  readonly ratePerSecond?: number
}

export interface LoadResult extends Latency {
  /** Replies with the expected status in the measured time. */
  readonly succeeded: number
  readonly failed: number
  /** Why, and how often. */
  readonly failures: Readonly<Record<string, number>>
  readonly perSecond: number
  /**
   * Open loop: how late the client itself was with 99 of 100 requests that found a free connection. Part of the
   * latency shown; when it is not small beside it, the client is what was measured.
   */
  readonly clientLateP99Ms: number
}

/** One core of client sends about 100k/s; the samples of ten minutes of that are half a gigabyte. */
const bounds: ReadonlyArray<readonly [key: "connections" | "durationMs" | "warmupMs" | "ratePerSecond", max: number]> =
  [
    ["connections", 1_024],
    ["durationMs", 600_000],
    ["warmupMs", 60_000],
    ["ratePerSecond", 100_000],
  ]

/** Throws on a plan that cannot be carried out. */
export function checkPlan(plan: LoadPlan): void {
  for (const [key, max] of bounds) {
    const value = plan[key]
    const least = key === "warmupMs" ? 0 : 1
    if (value !== undefined && !(value >= least && value <= max)) {
      throw new Error(`load: ${key} must be from ${least} to ${max}, not ${value}`)
    }
  }
  if (new URL(plan.origin).protocol !== "http:") throw new Error(`load: ${plan.origin} is not an http origin`)
  if (plan.requests.length === 0) throw new Error("load: no requests to send")
}

/** The bytes of a request as they go on the wire. */
export function encode(origin: string, { method, path, headers = {}, body = "" }: LoadRequest): Uint8Array {
  const bytes = new TextEncoder().encode(body)
  const hasBody = bytes.length > 0 || method !== "GET"
  const all = { host: new URL(origin).host, ...headers, ...(hasBody ? { "content-length": String(bytes.length) } : {}) }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`, "latin1"), bytes])
}

/** Collects what happens to the requests of one load. */
export function tally(plan: LoadPlan) {
  const latenciesMs: Array<number> = []
  const lateMs: Array<number> = []
  const failures: Record<string, number> = {}
  let succeeded = 0
  let failed = 0
  return {
    succeeded: (latencyMs: number) => {
      succeeded++
      latenciesMs.push(latencyMs)
    },
    /** Without a reply the latency is at least what has passed: leaving it out would flatter a server that stalls. */
    failed: (reason: string, atLeastMs?: number) => {
      failed++
      failures[reason] = (failures[reason] ?? 0) + 1
      if (atLeastMs !== undefined) latenciesMs.push(atLeastMs)
    },
    clientLate: (ms: number) => void lateMs.push(ms),
    result: (): LoadResult => ({
      ...latencyOf(latenciesMs),
      succeeded,
      failed,
      failures,
      perSecond: succeeded / (plan.durationMs / 1_000),
      clientLateP99Ms: latencyOf(lateMs).p99Ms,
    }),
  }
}
