/** The broker's store goes back to an earlier state, as after a power failure: acknowledged messages are gone. */
import fs from "node:fs/promises"
import path from "node:path"
import { messagesOf } from "../brokerView.ts"
import { eventStream } from "../gather.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached, settled } from "../settled.ts"

let lost = 0

export const scenario: Scenario = {
  name: "rolled-back-store",
  expected: { duplicates: true },
  run: async (world, { size, seconds }) => {
    await world.startReplicas(size < 1 ? 1 : 2)
    const copy = path.join(world.folder, "store-before")
    const events = Math.ceil(1_500 * size)
    await world.produce({ events }).done
    await effectsReached(world, events)
    await fs.cp(world.broker.storeDir, copy, { recursive: true })
    await world.produce({ events }).done
    await settled(world, seconds * 500)
    const before = (await messagesOf(world.broker.url, eventStream)).length
    const last = world.produce({ events: Math.ceil(events / 10) })
    world.fault("store rolled back")
    await world.broker.kill()
    await fs.rm(world.broker.storeDir, { recursive: true })
    await fs.cp(copy, world.broker.storeDir, { recursive: true })
    await world.broker.start()
    lost = before - (await messagesOf(world.broker.url, eventStream)).length
    await last.done
  },
  judge: async (_world, note) => {
    note(`the store lost about ${lost} acknowledged messages; they stand there again under their numbers`)
    return lost > 0 ? [] : ["the store lost nothing: the fault did not happen"]
  },
}
