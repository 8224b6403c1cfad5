/**
 * Three of ten events are poison, all of one tenant: first a calm phase as the baseline, then the storm, in which
 * events of other lanes must take no more than twice as long.
 */
import { durables } from "../durables.ts"
import type { Author } from "../events.ts"
import { percentiles, timedEffects } from "../latencies.ts"
import { poisonOf } from "../letters.ts"
import type { Scenario } from "../Scenario.ts"
import { settled } from "../settled.ts"
import { laneOf } from "../World.ts"

const partitions = 8
const poisonedLane = 3
/** Below it, the grain of the clock and of the machine's scheduler decides. */
const baselineMinMs = 50

const users = Array.from({ length: 200 }, (_, n) => `u${n}`)
/** Of the tenant whose every event is poison, all in one lane; and healthy ones, in that lane and in all others. */
const bad = users.map((user): Author => ({ tenant: "bad", user })).filter((one) =>
  laneOf(one, partitions) === poisonedLane
)
  .slice(0, 6)
const healthy = users.slice(0, 24).map((user): Author => ({ tenant: "good", user }))

let stormAt = 0

export const scenario: Scenario = {
  name: "poison-storm",
  world: { partitions, attemptsMax: 2 },
  expected: { deadLetters: ({ productions }) => durables.length * poisonOf(productions).length },
  run: async (world, { size, seconds }) => {
    await world.startReplicas(1)
    const pace = { authors: healthy, pauseMaxMs: 250 }
    await world.produce({ ...pace, events: Math.ceil(600 * size) }).done
    await settled(world, seconds * 500)
    stormAt = Date.now()
    world.fault("storm")
    const storm = world.produce({ ...pace, events: Math.ceil(70 * size) * 2 })
    const poison = world.produce({ ...pace, authors: bad, events: Math.ceil(30 * size) * 2, kindOf: () => "poison" })
    await Promise.all([storm.done, poison.done])
  },
  judge: async (world, note) => {
    const effects = (await timedEffects(world)).filter(({ tenant, durable }) =>
      tenant === "good" && durable === "chaos_by_user"
    )
    const isNear = ({ tenant, user }: Author) => laneOf({ tenant, user }, partitions) === poisonedLane
    const calm = percentiles(effects.filter((one) => one.madeAtMs < stormAt))
    const far = percentiles(effects.filter((one) => one.madeAtMs >= stormAt && !isNear(one)))
    const near = percentiles(effects.filter((one) => one.madeAtMs >= stormAt && isNear(one)))
    note(`p99 of healthy events: ${calm.p99} ms before, ${far.p99} ms in the storm (${far.count} events)`)
    note(`p99 in the lane of the poison, where each waits for its turn: ${near.p99} ms (${near.count} events)`)
    return far.p99 < 2 * Math.max(calm.p99, baselineMinMs) ? [] : [`p99 went from ${calm.p99} to ${far.p99} ms`]
  },
}
