/** One fault in a test: small, drawn from one seed, and over in seconds. */
import { expect, inject } from "vitest"
import type { Outcome, Scenario } from "./Scenario.ts"
import { runScenario } from "./Scenario.ts"

/** Beside it stands everything else that tests do on two cores. */
const seconds = 40

export const survives = async (scenario: Scenario): Promise<Outcome> => {
  const outcome = await runScenario(scenario, {
    natsProgram: inject("natsServer"),
    postgresUrl: inject("postgresUrl"),
    seed: "test",
    size: 0.1,
    seconds,
  })
  expect(outcome).toMatchObject({ problems: [], lost: 0, doubleEffects: 0, orderBreaks: 0 })
  return outcome
}
