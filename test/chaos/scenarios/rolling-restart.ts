/** Three replicas are restarted one after the other, twice, under load. */
import { latenciesOf } from "../latencies.ts"
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"

const ackWaitMs = 5_000

export const scenario: Scenario = {
  name: "rolling-restart",
  // One hand-over may meet a message that another has already met.
  expected: { deliveryCountMax: 3 },
  run: async (world, { size }) => {
    const options = { ackWaitMs, leaseMs: 9_000 }
    const running = await world.startReplicas(3, options)
    const production = world.produce({ events: Math.ceil(20_000 * size), pauseMaxMs: 60 })
    await pause(1_000)
    for (let round = 1; round <= 2; round++) {
      for (const [index, replica] of running.entries()) {
        world.fault(`restart of ${replica.name}`)
        await replica.stop()
        const next = world.replica(replica.name, options)
        await next.ready
        running[index] = next
        await pause(500)
      }
    }
    await production.stop()
  },
  judge: async (world, note) => {
    const { p50, p99, max } = await latenciesOf(world)
    note(`from the stream to the effect: p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms; ack wait ${ackWaitMs} ms`)
    return p99 > ackWaitMs / 2 ? [`p99 of ${p99} ms: lanes wait for the ack wait when they are handed over`] : []
  },
}
