/** Lane leases in memory, for tests and simulation: several holders of one process can share a table of them. */
import { Clock, Effect, Layer } from "effect"
import { LaneLost } from "./EventLog.ts"
import { LaneLeases } from "./LaneLeases.ts"
import type { LaneLease, LaneName } from "./LaneLeases.ts"

interface Row {
  holder: string | undefined
  untilMs: number
  epoch: number
  readonly durable: string
}

export interface LeaseTable {
  readonly rows: Map<string, Row>
  /** Until when each holder is alive. */
  readonly holders: Map<string, number>
}

export const emptyTable = (): LeaseTable => ({ rows: new Map(), holders: new Map() })

export interface MemoryLaneLeasesOptions {
  readonly leaseMs: number
  readonly holder: string
  readonly table: LeaseTable
}

const keyOf = ({ durable, lane }: LaneName) => `${durable}/${lane}`

export const layerMemory = ({ leaseMs, holder, table }: MemoryLaneLeasesOptions) => {
  const isMine = (row: Row | undefined) => row !== undefined && row.holder === holder
  const rowOf = (name: LaneName): Row => {
    let row = table.rows.get(keyOf(name))
    if (row === undefined) {
      table.rows.set(keyOf(name), row = { holder: undefined, untilMs: 0, epoch: 0, durable: name.durable })
    }
    return row
  }
  const release = (leases: ReadonlyArray<LaneLease>) =>
    Effect.sync(() => {
      for (const lease of leases) {
        const row = rowOf(lease)
        if (isMine(row) && row.epoch === lease.epoch) row.holder = undefined
      }
    })
  return Layer.succeed(
    LaneLeases,
    LaneLeases.of({
      leaseMs,
      renew: (lanes) =>
        Effect.map(Clock.currentTimeMillis, (nowMs) => {
          table.holders.set(holder, nowMs + leaseMs)
          const alive = [...table.holders.values()].filter((untilMs) => untilMs > nowMs).length
          const share = Math.ceil(lanes.length / alive)
          const held: Array<LaneLease> = []
          for (const name of lanes) {
            const row = rowOf(name)
            if (isMine(row)) {
              if (row.untilMs <= nowMs) row.epoch++
              row.untilMs = nowMs + leaseMs
              held.push({ ...name, epoch: row.epoch })
            }
          }
          for (const name of lanes) {
            const row = rowOf(name)
            if (isMine(row) || held.length >= share || (row.holder !== undefined && row.untilMs > nowMs)) continue
            row.holder = holder
            row.epoch++
            row.untilMs = nowMs + leaseMs
            held.push({ ...name, epoch: row.epoch })
          }
          return { held, surplus: held.slice(share) }
        }),
      release,
      leave: Effect.sync(() => {
        table.holders.delete(holder)
        for (const row of table.rows.values()) if (isMine(row)) row.holder = undefined
      }),
      guard: (lease) =>
        Effect.suspend(() => {
          const row = rowOf(lease)
          return isMine(row) && row.epoch === lease.epoch
            ? Effect.void
            : Effect.fail(new LaneLost({ durable: lease.durable, lane: lease.lane }))
        }),
    }),
  )
}
