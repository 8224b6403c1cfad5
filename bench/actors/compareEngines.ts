/** The engines in turn, on both runtimes, each in a process of its own. */
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Console, Effect } from "effect"
import { startProcess } from "../support/childProcess.ts"
import { printTable, type Row } from "../support/table.ts"
import type { EngineMeasured, EnginePlan } from "./engineWorker.ts"

const program = fileURLToPath(new URL("./engineWorker.ts", import.meta.url))
const runtimes = {
  Deno: [process.execPath, "run", "-A", "--v8-flags=--expose-gc", program],
  Node: [fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url)), "--expose-gc", program],
} as const

const plans: ReadonlyArray<EnginePlan & { readonly runtime: keyof typeof runtimes }> = [
  { runtime: "Deno", contender: "promise chains", actors: 100_000 },
  { runtime: "Deno", contender: "local engine", actors: 10_000 },
  { runtime: "Deno", contender: "local engine", actors: 100_000 },
  { runtime: "Deno", contender: "cluster engine, one node", actors: 10_000 },
  { runtime: "Node", contender: "local engine", actors: 10_000 },
  { runtime: "Node", contender: "local engine", actors: 100_000 },
]

/** Actors that idle for a while, and a machine that others use. */
const runMaxMs = 90_000

const nameOf = ({ actors, contender, runtime }: typeof plans[number]) => `${contender}, ${actors}, ${runtime}`

export const compareEngines = Effect.gen(function* () {
  const rows: Array<Row> = []
  for (const plan of plans) {
    const [command, ...options] = runtimes[plan.runtime]
    const { announced } = yield* Effect.scoped(startProcess({
      command: [command, ...options, JSON.stringify(plan)],
      announces: /measured (\{.*\})/,
      announceMaxMs: runMaxMs,
    }))
    const measured = JSON.parse(announced) as EngineMeasured
    rows.push({
      name: nameOf(plan),
      value: measured.heapBytesPerActor,
      more: {
        "spawns/s": measured.spawnsPerSecond,
        "asks/s, 1 caller": measured.asksPerSecond,
        "asks/s, 64 callers": measured.asksPerSecondCrowded,
        "gone after idle ms": measured.goneAfterMs ?? Number.NaN,
        "B/actor kept": measured.heapKeptBytesPerActor,
      },
    })
    yield* Console.log(`  ${nameOf(plan)}: ${Math.round(measured.heapBytesPerActor)} B per idle actor`)
  }
  printTable({ bench: "actors: idle and live", unit: "heap B/actor", baseline: nameOf(plans[0]!), rows })
})
