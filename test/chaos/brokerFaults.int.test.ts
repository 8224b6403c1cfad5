import { describe, expect, it } from "vitest"
import { scenario as brokerKill } from "./scenarios/broker-kill.ts"
import { scenario as hostile } from "./scenarios/hostile.ts"
import { scenario as rolledBackStore } from "./scenarios/rolled-back-store.ts"
import { scenario as twoContracts } from "./scenarios/two-contracts.ts"
import { small, survived, timeoutMs } from "./smallScale.ts"

describe("faults of the broker", () => {
  it("a broker that is killed in the middle of a stream loses nothing and has nothing done twice", async () => {
    expect(await small(brokerKill)).toMatchObject(survived)
  }, timeoutMs)

  it("a store that goes back in time gets back what it lost, under the same numbers", async () => {
    expect(await small(rolledBackStore)).toMatchObject(survived)
  }, timeoutMs)

  it("what a stranger publishes becomes dead letters, and crosses no tenants", async () => {
    expect(await small(hostile)).toMatchObject(survived)
  }, timeoutMs)

  it(
    "a version with another contract refuses to start, and leaves the broker and the first version alone",
    async () => {
      expect(await small(twoContracts)).toMatchObject(survived)
    },
    timeoutMs,
  )
})
