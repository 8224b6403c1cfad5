/**
 * Messages per second, CPU time and memory of a consumer with a handler that does nothing, over a backlog in JetStream:
 * the raw client, ours, and an npm package that offers the same job.
 *
 * One nats-server; each contender consumes the same backlog in turn, again and again, each time in a fresh process and
 * with fresh durables of the same contract. Figures are medians over the rounds, and count only after every message
 * was delivered once and acknowledged. Options: `--messages <number>`, `--rounds <number>`, `--million` for one long
 * run that shows whether memory stays flat: how much more is alive after the last message than after half of them.
 */
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { connect } from "@nats-io/transport-node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { fillEvents, fillPeer } from "./consume/backlog.ts"
import type { Contender, Plan } from "./consume/contenders.ts"
import type { Measured } from "./consume/meter.ts"
import { installPeer } from "./consume/peer.ts"
import { startProcess } from "./support/childProcess.ts"
import { natsServer } from "./support/natsServer.ts"
import { median } from "./support/stats.ts"
import { figure, printTable, type Row } from "./support/table.ts"

const { values: options } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    million: { type: "boolean", default: false },
  },
})

const payloads = options.million ? [200] : [200, 1_024]
const messages = options.million ? 1_000_000 : Number(options.messages)
const rounds = options.million ? 1 : Number(options.rounds)

/** Ten times as long as the slowest contender takes. */
const runMaxMs = 30_000 + messages

const raw = "raw"
const own = ["tipstream, one lane", "tipstream, 8 partitions"] as const
const contenders: ReadonlyArray<Contender> = options.million
  ? [raw, ...own]
  : [raw, "raw, 8 durables", "raw, events opened", ...own, "moleculer"]

const workerProgram = fileURLToPath(new URL("./consume/worker.ts", import.meta.url))
/** Node takes a program as it is. */
const runtime = "Deno" in globalThis
  ? [process.execPath, "run", "-A", ...(options.million ? ["--v8-flags=--expose-gc"] : [])] as const
  : [process.execPath, ...(options.million ? ["--expose-gc"] : [])] as const

const measure = (plan: Plan) =>
  startProcess({
    command: [...runtime, workerProgram, JSON.stringify(plan)],
    announces: /measured (\{.*\})/,
    announceMaxMs: runMaxMs,
  }).pipe(Effect.map(({ announced }) => JSON.parse(announced) as Measured), Effect.scoped)

const rowOf = (name: string, results: ReadonlyArray<Measured>): Row => {
  const middle = (of: (result: Measured) => number) => median(results.map(of))
  return {
    name,
    value: middle(({ perSecond }) => perSecond) / 1_000,
    more: {
      "CPU us/message": middle(({ cpuUsPerMessage }) => cpuUsPerMessage),
      "peak RSS MiB": middle(({ peakRssMiB }) => peakRssMiB),
      ...(options.million ? { "heap growth MiB": middle(({ heapGrowthMiB }) => heapGrowthMiB) } : {}),
    },
  }
}

const program = Effect.gen(function* () {
  const peer = yield* Effect.sync(installPeer)
  const { url, version } = yield* natsServer
  yield* Console.log(`  nats-server ${version}, ${messages} messages`)
  const running = contenders.filter((name) => name !== "moleculer" || "folder" in peer)
  for (const payloadBytes of payloads) {
    yield* Effect.promise(async () => {
      const connection = await connect({ servers: url })
      await fillEvents(connection, messages, payloadBytes)
      if (contenders.includes("moleculer")) await fillPeer(connection, messages, payloadBytes)
      await connection.close()
    })
    const results = new Map<Contender, Array<Measured>>(running.map((name) => [name, []]))
    for (let round = 1; round <= rounds; round++) {
      const figures: Array<string> = []
      for (const [contender, measured] of results) {
        const run = `bench-${contender.replaceAll(/\W+/g, "-")}-${payloadBytes}-${round}`
        const peerFolder = "folder" in peer ? peer.folder : ""
        const result = yield* measure({ contender, url, messages, run, peerFolder })
        measured.push(result)
        figures.push(`${contender} ${figure(result.perSecond / 1_000)}`)
      }
      yield* Console.log(`  ${payloadBytes} B, round ${round} of ${rounds}, k msgs/s: ${figures.join(", ")}`)
    }
    const rows = [...results].map(([name, measured]) => rowOf(name, measured))
    const absent: ReadonlyArray<Row> = "problem" in peer && contenders.includes("moleculer")
      ? [{ name: "moleculer", value: Number.NaN, more: { "CPU us/message": `not run: ${peer.problem}` } }]
      : []
    console.log("")
    printTable({ bench: `consume, ${payloadBytes} B`, unit: "k msgs/s", baseline: raw, rows: [...rows, ...absent] })
  }
})

NodeRuntime.runMain(Effect.scoped(program))
