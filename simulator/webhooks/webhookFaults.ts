/** What may go wrong on a webhook's way, by script and by probability, as for calls (`faults.ts`). */
import { nextUnit, type RandomState } from "../random.ts"

const webhookFaultNames = [
  /** Sent twice with one delivery id. */
  "duplicate",
  /** Sent after the user's next one, or after `lateMs` when none comes. */
  "reorder",
  "loss",
  /** Sent `lateMs` later. */
  "late",
  /** Signed with another secret. */
  "forged",
  /** Sent as it is, and once more as an attacker would who kept it for `staleMs`: a new id, rightly signed. */
  "stale-replay",
  /** About a user the app has never seen. */
  "unknown-user",
] as const
type WebhookFaultName = typeof webhookFaultNames[number]

export type WebhookFault = {
  readonly fault: WebhookFaultName
  readonly lateMs: number
  readonly staleMs: number
  /** Only webhooks about this user; null means any. */
  readonly userId: string | null
  readonly clientId: string | null
}

export type WebhookFaults = {
  readonly queue: Array<WebhookFault>
  rates: Partial<Record<WebhookFaultName, number>>
  readonly random: RandomState
}

const queueMax = 10_000

const withDefaults = (fault: WebhookFaultName): WebhookFault => ({
  fault,
  lateMs: 30_000,
  staleMs: 3_600_000,
  userId: null,
  clientId: null,
})

export const takeWebhookFault = (
  faults: WebhookFaults,
  about: { readonly userId: string; readonly clientId: string },
): WebhookFault | undefined => {
  const at = faults.queue.findIndex(({ userId, clientId }) =>
    (userId === null || userId === about.userId) && (clientId === null || clientId === about.clientId)
  )
  if (at >= 0) return faults.queue.splice(at, 1)[0]
  for (const name of webhookFaultNames) {
    if (nextUnit(faults.random) < (faults.rates[name] ?? 0)) return withDefaults(name)
  }
  return undefined
}

const isMs = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 86_400_000

const keys: Readonly<Record<string, (value: unknown) => boolean>> = {
  fault: (value) => webhookFaultNames.includes(value as WebhookFaultName),
  times: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= queueMax,
  lateMs: isMs,
  staleMs: isMs,
  userId: (value) => typeof value === "string",
  clientId: (value) => typeof value === "string",
}

/** One fault, an array of them, or `{queue?, rates?}`. A text says what is wrong; then nothing was taken over. */
export const addWebhookFaults = (faults: WebhookFaults, given: object): string | undefined => {
  const script = (Array.isArray(given) ? { queue: given } : "fault" in given ? { queue: [given] } : given) as {
    readonly queue?: unknown
    readonly rates?: unknown
  }
  const { queue = [], rates = faults.rates, ...rest } = script
  if (Object.keys(rest).length > 0) return "give a fault, or {queue, rates}"
  if (!Array.isArray(queue)) return "queue must be an array of faults"
  const added: Array<WebhookFault> = []
  for (const entry of queue as ReadonlyArray<unknown>) {
    const wrong = wrongIn(entry)
    if (wrong !== undefined) return wrong
    const { times = 1, ...fault } = entry as { times?: number } & WebhookFault
    for (let i = 0; i < times; i++) added.push({ ...withDefaults(fault.fault), ...fault })
  }
  if (faults.queue.length + added.length > queueMax) return "the queue of faults is full"
  if (typeof rates !== "object" || rates === null) return "rates are an object {fault: 0..1}"
  for (const [name, rate] of Object.entries(rates)) {
    if (!webhookFaultNames.includes(name as WebhookFaultName)) return `unknown fault ${name}`
    if (typeof rate !== "number" || rate < 0 || rate > 1) return `the rate of ${name} must be from 0 to 1`
  }
  faults.queue.push(...added)
  faults.rates = rates as WebhookFaults["rates"]
  return undefined
}

const wrongIn = (entry: unknown): string | undefined => {
  if (typeof entry !== "object" || entry === null || !("fault" in entry)) {
    return `fault is missing; one of: ${webhookFaultNames.join(", ")}`
  }
  for (const [key, value] of Object.entries(entry)) {
    const holds = Object.hasOwn(keys, key) ? keys[key] : undefined
    if (holds === undefined) return `unknown key ${key}; known: ${Object.keys(keys).join(", ")}`
    if (!holds(value)) return `${key} cannot be ${JSON.stringify(value)}; faults: ${webhookFaultNames.join(", ")}`
  }
  return undefined
}
