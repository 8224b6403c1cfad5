import { describe, it } from "vitest"
import { scenario as brokerKill } from "./scenarios/broker-kill.ts"
import { scenario as hostile } from "./scenarios/hostile.ts"
import { scenario as rolledBackStore } from "./scenarios/rolled-back-store.ts"
import { scenario as twoContracts } from "./scenarios/two-contracts.ts"
import { survives } from "./smallScale.ts"

const timeout = 60_000

describe("faults of the broker", () => {
  it("a broker that is killed in the middle of a stream loses nothing and has nothing done twice", async () => {
    await survives(brokerKill)
  }, timeout)

  it("a store that goes back in time gets back what it lost, under the same numbers", async () => {
    await survives(rolledBackStore)
  }, timeout)

  it("what a stranger publishes becomes dead letters, and crosses no tenants", async () => {
    await survives(hostile)
  }, timeout)

  it(
    "a version with another contract refuses to start, and leaves the broker and the first version alone",
    async () => {
      await survives(twoContracts)
    },
    timeout,
  )
})
