/** Waiting for the end of a run: everything committed has its effects or its dead letters, and the broker knows. */
import { lanesOf } from "./brokerView.ts"
import { eventStream } from "./gather.ts"
import { durables } from "./durables.ts"
import type { World } from "./World.ts"

const lookEveryMs = 50

/** Handlings that are missing: events times durables, minus effects and letters. */
const missingOf = async ({ sql, productions }: World): Promise<number> => {
  const ids = productions.flatMap(({ committed }) => committed.map(({ eventId }) => eventId))
  const [row] = await sql<Array<{ readonly missing: number }>>`
    WITH wanted AS (
      SELECT event_id, durable
      FROM jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb) AS event_id
      CROSS JOIN jsonb_array_elements_text(${JSON.stringify(durables)}::text::jsonb) AS durable
    )
    SELECT count(*)::int AS missing FROM wanted
    WHERE NOT EXISTS (SELECT FROM chaos_effects AS made WHERE made.event_id = wanted.event_id
        AND made.durable = wanted.durable)
      AND NOT EXISTS (SELECT FROM dead_letters AS died WHERE died.message_id = wanted.event_id
        AND died.durable = wanted.durable)`
  return row?.missing ?? 0
}

/** False when it did not come to this in time: what is missing then is for the judge to name. */
export const settled = async (world: World, withinMs: number): Promise<boolean> => {
  const deadline = performance.now() + withinMs
  await Promise.all(world.productions.map(({ done }) => done))
  for (;;) {
    if (await missingOf(world) === 0) {
      const lanes = await lanesOf(world.broker.url, eventStream).catch(() => [])
      if (lanes.length > 0 && lanes.every(({ remaining }) => remaining === 0)) return true
    }
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

/** Waits until this many handlings are done, so that a fault hits in the middle of work. */
export const effectsReached = async ({ sql }: World, count: number, withinMs = 30_000): Promise<void> => {
  const deadline = performance.now() + withinMs
  for (;;) {
    const [row] = await sql<Array<{ readonly made: number }>>`SELECT count(*)::int AS made FROM chaos_effects`
    if ((row?.made ?? 0) >= count) return
    if (performance.now() > deadline) throw new Error(`only ${row?.made ?? 0} of ${count} effects in ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
