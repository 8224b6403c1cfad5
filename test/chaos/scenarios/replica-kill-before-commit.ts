/** A replica is killed between writing an effect and the end of its transaction, and started again. */
import { killedAt } from "../killedAt.ts"
import type { Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "replica-kill-before-commit",
  expected: { duplicates: true },
  run: killedAt("commit"),
}
