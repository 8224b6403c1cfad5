/**
 * Reading a stream from the broker: the raw client's pull consumer without acknowledgements, and ours, which checks
 * for gaps and decodes. Options: `--messages 200000`, `--rounds 3`, and `--million` for one long run of ours with its
 * memory.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Console, Effect } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { fillEvents } from "./consume/backlog.ts"
import { baseline, connected, contenders } from "./replay/contenders.ts"
import type { Contender } from "./replay/contenders.ts"
import { natsServer } from "./support/natsServer.ts"
import { median } from "./support/stats.ts"
import { figure, printTable } from "./support/table.ts"

const { values: options } = parseArgs({
  options: {
    messages: { type: "string", default: "200000" },
    rounds: { type: "string", default: "3" },
    million: { type: "boolean", default: false },
  },
})

const sizes = [200, 1_024]

interface Measured {
  readonly perSecond: number
  readonly cpuUs: number
}

type Connected = Effect.Success<ReturnType<typeof connected>>

const measure = Effect.fnUntraced(function* (contender: Contender, nats: Connected, messages: number) {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const read = yield* contender(nats, messages)
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  if (read !== messages) return yield* Effect.die(new Error(`read ${read} of ${messages} messages`))
  return { perSecond: messages / seconds, cpuUs: (user + system) / messages } satisfies Measured
})

const compared = Effect.fnUntraced(function* (nats: Connected, bytes: number, messages: number, rounds: number) {
  yield* Effect.promise(() => fillEvents(nats.connection, messages, bytes))
  const runs = new Map<string, Array<Measured>>()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      const measured = yield* measure(contender, nats, messages)
      // The first round compiles what is hot.
      if (round > 0) runs.set(name, [...(runs.get(name) ?? []), measured])
    }
    yield* Console.log(`  ${bytes} B: round ${round} of ${rounds}${round === 0 ? ", not counted" : ""}`)
  }
  const rows = [...runs].map(([name, all]) => ({
    name,
    value: median(all.map(({ perSecond }) => perSecond)),
    more: {
      "CPU us": median(all.map(({ cpuUs }) => cpuUs)),
      least: Math.min(...all.map(({ perSecond }) => perSecond)),
      most: Math.max(...all.map(({ perSecond }) => perSecond)),
    },
  }))
  printTable({ bench: `replay, ${bytes} B`, unit: "messages/s", baseline, rows })
})

/** Memory of a run of ours in tenths: flat when the last is no more than the first ones. */
const longRun = Effect.fnUntraced(function* (nats: Connected) {
  const messages = 1_000_000
  yield* Effect.promise(() => fillEvents(nats.connection, messages, 200))
  const rssMiB: Array<number> = []
  const sampler = setInterval(() => rssMiB.push(process.memoryUsage.rss() / 2 ** 20), 250)
  const { perSecond } = yield* measure(contenders["replay, decoded, with digest"]!, nats, messages)
  clearInterval(sampler)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) =>
      Math.max(...rssMiB.slice(Math.floor(tenth * rssMiB.length / 10), Math.ceil((tenth + 1) * rssMiB.length / 10))),
  )
  yield* Console.log(`a million messages: ${figure(perSecond)} a second; RSS in MiB by tenths of the run:`)
  yield* Console.log(`  ${tenths.map((mib) => String(Math.round(mib))).join(" ")}`)
})

const program = Effect.gen(function* () {
  const server = yield* natsServer
  const nats = yield* connected(server.url)
  yield* Console.log(`  nats-server ${server.version}`)
  if (options.million) return yield* longRun(nats)
  for (const bytes of sizes) yield* compared(nats, bytes, Number(options.messages), Number(options.rounds))
})

NodeRuntime.runMain(Effect.scoped(program))
