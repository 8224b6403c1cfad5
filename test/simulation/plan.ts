/** What a run does to the system, as data from a seed: who appends what when, and what breaks when. */
import type { Seed } from "./Seed.ts"
import { seedOf } from "./Seed.ts"

const tenants = ["acme", "globex"]
const users = 4

/** What the handlers make of an event. */
export type Behaviour =
  | { readonly kind: "well" }
  | { readonly kind: "slow"; readonly ms: number }
  /** Fails so many times, then goes well. */
  | { readonly kind: "flaky"; readonly failures: number }
  /** Fails until an operator mends it. */
  | { readonly kind: "poison" }
  /** Ends the process that handles it, until an operator mends it. */
  | { readonly kind: "crash" }

export interface PlannedEvent {
  readonly eventId: string
  readonly tenantId: string
  readonly userId: string
  readonly behaviour: Behaviour
}

/** Events that are committed together. */
export interface PlannedTransaction {
  readonly atMs: number
  /** How long it is open: one that began later may commit earlier. */
  readonly openMs: number
  readonly isRolledBack: boolean
  readonly events: ReadonlyArray<PlannedEvent>
}

export const faultNames = [
  "broker killed",
  "broker frozen",
  "broker rolled back",
  "broker wiped",
  "broker full",
  "durable deleted",
  "foreign message",
  "replica killed",
  "replica paused",
  "replica stopped",
  "connection lost",
  "database in trouble",
] as const

export type FaultName = (typeof faultNames)[number]

export interface Fault {
  readonly name: FaultName
  readonly atMs: number
  readonly lastsMs: number
  /** Which replica, or which durable. */
  readonly target: number
}

export interface Plan {
  readonly seed: number
  readonly replicas: number
  /** Servers differ in what they look at first: the message id (2.9) or the expected number (2.15). */
  readonly looksAtNumberFirst: boolean
  /** Events that the embedded log numbered before the broker took over. */
  readonly embedded: number
  readonly transactions: ReadonlyArray<PlannedTransaction>
  readonly faults: ReadonlyArray<Fault>
}

/** Everything happens in so much time; then the system has all the time it needs to come to rest. */
export const activeMs = 10_000

/** Longer than a lease and an ack wait together: what is away for so long has lost everything. */
const longMs = 12_000

export const planOf = (seed: number, only?: ReadonlyArray<FaultName>): Plan => {
  const random = seedOf(seed)
  const transactions = transactionsOf(random.fork())
  const chance = random.fork()
  const names = only ?? faultNames
  // Few at a time: a run in which everything breaks shows that nothing works, and not why.
  const faults = Array.from({ length: names.length === 0 ? 0 : chance.int(1, 4) }, () => faultOf(chance, names))
  return {
    seed,
    replicas: random.int(1, 3),
    looksAtNumberFirst: random.chance(0.5),
    embedded: random.chance(0.2) ? random.int(1, 5) : 0,
    transactions,
    faults: faults.sort((one, other) => one.atMs - other.atMs),
  }
}

const faultOf = (random: Seed, names: ReadonlyArray<FaultName>): Fault => ({
  name: random.pick(names),
  atMs: random.int(100, activeMs),
  lastsMs: random.chance(0.3) ? random.int(longMs / 2, longMs) : random.int(1, 2_000),
  target: random.int(0, 11),
})

const transactionsOf = (random: Seed): ReadonlyArray<PlannedTransaction> => {
  let made = 0
  return Array.from({ length: random.int(8, 24) }, () => ({
    atMs: random.int(0, activeMs),
    openMs: random.chance(0.1) ? random.int(100, 1_500) : random.int(1, 20),
    isRolledBack: random.chance(0.05),
    events: Array.from({ length: random.chance(0.2) ? random.int(2, 8) : 1 }, () => ({
      eventId: `e${++made}`,
      tenantId: random.pick(tenants),
      userId: `u${random.int(1, users)}`,
      behaviour: behaviourOf(random),
    })),
  })).sort((one, other) => one.atMs - other.atMs)
}

const behaviourOf = (random: Seed): Behaviour => {
  const kind = random.int(0, 99)
  if (kind < 3) return { kind: "poison" }
  if (kind < 4) return { kind: "crash" }
  if (kind < 8) return { kind: "flaky", failures: random.int(1, 2) }
  if (kind < 16) return { kind: "slow", ms: random.chance(0.2) ? random.int(1_500, 4_000) : random.int(10, 500) }
  return { kind: "well" }
}
