/**
 * Failures on demand. A script is a queue: each call takes the first entry that suits it. Beside it each fault may have
 * a probability, drawn from a seeded generator.
 */
import { nextUnit, type RandomState } from "./random.ts"
import type { InvalidTokenMode } from "./sync.ts"

const faultNames = [
  "401",
  "403-invalid-token",
  "403-scope",
  "429",
  "429-body-only",
  "500",
  "502-html",
  "503",
  "410-text",
  /** Carries the call out, then holds the reply for `delayMs`: a client that gave up finds it done. */
  "slow",
  "reset-before-commit",
  "reset-after-commit",
  "truncated-json",
  "invalid-sync-token",
  "unknown-enum",
  "stale-snapshot",
] as const
type FaultName = typeof faultNames[number]

/** How the first item of a reply is spoiled by `unknown-enum`. */
const oddShapes = ["unknown-unit", "missing-content", "due-date-number"] as const
export type OddShape = typeof oddShapes[number]

export type Fault = {
  readonly fault: FaultName
  readonly retryAfterSeconds: number
  readonly delayMs: number
  readonly staleMs: number
  readonly mode: InvalidTokenMode
  readonly shape: OddShape
  /** Which calls it may hit. A full read is `full`; a call with commands is `write`. */
  readonly on: "any" | "read" | "write" | "full"
  /** Only calls of this account; null means any. */
  readonly token: string | null
}

export type Faults = {
  readonly queue: Array<Fault>
  rates: Partial<Record<FaultName, number>>
  readonly random: RandomState
}

/** A script longer than this is a mistake. */
const queueMax = 10_000

const defaultFault = (fault: FaultName): Fault => ({
  fault,
  retryAfterSeconds: 2,
  // A second more than Todoist lets a call take.
  delayMs: 16_000,
  staleMs: 10 * 60_000,
  mode: "reject",
  shape: "unknown-unit",
  on: "any",
  token: null,
})

export type Call = {
  readonly token: string
  readonly writes: boolean
  readonly fullRead: boolean
  readonly incrementalRead: boolean
}

const suits = ({ fault, on, token }: Fault, call: Call): boolean => {
  if (token !== null && token !== call.token) return false
  if (on === "write" && !call.writes) return false
  if (on === "read" && call.writes) return false
  if (on === "full" && !call.fullRead) return false
  if (fault === "invalid-sync-token") return call.incrementalRead
  if (fault === "stale-snapshot") return call.fullRead
  if (fault === "unknown-enum") return call.fullRead || call.incrementalRead
  return true
}

/** Takes the fault that hits this call, if one does. */
export const takeFault = (faults: Faults, call: Call): Fault | undefined => {
  const at = faults.queue.findIndex((fault) => suits(fault, call))
  if (at >= 0) return faults.queue.splice(at, 1)[0]
  for (const name of faultNames) {
    const rate = faults.rates[name] ?? 0
    if (rate <= 0) continue
    const drawn = defaultFault(name)
    if (nextUnit(faults.random) < rate && suits(drawn, call)) return drawn
  }
  return undefined
}

const numberIn = (value: unknown, from: number, to: number): boolean =>
  typeof value === "number" && value >= from && value <= to

const faultKeys: Readonly<Record<string, (value: unknown) => boolean>> = {
  fault: (value) => faultNames.includes(value as FaultName),
  times: (value) => Number.isInteger(value) && numberIn(value, 1, queueMax),
  retryAfterSeconds: (value) => numberIn(value, 0, 3_600),
  delayMs: (value) => numberIn(value, 0, 120_000),
  staleMs: (value) => numberIn(value, 0, 86_400_000),
  mode: (value) => value === "reject" || value === "silent-full",
  shape: (value) => oddShapes.includes(value as OddShape),
  on: (value) => ["any", "read", "write", "full"].includes(value as string),
  token: (value) => typeof value === "string",
}

/** Reads one script entry; a text says what is wrong with it. */
export const readFault = (value: unknown): ReadonlyArray<Fault> | string => {
  if (typeof value !== "object" || value === null) return 'a fault is an object such as {"fault":"429","times":2}'
  for (const [key, given] of Object.entries(value)) {
    const holds = Object.hasOwn(faultKeys, key) ? faultKeys[key] : undefined
    if (holds === undefined) return `unknown key ${JSON.stringify(key)}; known: ${Object.keys(faultKeys).join(", ")}`
    if (!holds(given)) return `${key} cannot be ${JSON.stringify(given)}; faults: ${faultNames.join(", ")}`
  }
  const { times = 1, ...rest } = value as { times?: number } & Partial<Fault>
  if (rest.fault === undefined) return `fault is missing; one of: ${faultNames.join(", ")}`
  return Array.from({ length: times }, () => ({ ...defaultFault(rest.fault as FaultName), ...rest }))
}

/** Reads probabilities such as `{"429":0.05}`; a text says what is wrong. */
export const readRates = (value: unknown): Faults["rates"] | string => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "rates are an object {fault: 0..1}"
  for (const [name, rate] of Object.entries(value)) {
    if (!faultNames.includes(name as FaultName)) return `unknown fault ${name}; one of: ${faultNames.join(", ")}`
    if (!numberIn(rate, 0, 1)) return `the rate of ${name} must be from 0 to 1`
  }
  return value as Faults["rates"]
}

/** False when the script would grow beyond its bound; then nothing is added. */
export const enqueue = (faults: Faults, added: ReadonlyArray<Fault>): boolean => {
  if (faults.queue.length + added.length > queueMax) return false
  faults.queue.push(...added)
  return true
}
