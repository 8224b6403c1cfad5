/**
 * Runs of relay, lanes and consumers under faults from seeds. More of them: `SIMULATION_SEEDS=5000`; one again:
 * `SIMULATION_SEED=<seed> SIMULATION_SEEDS=1`.
 */
import process from "node:process"
import { describe, expect, it } from "vitest"
import { faultNames, planOf } from "./plan.ts"
import type { Plan } from "./plan.ts"
import { shrink } from "./shrink.ts"
import { Simulation } from "./Simulation.ts"

const first = Number(process.env["SIMULATION_SEED"] ?? 1)
/** Some seconds of work. */
const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 200)
/** Half a second for each, on a machine that has much else to do. */
const timeout = 30_000 + seeds * 500

const problemsOf = (plan: Plan): ReadonlyArray<string> => {
  const { verdict, restedAtMs, defects } = new Simulation(plan, {}).run()
  return [
    ...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`),
    ...defects.map((defect) => `ended: ${String(defect)}`),
    ...(restedAtMs === undefined ? ["it never came to rest"] : []),
  ]
}

const report = (plan: Plan, problems: ReadonlyArray<string>): string => {
  const small = shrink(plan, (smaller) => problemsOf(smaller).length > 0)
  return [
    `seed ${plan.seed}: ${problems.slice(0, 5).join("; ")}`,
    `again: SIMULATION_SEED=${plan.seed} SIMULATION_SEEDS=1 npm test -- test/simulation/simulation.test.ts`,
    `still fails with ${small.transactions.length} transactions on ${small.replicas} replicas, and these faults:`,
    ...small.faults.map((fault) => `  ${JSON.stringify(fault)}`),
    ...problemsOf(small).slice(0, 5).map((problem) => `  ${problem}`),
  ].join("\n")
}

const firstFailure = (): string | undefined => {
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = planOf(seed)
    const problems = problemsOf(plan)
    if (problems.length > 0) return report(plan, problems)
  }
  return undefined
}

describe("simulation", () => {
  it("nothing is lost, doubled or out of order, whatever breaks", { timeout }, () => {
    expect(firstFailure()).toBeUndefined()
  })

  it("a seed gives the same history every time", () => {
    const histories = [1, 2].map(() => new Simulation(planOf(first), {}).run().history)
    expect(histories[0]).toEqual(histories[1])
  })

  it("the faults that make a broker deliver again do so", { timeout: 60_000 }, () => {
    const redelivering = [
      "broker killed",
      "replica killed",
      "replica paused",
      "connection lost",
      "broker wiped",
    ] as const
    for (const fault of redelivering) {
      const duplicates = Array.from({ length: 10 }, (_, seed) => new Simulation(planOf(seed, [fault]), {}).run())
        .reduce((sum, { verdict }) => sum + verdict.counts.duplicateDeliveries, 0)
      expect(duplicates, fault).toBeGreaterThan(0)
    }
  })

  it("every fault happens in some run", () => {
    const drawn = new Set(Array.from({ length: 100 }, (_, seed) => planOf(seed).faults.map(({ name }) => name)).flat())
    expect(drawn).toEqual(new Set(faultNames))
  })

  it("a failing run is made small: what has nothing to do with it is taken away", () => {
    const plan = planOf(3)
    const isNeeded = (one: Plan) =>
      one.transactions.some(({ events }) => events.some(({ eventId }) => eventId === "e2"))
    const small = shrink(plan, isNeeded)
    expect([small.faults.length, small.transactions.length]).toEqual([0, 1])
  })
})
