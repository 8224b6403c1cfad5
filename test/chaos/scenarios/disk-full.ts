/** The broker has no room left: the outbox grows, nothing is marked as sent, and all drains in order afterwards. */
import { pause } from "../pause.ts"
import { makeRoom } from "../room.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached, settled } from "../settled.ts"
import type { World } from "../World.ts"

const fullMs = 5_000

let grew = 0

const unnumbered = async ({ sql }: World): Promise<number> => {
  const [row] = await sql<Array<{ readonly rows: number }>>`
    SELECT count(*)::int AS rows FROM outbox WHERE sequence IS NULL`
  return row?.rows ?? 0
}

export const scenario: Scenario = {
  name: "disk-full",
  world: { room: makeRoom },
  expected: {},
  run: async (world, { size, seconds }) => {
    await world.startReplicas(1)
    const events = Math.ceil(1_000 * size)
    await world.produce({ events }).done
    await effectsReached(world, events)
    await settled(world, seconds * 300)
    world.fault("no room")
    await world.room?.fill(world.broker)
    await world.produce({ events: events * 2 }).done
    await pause(fullMs)
    grew = await unnumbered(world)
    world.fault("room again")
    await world.room?.free(world.broker)
  },
  judge: async (_world, note) => {
    note(`${grew} events waited in the outbox`)
    return grew > 0 ? [] : ["the broker took everything: it was not full"]
  },
}
