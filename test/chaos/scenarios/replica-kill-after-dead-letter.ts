/** A replica is killed between storing a dead letter and terminating its message, and started again. */
import { durables } from "../durables.ts"
import { killedAt } from "../killedAt.ts"
import { poisonOf } from "../letters.ts"
import type { Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "replica-kill-after-dead-letter",
  // More than an innocent message can lose to the kills of others: see `suspectTurn.ts`.
  world: { attemptsMax: 4 },
  expected: {
    duplicates: true,
    deadLetters: ({ productions }) => durables.length * poisonOf(productions).length,
  },
  run: killedAt("term", (draw) => draw < 0.005 ? "poison" : "plain"),
}
