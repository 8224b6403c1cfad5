/** A replica is killed between the commit of an effect and its acknowledgement, and started again. */
import { killedAt } from "../killedAt.ts"
import type { Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "replica-kill-after-effect",
  expected: { duplicates: true },
  run: killedAt("ack"),
}
