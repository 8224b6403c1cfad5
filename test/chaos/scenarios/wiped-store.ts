/**
 * The broker's store is lost. Nothing is made anew without being told; the operator applies the contracts, and the
 * outbox fills the streams again.
 */
import fs from "node:fs/promises"
import { withNats } from "../brokerView.ts"
import { applyContracts } from "../contracts.ts"
import { wentDownAndUp } from "../health.ts"
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached, settled } from "../settled.ts"
import { jetstreamManager } from "@nats-io/jetstream"

const withoutStoreMs = 10_000

let wipedAt = 0
let appliedAt = 0
let madeByItself = 0

export const scenario: Scenario = {
  name: "wiped-store",
  expected: { duplicates: true },
  run: async (world, { size, seconds }) => {
    await world.startReplicas(2)
    const events = Math.ceil(1_500 * size)
    await world.produce({ events }).done
    await effectsReached(world, events)
    await settled(world, seconds * 300)
    const during = world.produce({ events: Math.ceil(events / 5), pauseMaxMs: 100 })
    wipedAt = Date.now()
    world.fault("store wiped")
    await world.broker.kill()
    await fs.rm(world.broker.storeDir, { recursive: true })
    await world.broker.start()
    await pause(withoutStoreMs)
    madeByItself = await withNats(world.broker.url, async (connection) => {
      const { streams } = await (await jetstreamManager(connection)).getAccountInfo()
      return streams
    })
    world.fault("contracts applied")
    appliedAt = Date.now()
    await applyContracts(world)
    await during.done
  },
  judge: async (world, note) => [
    ...(madeByItself > 0 ? [`${madeByItself} streams were made without being asked for`] : []),
    ...await wentDownAndUp(world, { fromMs: wipedAt, toMs: appliedAt }, note),
  ],
}
