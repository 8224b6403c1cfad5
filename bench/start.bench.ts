/**
 * Time from process start to listening, to ready and to the first tip, on an existing data folder and on none. Beside
 * it, in turn: an empty HTTP server on the same runtime, and the embedded Postgres alone on the same folder.
 */
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Console, Effect } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import { answers, firstSuccess, freePort, type Milestones, milestones } from "./start/milestones.ts"
import { startProcess } from "./support/childProcess.ts"
import { startService } from "./support/service.ts"
import { median } from "./support/stats.ts"
import { figure, printTable, type Row } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

const warmRuns = 5
const firstRuns = 2
/** What a person types; beside the runs of the program itself it shows what npm adds. */
const npmRuns = 2

const emptyServerProgram = fileURLToPath(new URL("./start/emptyServer.ts", import.meta.url))

/** Starts the service, waits for its first tip and stops it again. */
const serviceRun = Effect.fnUntraced(
  function* (dataDir: string, command?: readonly [string, ...ReadonlyArray<string>]) {
    const port = yield* Effect.promise(freePort)
    const startedAt = performance.now()
    const service = startService({ DATA_DIR: dataDir, PORT: String(port) }, command)
    // What it waits for never comes when the process ends: then that is the failure to show.
    const died = Effect.andThen(service, Effect.never)
    return yield* Effect.raceFirst(Effect.promise(() => milestones(port, startedAt)), died)
  },
  Effect.scoped,
)

const emptyServerRun = Effect.gen(function* () {
  const port = yield* Effect.promise(freePort)
  const startedAt = performance.now()
  const command = [process.execPath, "run", "-A", emptyServerProgram, String(port)] as const
  const server = startProcess({ command, announces: /listening on (it)/, announceMaxMs: 10_000 })
  const reached = Effect.promise(() => firstSuccess(startedAt, () => answers(`http://127.0.0.1:${port}/`)))
  return yield* Effect.raceFirst(reached, Effect.andThen(server, Effect.never))
}).pipe(Effect.scoped)

const postgresRun = Effect.fnUntraced(function* (dataDir: string) {
  const startedAt = performance.now()
  yield* EmbeddedPostgres.start({ dataDir, durable: true, onProgress: () => Effect.void })
  return performance.now() - startedAt
}, Effect.scoped)

const rowsOf = (name: string, runs: ReadonlyArray<Milestones>): ReadonlyArray<Row> => [
  rowOf(`${name}: listening`, runs.map(({ listeningMs }) => listeningMs)),
  rowOf(`${name}: ready`, runs.map(({ readyMs }) => readyMs)),
  rowOf(`${name}: first tip`, runs.map(({ firstTipMs }) => firstTipMs)),
]

const rowOf = (name: string, timesMs: ReadonlyArray<number>): Row => ({
  name,
  value: median(timesMs),
  more: { "least ms": Math.min(...timesMs), "most ms": Math.max(...timesMs), runs: timesMs.length },
})

const said = ({ listeningMs, readyMs, firstTipMs }: Milestones): string =>
  `listening ${figure(listeningMs)} ms, ready ${figure(readyMs)} ms, first tip ${figure(firstTipMs)} ms`

const program = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const first: Array<Milestones> = []
  for (let run = 1; run <= firstRuns; run++) {
    const times = yield* serviceRun(path.join(folder, `first-${run}`))
    first.push(times)
    yield* Console.log(`  first start, run ${run} of ${firstRuns}: ${said(times)}`)
  }
  const dataDir = path.join(folder, "first-1")
  const warm: Array<Milestones> = []
  const empty: Array<number> = []
  const postgres: Array<number> = []
  for (let run = 1; run <= warmRuns; run++) {
    empty.push(yield* emptyServerRun)
    postgres.push(yield* postgresRun(dataDir))
    const times = yield* serviceRun(dataDir)
    warm.push(times)
    const alone = `empty server ${figure(empty.at(-1)!)} ms, Postgres ${figure(postgres.at(-1)!)} ms`
    yield* Console.log(`  warm start, run ${run} of ${warmRuns}: ${said(times)}; ${alone}`)
  }
  const npm: Array<Milestones> = []
  for (let run = 1; run <= npmRuns; run++) {
    const times = yield* serviceRun(dataDir, ["npm", "start"])
    npm.push(times)
    yield* Console.log(`  npm start, warm, run ${run} of ${npmRuns}: ${said(times)}`)
  }
  const baseline = "empty server and Postgres, one after the other"
  yield* Console.log("")
  printTable({
    bench: "start",
    unit: "ms",
    baseline,
    rows: [
      rowOf("empty HTTP server on Deno", empty),
      rowOf("embedded Postgres alone", postgres),
      rowOf(baseline, empty.map((ms, run) => ms + postgres[run]!)),
      ...rowsOf("warm", warm),
      ...rowsOf("npm start, warm", npm),
      ...rowsOf("first start", first),
    ],
  })
})

NodeRuntime.runMain(Effect.scoped(program))
