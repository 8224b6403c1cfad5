/** The broker is killed (SIGKILL) in the middle of a stream and started again, three times. */
import { nextInt } from "../../../simulator/random.ts"
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached } from "../settled.ts"

export const scenario: Scenario = {
  name: "broker-kill",
  expected: { duplicates: true },
  run: async (world, { size }) => {
    // Slow enough that something is on its way whenever the broker dies.
    await world.startReplicas(size < 1 ? 1 : 2, { slowMs: 1 })
    const events = Math.ceil(3_000 * size)
    const { done } = world.produce({ events })
    const kills = size < 1 ? 1 : 3
    for (let kill = 1; kill <= kills; kill++) {
      await effectsReached(world, Math.floor(events * 2 * kill / (kills + 2)))
      world.fault("broker killed")
      await world.broker.kill()
      await pause(nextInt(world.random, 0, size < 1 ? 200 : 1_500))
      await world.broker.start()
    }
    await done
  },
}
