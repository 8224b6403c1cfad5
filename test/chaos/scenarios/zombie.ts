/**
 * A replica is stopped (SIGSTOP) for longer than its lease and the ack wait, and goes on where it was: once between an
 * effect and its acknowledgement, once inside the transaction of an effect, once anywhere.
 */
import { nextInt } from "../../../simulator/random.ts"
import { pause } from "../pause.ts"
import { worldDefaults } from "../worldDefaults.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached } from "../settled.ts"

const pastEverythingMs = worldDefaults.leaseMs + 2 * worldDefaults.ackWaitMs

export const scenario: Scenario = {
  name: "zombie",
  expected: { duplicates: true },
  run: async (world, { size }) => {
    const nth = nextInt(world.random, 5, 20)
    const afterEffect = world.replica("after-effect", { slowMs: 2, faults: [{ at: "ack", do: "stop", nth }] })
    const inTransaction = world.replica("in-transaction", { slowMs: 2, faults: [{ at: "commit", do: "stop", nth }] })
    const anywhere = world.replica("anywhere", { slowMs: 2 })
    await Promise.all([afterEffect.ready, inTransaction.ready, anywhere.ready])
    const events = Math.ceil(4_000 * size)
    const { done } = world.produce({ events, pauseMaxMs: 150 })
    await effectsReached(world, Math.floor(events / 4))
    await Promise.all([afterEffect.reached, inTransaction.reached])
    world.fault("two replicas stopped at their points")
    await pause(pastEverythingMs)
    afterEffect.signal("SIGCONT")
    inTransaction.signal("SIGCONT")
    await pause(nextInt(world.random, 500, 1_500))
    world.fault("one stopped anywhere")
    anywhere.signal("SIGSTOP")
    await pause(pastEverythingMs)
    anywhere.signal("SIGCONT")
    await done
  },
}
