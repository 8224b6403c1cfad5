/**
 * Failures on demand. A script is a queue: each call takes the first entry that suits it. Beside it each fault may have
 * a probability, drawn from a seeded generator.
 */
import { nextUnit, type RandomState } from "./random.ts"
import type { Switches } from "./switches.ts"

export const faultNames = [
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
  /** The access token has just expired: refreshing helps. */
  "token-expired",
  /** The user removed the app, or changed their personal token: nothing helps. */
  "revoked",
  /** Another holder of the refresh token was faster: it is rotated, the new pair lost, this call invalid_grant. */
  "refresh-race",
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
  readonly mode: Switches["invalidSyncToken"]
  readonly shape: OddShape
  /**
   * Which calls it may hit. A full read is `full`; a call with commands is `write`; `any` is each of these. The token
   * endpoint is `oauth` and the two ways to revoke are `revoke`; nothing else hits those.
   */
  readonly on: "any" | "read" | "write" | "full" | "oauth" | "revoke"
  /** Only calls with this token; null means any. */
  readonly token: string | null
  /** Only calls of this user's account, by whatever token; null means any. */
  readonly userId: string | null
}

export type Rates = Partial<Record<FaultName, number>>

export type Faults = {
  readonly queue: Array<Fault>
  rates: Rates
  /** In place of `rates` for single accounts, by user id. */
  readonly accountRates: Map<string, Rates>
  readonly random: RandomState
}

/** As many as a load test has accounts. */
const accountRatesMax = 100_000

/** False when there are rates of too many accounts already. Empty rates make the account like the others again. */
export const setAccountRates = (faults: Faults, userId: string, rates: Rates): boolean => {
  if (Object.keys(rates).length === 0) return faults.accountRates.delete(userId) || true
  if (faults.accountRates.size >= accountRatesMax) return false
  faults.accountRates.set(userId, rates)
  return true
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
  userId: null,
})

export type Call = {
  /** Null where a call has none, as at the token endpoint. */
  readonly token: string | null
  readonly userId: string | null
  readonly endpoint: "api" | "oauth" | "revoke"
  readonly writes: boolean
  readonly fullRead: boolean
  readonly incrementalRead: boolean
  /** A call of the token endpoint that presents a refresh token. */
  readonly refreshes?: boolean
}

const suits = ({ fault, on, token, userId }: Fault, call: Call): boolean => {
  if (token !== null && token !== call.token) return false
  if (userId !== null && userId !== call.userId) return false
  if (fault === "refresh-race") return call.endpoint === "oauth" && call.refreshes === true
  const endpoint = on === "oauth" || on === "revoke" ? on : "api"
  if (endpoint !== call.endpoint) return false
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
  const rates = (call.userId === null ? undefined : faults.accountRates.get(call.userId)) ?? faults.rates
  for (const name of faultNames) {
    const rate = rates[name] ?? 0
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
  on: (value) => ["any", "read", "write", "full", "oauth", "revoke"].includes(value as string),
  token: (value) => typeof value === "string",
  userId: (value) => typeof value === "string",
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
export const readRates = (value: unknown): Rates | string => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "rates are an object {fault: 0..1}"
  for (const [name, rate] of Object.entries(value)) {
    if (!faultNames.includes(name as FaultName)) return `unknown fault ${name}; one of: ${faultNames.join(", ")}`
    if (!numberIn(rate, 0, 1)) return `the rate of ${name} must be from 0 to 1`
  }
  return value as Rates
}

/** False when the script would grow beyond its bound; then nothing is added. */
export const enqueue = (faults: Faults, added: ReadonlyArray<Fault>): boolean => {
  if (faults.queue.length + added.length > queueMax) return false
  faults.queue.push(...added)
  return true
}
