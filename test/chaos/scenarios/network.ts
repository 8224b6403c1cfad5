/** The line between the replicas and the broker loses everything, then all answers, then is slow, then is reset. */
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"
import { startProxy } from "../tcpProxy.ts"
import type { TcpProxy } from "../tcpProxy.ts"

const lastsMs = 4_000
/** Of two replicas in four faults, each with a handful of tries: a storm would be hundreds. */
const connectionsMax = 60

let proxy: TcpProxy | undefined

export const scenario: Scenario = {
  name: "network",
  expected: { duplicates: true },
  run: async (world, { size }) => {
    const line = await startProxy(world.broker.port)
    proxy = line
    world.onEnd(() => line.close())
    await world.startReplicas(2, { natsUrl: `nats://127.0.0.1:${line.port}`, slowMs: 1 })
    const { done } = world.produce({ events: Math.ceil(3_000 * size), pauseMaxMs: 400 })
    for (const weather of ["drop", "drop-answers", "delay"] as const) {
      await pause(500)
      world.fault(weather)
      line.set(weather)
      await pause(lastsMs)
      line.set("clear")
    }
    for (let resets = 0; resets < 5; resets++) {
      await pause(300)
      world.fault("reset")
      line.reset()
    }
    await done
  },
  judge: async (_world, note) => {
    const accepted = proxy?.accepted() ?? 0
    note(`${accepted} connections were made to the broker`)
    return accepted > connectionsMax ? [`${accepted} connections: a storm`] : []
  },
}
