/** A batch takes several times the ack wait, with more waiting behind it: each event is handled once all the same. */
import { durables } from "../durables.ts"
import { journalOf } from "../gather.ts"
import type { Scenario } from "../Scenario.ts"

/** A batch of 20 takes two seconds, twice the ack wait, and the batch behind it waits as long. */
const slowMs = 100
/** Whatever the backlog: what is held is bounded by lanes times batches. */
const growthMaxMiB = 120

export const scenario: Scenario = {
  name: "slow-consumer",
  expected: { deliveryCountMax: 1 },
  world: { partitions: 12 },
  run: async (world, { size }) => {
    const production = world.produce({ events: Math.ceil(200 * size) })
    await production.done
    await world.startReplicas(1, { slowMs })
  },
  judge: async (world, note) => {
    const lines = journalOf(world)
    const handled = lines.flatMap((line) => line.kind === "handling" ? line.eventIds : []).length
    const wanted = durables.length * world.productions.flatMap(({ committed }) => committed).length
    const memory = lines.flatMap((line) => line.kind === "state" ? [line.rssMiB] : [])
    const growth = Math.max(...memory) - memory[0]!
    note(
      `${handled} handler runs for ${wanted} events; memory ${memory[0]} MiB at first, ${Math.max(...memory)} at most`,
    )
    return [
      ...(handled === wanted ? [] : [`${handled} handler runs instead of ${wanted}`]),
      ...(growth > growthMaxMiB ? [`memory grew by ${growth} MiB`] : []),
    ]
  },
}
