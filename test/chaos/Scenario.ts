/** One fault: what it does to a running world, and what has to hold in the end. */
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import type { Verdict, ViolationKind } from "../history/checkHistory.ts"
import { checkHistory } from "../history/checkHistory.ts"
import type { History } from "../history/history.ts"
import { kindOf } from "./events.ts"
import { eventStream, gather, journalOf } from "./gather.ts"
import { durables } from "./durables.ts"
import { settled } from "./settled.ts"
import type { World, WorldOptions } from "./World.ts"
import { makeWorld } from "./World.ts"
import type { Machine } from "./World.ts"

export interface Scale {
  /** Of the events a scenario needs: 1 for the suite, less for tests. */
  readonly size: number
  /** When everything has to be over; what is missing then is lost. */
  readonly seconds: number
}

export interface Expected {
  /** The fault makes the broker deliver again. */
  readonly duplicates?: boolean
  readonly foreign?: boolean
  readonly deadLetters?: (world: World) => number
  readonly deliveryCountMax?: number
}

export interface Scenario {
  readonly name: string
  readonly world?: Partial<WorldOptions>
  readonly expected: Expected
  /** Starts replicas and producers, and does the fault while events flow. */
  readonly run: (world: World, scale: Scale) => Promise<void>
  /** When all is settled: what is wrong beside the history, one sentence each. */
  readonly judge?: (world: World, note: (figure: string) => void) => Promise<ReadonlyArray<string>>
}

export interface Outcome {
  readonly fault: string
  readonly seed: string
  readonly seconds: number
  readonly events: number
  readonly duplicates: number
  readonly deadLetters: number
  readonly lost: number
  readonly doubleEffects: number
  readonly orderBreaks: number
  /** Figures that belong to this fault. */
  readonly notes: ReadonlyArray<string>
  /** Empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

export const runScenario = async (
  scenario: Scenario,
  options: Machine & Scale & { readonly seed: string },
): Promise<Outcome> => {
  const started = performance.now()
  const { natsProgram, postgresUrl, seed } = options
  const world = await makeWorld({ natsProgram, postgresUrl, seed: `${scenario.name}/${seed}`, ...scenario.world })
  try {
    const problems: Array<string> = []
    const notes: Array<string> = []
    await within(scenario.run(world, options), options.seconds * 2_000)
    const leftMs = Math.max(1_000, options.seconds * 1_000 - (performance.now() - started))
    if (!await settled(world, leftMs)) problems.push(`not settled after ${options.seconds} s`)
    const history = await gather(world)
    const verdict = checkHistory(history, {
      consumers: durables.map((durable) => ({ durable, stream: eventStream })),
      mayDie: (_durable, eventId) => kindOf(eventId) !== "plain",
      expectsDuplicates: scenario.expected.duplicates ?? false,
      allowsForeign: scenario.expected.foreign ?? false,
      ...(scenario.expected.deliveryCountMax === undefined
        ? {}
        : { deliveryCountMax: scenario.expected.deliveryCountMax }),
    })
    problems.push(...await scenario.judge?.(world, (figure) => notes.push(figure)) ?? [])
    const deadLetters = scenario.expected.deadLetters?.(world)
    if (deadLetters !== undefined && verdict.counts.deadLetters !== deadLetters) {
      problems.push(`${verdict.counts.deadLetters} dead letters instead of ${deadLetters}`)
    }
    if (problems.length + verdict.violations.length > 0) problems.push(await keep(scenario.name, seed, world, history))
    return outcomeOf({ scenario, seed, verdict, problems, notes, seconds: (performance.now() - started) / 1_000 })
  } catch (cause) {
    const said = world.replicas.map((one) => `--- ${one.name}\n${one.output().slice(-2_000)}`).join("\n")
    throw new Error(`${scenario.name}, seed ${seed}: ${cause instanceof Error ? cause.stack : cause}\n${said}`, {
      cause,
    })
  } finally {
    await world.end()
  }
}

/** A fault that hangs, not what it does to the service, is ended. */
const within = async (running: Promise<void>, ms: number): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the fault was not over after ${ms / 1_000} s`)), ms)
  })
  await Promise.race([running, late]).finally(() => clearTimeout(timer))
}

/** For whoever has to find out; one JSON line a record, then what the replicas said of themselves. */
const keep = async (name: string, seed: string, world: World, history: History): Promise<string> => {
  const file = path.join(os.tmpdir(), `tipstream-chaos-${name}-${seed}.ndjson`)
  const states = journalOf(world).filter(({ kind }) => kind === "state")
  const said = world.replicas.map((one) => ({ kind: "said", replica: one.name, pid: one.pid, output: one.output() }))
  const lines = [...history, ...states, ...said].map((record) => `${JSON.stringify(record)}\n`)
  await fs.writeFile(file, lines.join(""))
  return `the history is in ${file}`
}

const kinds = {
  lost: ["lost from the stream", "no effect", "unsettled at the end"],
  doubleEffects: ["double effect", "more than one effect of a redrive", "duplicated in the stream"],
  orderBreaks: ["order broken in the stream", "order broken for a user"],
} satisfies Record<string, ReadonlyArray<ViolationKind>>

/** As many of each kind as a reader of a table row can use. */
const examplesMax = 3

const outcomeOf = (run: {
  readonly scenario: Scenario
  readonly seed: string
  readonly seconds: number
  readonly verdict: Verdict
  readonly notes: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
}): Outcome => {
  const { scenario, seed, seconds, verdict: { violations, counts }, problems, notes } = run
  const count = (of: ReadonlyArray<ViolationKind>) => violations.filter(({ kind }) => of.includes(kind)).length
  const found = [...Map.groupBy(violations, ({ kind }) => kind)].map(([kind, of]) =>
    `${kind} (${of.length}): ${of.slice(0, examplesMax).map(({ detail }) => detail).join("; ")}`
  )
  return {
    fault: scenario.name,
    seed,
    seconds,
    events: counts.events,
    duplicates: counts.duplicateDeliveries,
    deadLetters: counts.deadLetters,
    lost: count(kinds.lost),
    doubleEffects: count(kinds.doubleEffects),
    orderBreaks: count(kinds.orderBreaks),
    notes,
    problems: [...problems, ...found],
  }
}
