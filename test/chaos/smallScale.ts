/** One fault in a test: small, drawn from one seed, and over in seconds. */
import { inject } from "vitest"
import type { Outcome, Scenario } from "./Scenario.ts"
import { runScenario } from "./Scenario.ts"

/** Beside it stands everything else that tests do on two cores. */
const seconds = 40

/** With all it may wait for, when something is amiss. */
export const timeoutMs = 90_000

export const small = (scenario: Scenario): Promise<Outcome> =>
  runScenario(scenario, {
    natsProgram: inject("natsServer"),
    postgresUrl: inject("postgresUrl"),
    seed: "test",
    size: 0.1,
    seconds,
  })

/** What an outcome has to match. */
export const survived = { problems: [], lost: 0, doubleEffects: 0, orderBreaks: 0 }
