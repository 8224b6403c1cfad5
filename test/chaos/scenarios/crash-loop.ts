/** Some events end the process that handles them; it is started again each time. */
import { journalOf } from "../gather.ts"
import { deadlyOf } from "../letters.ts"
import type { Scenario } from "../Scenario.ts"
import { supervise } from "../supervise.ts"

/** A process that dies blames all it was at once; then the suspects are tried one by one. */
const attemptsMax = 4
let restarts = () => 0

export const scenario: Scenario = {
  name: "crash-loop",
  world: { attemptsMax },
  expected: { duplicates: true, deadLetters: ({ productions }) => deadlyOf(productions).length },
  run: async (world, { size }) => {
    const crashing = size < 1 ? 1 : 4
    let left = crashing
    const supervised = supervise(world, "r1")
    restarts = supervised.restarts
    await supervised.current().ready
    const { done } = world.produce({
      events: Math.ceil(1_000 * size),
      kindOf: (draw) => left > 0 && draw < 0.1 ? (left--, "crash") : "plain",
    })
    await done
  },
  judge: async (world, note) => {
    const deadly = deadlyOf(world.productions)
    const handled = journalOf(world).flatMap((line) => line.kind === "handling" ? line.eventIds : [])
    const most = Math.max(0, ...deadly.map((id) => handled.filter((one) => one === id).length))
    note(`${deadly.length} deadly events ended the process ${restarts()} times; each was tried at most ${most} times`)
    // The durable that reads the whole stream meets them too, and lives.
    return most > 2 * attemptsMax + 1 ? [`a deadly event was tried ${most} times`] : []
  },
}
