/** The fault suite as a program: a Postgres of its own, then one fault after the other, each in a world of its own. */
import { Effect, Exit, Redacted, Scope } from "effect"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { start } from "../../src/store/embedded/EmbeddedPostgres.ts"
import { findProgram } from "../support/machineProgram.ts"
import { natsServer } from "../support/nats.ts"
import type { Outcome } from "./Scenario.ts"
import { runScenario } from "./Scenario.ts"
import { scenarios } from "./scenarios.ts"
import { head, rowOf } from "./table.ts"

/** When a fault and the way back from it have to be over: several times what they take on a machine of two cores. */
const secondsDefault = 60

const { values, positionals: names } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    seconds: { type: "string", default: String(secondsDefault) },
    json: { type: "boolean", default: false },
  },
})
const seed = values.seed ?? String(Math.floor(Math.random() * 1_000_000))
const seconds = Number(values.seconds)

const noFigures = {
  seconds: 0,
  events: 0,
  duplicates: 0,
  deadLetters: 0,
  lost: 0,
  doubleEffects: 0,
  orderBreaks: 0,
  notes: [],
}

const outcomeOf = async (name: string, postgresUrl: string): Promise<Outcome> => {
  const scenario = scenarios.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`no fault is called ${name}`)
  const options = { natsProgram: findProgram(natsServer), postgresUrl, seed, seconds, size: 1 }
  return await runScenario(scenario, options).catch((cause): Outcome => ({
    ...noFigures,
    fault: name,
    seed,
    problems: [cause instanceof Error ? cause.message : String(cause)],
  }))
}

const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-chaos-postgres-"))
const scope = Scope.makeUnsafe()
const outcomes: Array<Outcome> = []
try {
  const options = { dataDir, durable: false, onProgress: () => Effect.void }
  const { url } = await Effect.runPromise(Scope.provide(start(options), scope))
  console.log(`seed ${seed}\n\n${head()}`)
  for (const name of names) {
    const outcome = await outcomeOf(name, Redacted.value(url))
    outcomes.push(outcome)
    console.log(rowOf(outcome))
  }
} finally {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await fs.rm(dataDir, { recursive: true, force: true })
}
const failed = outcomes.filter(({ problems }) => problems.length > 0)
for (const { fault, notes } of outcomes) for (const note of notes) console.log(`${fault}: ${note}`)
for (const { fault, problems } of failed) console.log(`\n${fault} FAILED\n${problems.join("\n")}`)
if (values.json) { for (const outcome of outcomes) console.log(JSON.stringify(outcome)) }
console.log(
  `\n${outcomes.length - failed.length} of ${outcomes.length} faults survived` +
    (failed.length === 0
      ? ""
      : `; again with: npm run chaos -- ${failed.map(({ fault }) => fault).join(" ")} --seed ${seed}`),
)
process.exitCode = failed.length === 0 ? 0 : 1
