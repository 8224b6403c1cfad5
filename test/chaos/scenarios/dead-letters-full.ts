/**
 * The stream of dead letters is full, then gone, while poison comes: such a message is neither acknowledged nor given
 * up until its letter is stored.
 */
import { jetstreamManager } from "@nats-io/jetstream"
import { deadLetterStream } from "../../../src/streams/names.ts"
import { withNats } from "../brokerView.ts"
import { applyContracts } from "../contracts.ts"
import { durables } from "../durables.ts"
import { kindOf } from "../events.ts"
import { journalOf } from "../gather.ts"
import { poisonOf } from "../letters.ts"
import { pause } from "../pause.ts"
import type { Scenario } from "../Scenario.ts"
import type { World } from "../World.ts"

const lastsMs = 6_000

let problems: Array<string> = []

/** Poison that was settled, by the journals; and letters in the table. */
const given = async (world: World): Promise<number> => {
  const settled = journalOf(world).filter((line) => line.kind === "settled" && kindOf(line.messageId) === "poison")
  const [row] = await world.sql<Array<{ readonly letters: number }>>`SELECT count(*)::int AS letters FROM dead_letters`
  return settled.length + (row?.letters ?? 0)
}

const setLettersMax = (world: World, letters: number) =>
  withNats(world.broker.url, async (connection) => {
    const manager = await jetstreamManager(connection)
    const { config } = await manager.streams.info(deadLetterStream)
    await manager.streams.update(deadLetterStream, { ...config, max_msgs: letters })
    return config.max_msgs
  })

export const scenario: Scenario = {
  name: "dead-letters-full",
  world: { attemptsMax: 2 },
  expected: { deadLetters: ({ productions }) => durables.length * poisonOf(productions).length },
  run: async (world, { size }) => {
    problems = []
    await world.startReplicas(1)
    const events = Math.ceil(200 * size)
    const some = { events, kindOf: (draw: number) => draw < 0.05 ? "poison" as const : "plain" as const }
    const before = await setLettersMax(world, 1)
    await withNats(world.broker.url, async (connection) => {
      connection.publish("tenant.t0.dead.signals.filler.u0")
      await connection.flush()
    })
    world.fault("dead letters full")
    const first = world.produce(some)
    await pause(lastsMs)
    if (await given(world) > 0) problems.push("a message was given up while its letter could not be stored: full")
    await setLettersMax(world, before)
    await first.done
    await pause(3_000)
    const sofar = await given(world)
    if (sofar === 0) problems.push("nothing was given up when there was room again")
    world.fault("dead letters gone")
    await withNats(world.broker.url, async (connection) => {
      await (await jetstreamManager(connection)).streams.delete(deadLetterStream)
    })
    const rest = await given(world)
    const second = world.produce({ ...some, authors: [{ tenant: "t9", user: "late" }] })
    await pause(lastsMs)
    if (await given(world) > rest) problems.push("a message was given up while its letter could not be stored: gone")
    await applyContracts(world)
    await second.done
  },
  judge: async () => problems,
}
