/** Everything one simulator process holds: accounts by token, limits, faults, and what it observed. */
import { type Account, remember } from "./account.ts"
import type { Accounts } from "./accounts.ts"
import type { CommandEnv } from "./commandEnv.ts"
import type { Faults } from "./faults.ts"
import { emptyWindows, type Limits, type Windows } from "./limits.ts"
import { seeded } from "./random.ts"
import type { Grants } from "./oauth/grants.ts"
import type { Switches } from "./switches.ts"
import type { Webhooks } from "./webhooks/webhooks.ts"

export type RequestEntry = {
  readonly at: string
  readonly method: string
  /** Without the query, which could hold a token. */
  readonly path: string
  /** 0 when the connection was cut instead of an answer. */
  readonly status: number
  readonly userId: string | null
  readonly fault: string | null
  readonly commands: number
  /** Whether a sync reply was full; null for anything else. */
  readonly fullSync: boolean | null
}

export type World = {
  /** Seals the sync tokens. */
  readonly secret: string
  readonly demoToken: string
  readonly accounts: Accounts
  readonly grants: Grants
  /** Personal tokens that were revoked. */
  readonly deadTokens: Set<string>
  readonly webhooks: Webhooks
  readonly switches: Switches
  /** With what commands run: the switches, and everything that follows a change. */
  readonly env: CommandEnv
  readonly windows: Map<string, Windows>
  readonly requests: Array<RequestEntry>
  readonly faults: Faults
  readonly limits: Limits
  readonly seed: string
  readonly timeZone: string
  readonly clock: () => number
  /** Called after anything that must outlive the process has changed. */
  readonly changed: () => void
  /** Told in words what went wrong; the simulator goes on. */
  readonly warn: (line: string) => void
}

/** As many users as a load test has within a quarter of an hour; about 500 bytes each. */
const windowsMax = 200_000
/** Enough for a demo's look back and for a test's assertions. */
const requestsMax = 500
/** About 100 kB each; a load test that needs more needs another machine too. */
export const accountsMax = 20_000

export const observe = (world: World, entry: RequestEntry): void => {
  world.requests.push(entry)
  if (world.requests.length > requestsMax) world.requests.shift()
}

export const windowsOf = (world: World, account: Account): Windows => {
  const known = world.windows.get(account.userId)
  if (known !== undefined) return known
  const made = emptyWindows()
  remember(world.windows, account.userId, made, windowsMax)
  return made
}

export const newFaults = (seed: string): Faults => ({
  queue: [],
  rates: {},
  accountRates: new Map(),
  random: seeded(`${seed} faults`),
})
