/** The broker is stopped (SIGSTOP) for 15 seconds and goes on as if nothing had been. */
import { wentDownAndUp } from "../health.ts"
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached } from "../settled.ts"

const frozenMs = 15_000
/** Two pings that stay without an answer, and what probes allow for a hiccup. */
const noticedWithinMs = 14_000

let frozenAt = 0

export const scenario: Scenario = {
  name: "broker-freeze",
  expected: { duplicates: true },
  run: async (world, { size }) => {
    await world.startReplicas(2, { slowMs: 1 })
    const events = Math.ceil(3_000 * size)
    world.produce({ events, pauseMaxMs: 60 })
    await effectsReached(world, events)
    frozenAt = Date.now()
    world.fault("broker stopped")
    world.broker.freeze()
    await pause(frozenMs)
    world.broker.thaw()
    world.fault("broker goes on")
  },
  judge: (world, note) => wentDownAndUp(world, { fromMs: frozenAt, toMs: frozenAt + noticedWithinMs }, note),
}
