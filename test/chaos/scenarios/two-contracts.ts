/** A second version with another ack wait and other limits starts beside the first: it refuses, naming each field. */
import { settingsOf } from "../brokerView.ts"
import type { Scenario } from "../Scenario.ts"
import { effectsReached } from "../settled.ts"
import { worldDefaults } from "../worldDefaults.ts"

let problems: ReadonlyArray<string> = []
let diff = ""

export const scenario: Scenario = {
  name: "two-contracts",
  expected: {},
  run: async (world, { size }) => {
    await world.startReplicas(1)
    const events = Math.ceil(1_000 * size)
    const { done } = world.produce({ events })
    await effectsReached(world, Math.floor(events / 4))
    const before = await settingsOf(world.broker.url)
    const other = { ackWaitMs: worldDefaults.ackWaitMs * 2, leaseMs: worldDefaults.leaseMs * 2 }
    const second = world.replica("second", { ...other, attemptsMax: world.attemptsMax + 1 })
    const { code } = await second.ended
    const after = await settingsOf(world.broker.url)
    diff = second.output().split("\n").filter((line) => /ack_wait|max_deliver/.test(line)).slice(0, 2).join(" ")
    problems = [
      ...(code === 0 ? ["the second version ended without an error"] : []),
      ...["ack_wait", "max_deliver"].flatMap((field) =>
        second.output().includes(field) ? [] : [`the refusal does not name ${field}:\n${second.output()}`]
      ),
      ...(before === after ? [] : ["the second version changed the server"]),
    ]
    await done
  },
  judge: async (_world, note) => (note(`it said: ${diff.slice(0, 200)}`), problems),
}
