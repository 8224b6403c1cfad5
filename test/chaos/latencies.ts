/** How long events took from the stream to their effect. */
import { messagesOf } from "./brokerView.ts"
import { eventStream } from "./gather.ts"
import type { World } from "./World.ts"

export interface Latencies {
  readonly count: number
  /** Milliseconds, as are the next two. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface TimedEffect {
  readonly durable: string
  readonly tenant: string
  readonly user: string
  readonly madeAtMs: number
  readonly latencyMs: number
}

export const timedEffects = async ({ sql, broker }: World): Promise<ReadonlyArray<TimedEffect>> => {
  const storedAt = new Map((await messagesOf(broker.url, eventStream)).map((one) => [one.messageId, one.storedAtMs]))
  const rows = await sql<
    Array<{
      readonly durable: string
      readonly event_id: string
      readonly tenant_id: string
      readonly user_id: string
      readonly at_ms: number
    }>
  >`SELECT durable, event_id, tenant_id, user_id, extract(epoch FROM at)::float8 * 1000 AS at_ms FROM chaos_effects`
  return rows.flatMap(({ durable, event_id, tenant_id: tenant, user_id: user, at_ms: madeAtMs }) => {
    const stored = storedAt.get(event_id)
    return stored === undefined
      ? []
      : [{ durable, tenant, user, madeAtMs, latencyMs: Math.max(0, Math.round(madeAtMs - stored)) }]
  })
}

export const percentiles = (effects: ReadonlyArray<TimedEffect>): Latencies => {
  const sorted = effects.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}

export const latenciesOf = async (world: World): Promise<Latencies> => percentiles(await timedEffects(world))
