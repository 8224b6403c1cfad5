/**
 * Somebody publishes to the broker what no producer of ours would: wildcards taken literally, bytes that are nothing,
 * JSON deeper than any stack, other tenants' envelopes, more than a stream takes.
 */
import { effectsReached } from "../settled.ts"
import { hostileMessages } from "../hostileMessages.ts"
import { publishRaw } from "../rawClient.ts"
import type { Scenario } from "../Scenario.ts"

const rounds = 3

export const scenario: Scenario = {
  name: "hostile",
  world: { natsConfig: "max_payload: 8MB" },
  expected: {
    foreign: true,
    deadLetters: () =>
      rounds * hostileMessages.reduce((sum, { reaches }) => sum + { both: 2, whole: 1, none: 0 }[reaches], 0),
  },
  run: async (world, { size }) => {
    await world.startReplicas(1)
    const events = Math.ceil(1_000 * size)
    const { done } = world.produce({ events })
    for (let round = 1; round <= rounds; round++) {
      await effectsReached(world, Math.floor(events * round / (rounds + 1)))
      world.fault("hostile messages")
      await publishRaw(world.broker.port, hostileMessages)
    }
    await done
  },
  judge: async (world) => world.replicas.flatMap(({ name, isOver }) => isOver() ? [`${name} ended`] : []),
}
