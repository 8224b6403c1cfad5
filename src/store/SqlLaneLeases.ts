/**
 * Lane leases in Postgres: a row per lane says who holds it until when, a row per replica who is alive.
 *
 * All times are the database's, so clocks of replicas may differ as they like. A lease ends at the earliest `leaseMs`
 * after its renewal was sent, because the database counts from when it worked on it. Whoever takes a lane locks its row
 * FOR UPDATE, which waits for guards (FOR KEY SHARE) and for them only: a holder renews and lets go of a lane in the
 * middle of a guarded transaction, and yet nobody has the lane before that transaction has ended.
 */
import { Effect, Layer, Schema, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import { LaneLost } from "../streams/EventLog.ts"
import { LaneLeases } from "../streams/LaneLeases.ts"
import type { LaneLease, LaneName } from "../streams/LaneLeases.ts"
import { orUnavailable } from "./unavailable.ts"

export interface SqlLaneLeasesOptions {
  /** Names this process among all that share the database; no two that run at once have the same. */
  readonly holder: string
  readonly leaseMs?: number
  /** Of the durables: a message of a dead holder comes again after it. */
  readonly ackWaitMs: number
  /** The longest time between two calls of `renew`. */
  readonly renewMs: number
}

/** Three renewals may fail, and a holder that dies is missed for no longer than people wait for a page. */
const leaseDefaultMs = 15_000

/** A renewal on a busy database, a long garbage collection of the holder. */
const slackMs = 2_000

/** A holder would give up lanes it works on, or another would take them while their messages are still out. */
class LeaseTooShort extends Schema.TaggedError<LeaseTooShort>()("LeaseTooShort", {
  leaseMs: Schema.Int,
  leastMs: Schema.Int,
}) {
  override get message() {
    return `a lane lease of ${this.leaseMs} ms is too short: ack wait, renewal and slack make ${this.leastMs} ms`
  }
}

export const layer = (options: SqlLaneLeasesOptions) =>
  Layer.effect(
    LaneLeases,
    Effect.gen(function* () {
      const { holder, ackWaitMs, renewMs, leaseMs = leaseDefaultMs } = options
      const leastMs = ackWaitMs + renewMs + slackMs
      if (leaseMs < leastMs) return yield* new LeaseTooShort({ leaseMs, leastMs })
      const sql = yield* SqlClient.SqlClient
      // One at a time: two statements of one holder over the same rows could wait for each other.
      const alone = (yield* Semaphore.make(1)).withPermits(1)
      /** By key, as the last renewal said. A row in our name that is not among them is another life's. */
      let known: ReadonlyMap<string, LaneLease> = new Map()

      const renew = Effect.fnUntraced(function* (lanes: ReadonlyArray<LaneName>) {
        const wanted = lanes.map((lane) => ({
          durable: lane.durable,
          lane: lane.lane,
          stream: lane.stream,
          whole_stream: lane.isWhole,
          epoch: known.get(keyOf(lane))?.epoch ?? null,
        }))
        yield* announce(wanted, holder, leaseMs)
        const rows = yield* take(wanted, holder, leaseMs)
        const names = new Map(lanes.map((lane) => [keyOf(lane), lane]))
        const held = rows.map(({ durable, lane, epoch }) => ({ ...names.get(keyOf({ durable, lane }))!, epoch }))
        known = new Map(held.map((lease) => [keyOf(lease), lease]))
        return { held, surplus: surplusOf(held, new Map(rows.map(({ durable, share }) => [durable, share]))) }
      }, Effect.provideService(SqlClient.SqlClient, sql))

      const release = Effect.fnUntraced(function* (leases: ReadonlyArray<LaneLease>) {
        if (leases.length === 0) return
        const released = new Set(leases.map(keyOf))
        known = new Map([...known].filter(([key]) => !released.has(key)))
        yield* sql`
          UPDATE lanes SET holder = NULL, held_until_ms = 0
          FROM jsonb_to_recordset(${JSON.stringify(leases)}::text::jsonb)
            AS lease (durable text, lane smallint, epoch bigint)
          WHERE lanes.durable = lease.durable AND lanes.lane = lease.lane
            AND lanes.holder = ${holder} AND lanes.epoch = lease.epoch`
      })

      const leave = Effect.gen(function* () {
        known = new Map()
        yield* sql`
          WITH gone AS (DELETE FROM replicas WHERE holder = ${holder})
          UPDATE lanes SET holder = NULL, held_until_ms = 0 WHERE holder = ${holder}`
      })

      return LaneLeases.of({
        leaseMs,
        // An abandoned statement could take a lane after all were let go.
        renew: (lanes) => Effect.uninterruptible(alone(renew(lanes))).pipe(orUnavailable("leases.renew")),
        release: (leases) => alone(release(leases)).pipe(orUnavailable("leases.release")),
        leave: alone(leave).pipe(orUnavailable("leases.leave")),
        guard: ({ durable, lane, epoch }) =>
          sql`SELECT 1 FROM lanes
            WHERE durable = ${durable} AND lane = ${lane} AND holder = ${holder} AND epoch = ${epoch}
            FOR KEY SHARE`.pipe(
            orUnavailable("leases.guard"),
            Effect.filterOrFail((rows) => rows.length > 0, () => new LaneLost({ durable, lane })),
            Effect.asVoid,
          ),
      })
    }),
  )

interface WantedRow {
  readonly durable: string
  readonly lane: number
  readonly stream: string
  readonly whole_stream: boolean
  /** Under which the lane was held at the last renewal. */
  readonly epoch: number | null
}

const keyOf = ({ durable, lane }: Pick<LaneName, "durable" | "lane">) => `${durable}/${lane}`

/** Epoch milliseconds, later in a statement that waited. */
const nowMs = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

/** In the same order by everybody, so that replicas that start together do not wait for each other in a circle. */
const announce = Effect.fnUntraced(function* (wanted: ReadonlyArray<WantedRow>, holder: string, leaseMs: number) {
  const sql = yield* SqlClient.SqlClient
  const now = sql.literal(nowMs)
  yield* sql`
    WITH wanted AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::text::jsonb)
        AS lane (durable text, lane smallint, stream text, whole_stream boolean)
    ), gone AS (
      DELETE FROM replicas WHERE holder IN (
        SELECT holder FROM replicas WHERE alive_until_ms <= ${now} AND holder <> ${holder} FOR UPDATE SKIP LOCKED)
    ), alive AS (
      INSERT INTO replicas (holder, alive_until_ms, durables)
      SELECT ${holder}, ${now} + ${leaseMs}::bigint, array(SELECT DISTINCT durable FROM wanted)
      ON CONFLICT (holder) DO UPDATE SET alive_until_ms = excluded.alive_until_ms, durables = excluded.durables
    )
    INSERT INTO lanes (durable, lane, stream, whole_stream)
    SELECT durable, lane, stream, whole_stream FROM wanted
    WHERE NOT EXISTS (SELECT FROM lanes WHERE lanes.durable = wanted.durable AND lanes.lane = wanted.lane)
    ORDER BY durable, lane
    ON CONFLICT DO NOTHING`
})

/**
 * Renews what is ours, then takes what is free up to the share, skipping what another is taking or a guard still keeps.
 * Free is also what stands in our name under an epoch we do not know. Replicas begin with different lanes.
 */
const take = Effect.fnUntraced(function* (wanted: ReadonlyArray<WantedRow>, holder: string, leaseMs: number) {
  const sql = yield* SqlClient.SqlClient
  const now = sql.literal(nowMs)
  return yield* sql<{
    readonly durable: string
    readonly lane: number
    readonly epoch: number
    readonly share: number
  }>`
    WITH wanted AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::text::jsonb)
        AS lane (durable text, lane smallint, epoch bigint)
    ), renewed AS (
      UPDATE lanes SET held_until_ms = ${now} + ${leaseMs}::bigint
      FROM wanted
      WHERE lanes.durable = wanted.durable AND lanes.lane = wanted.lane
        AND lanes.holder = ${holder} AND lanes.epoch = wanted.epoch
      RETURNING lanes.durable, lanes.lane, lanes.epoch
    ), shares AS MATERIALIZED (
      SELECT durable, ceil(lanes::numeric / greatest(1, replicas))::int AS share, (
        SELECT count(*) FROM renewed WHERE renewed.durable = durables.durable
      ) AS held
      FROM (
        SELECT durable, count(*) AS lanes, (
          SELECT count(*) FROM replicas WHERE alive_until_ms > ${now} AND wanted.durable = ANY (replicas.durables)
        ) AS replicas
        FROM wanted GROUP BY durable
      ) AS durables
    ), free AS MATERIALIZED (
      SELECT free.* FROM shares CROSS JOIN LATERAL (
        SELECT lanes.durable, lanes.lane FROM lanes JOIN wanted USING (durable, lane)
        WHERE lanes.durable = shares.durable AND CASE
          WHEN lanes.holder = ${holder} THEN lanes.epoch IS DISTINCT FROM wanted.epoch
          ELSE lanes.holder IS NULL OR lanes.held_until_ms <= ${now} END
        ORDER BY hashtext(${holder} || '/' || lanes.lane)
        LIMIT greatest(0, shares.share - shares.held)
        FOR UPDATE OF lanes SKIP LOCKED
      ) AS free
    ), taken AS (
      UPDATE lanes SET holder = ${holder}, held_until_ms = ${now} + ${leaseMs}::bigint, epoch = lanes.epoch + 1
      FROM free WHERE lanes.durable = free.durable AND lanes.lane = free.lane
      RETURNING lanes.durable, lanes.lane, lanes.epoch
    )
    SELECT durable, lane, epoch, share
    FROM (SELECT * FROM renewed UNION ALL SELECT * FROM taken) AS held JOIN shares USING (durable)
    ORDER BY durable, lane`
})

/** What each durable has beyond its share: the same lanes until they are let go. */
const surplusOf = (held: ReadonlyArray<LaneLease>, shares: ReadonlyMap<string, number>): ReadonlyArray<LaneLease> => {
  const kept = new Map<string, number>()
  return held.filter(({ durable }) => {
    const before = kept.get(durable) ?? 0
    kept.set(durable, before + 1)
    return before >= shares.get(durable)!
  })
}
