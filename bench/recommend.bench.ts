/**
 * Requests per second and latency of `POST /v1/recommend` with its decision committed. Beside it: the same server
 * answering a fixed body, at once and after the same inserts by bare postgres.js.
 *
 * One Postgres with fsync on, one started service with all that runs beside requests, and two servers that share its
 * HTTP stack. They are measured in turn, again and again, by the same client; figures are medians over the rounds. Then
 * the same three at half of what the service managed, in an open loop.
 */
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Console, Effect, Redacted } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import { connect, createCopyTables } from "./recommend/decisionCopy.ts"
import { startProcess } from "./support/childProcess.ts"
import { recommend, signIn } from "./support/demoUser.ts"
import { load } from "./support/load.ts"
import type { LoadPlan, LoadResult } from "./support/loadPlan.ts"
import { startService } from "./support/service.ts"
import { median } from "./support/stats.ts"
import { figure, printTable, type Row, type Table } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

/** Medians of three: one round that another process disturbed does not show. */
const rounds = 3
const measureMs = 3_000
const warmupMs = 300
/** Before the first round, until the runtime has compiled what is hot. */
const firstWarmupMs = 4_000
/** A few users at once, and many. */
const closedLoops = [16, 64] as const
const openLoopConnections = 64
const openLoopMs = 4_000

interface Server {
  readonly name: string
  readonly origin: string
}

interface Measured {
  readonly server: string
  readonly result: LoadResult
}

const own = "recommend, decision committed"
const inserting = "fixed body after the same inserts"
const fixed = "fixed body"

/** With permissions listed as in bin/tipstream, so that what Deno checks costs the same. */
const permissions = ["--no-prompt", "--allow-net", "--allow-env", "--allow-sys", "--allow-read"]

const fixedServerProgram = fileURLToPath(new URL("./recommend/fixedServer.ts", import.meta.url))

const fixedServer = (databaseUrl: string, ...options: ReadonlyArray<string>) =>
  startProcess({
    command: [process.execPath, "run", ...permissions, fixedServerProgram, ...options],
    env: { DATABASE_URL: databaseUrl },
    announces: /listening on (\S+)/,
    announceMaxMs: 20_000,
  })

async function inTurn(
  label: string,
  servers: ReadonlyArray<Server>,
  plan: Omit<LoadPlan, "origin">,
  times: number = rounds,
): Promise<ReadonlyArray<Measured>> {
  const measured: Array<Measured> = []
  for (let round = 1; round <= times; round++) {
    const figures: Array<string> = []
    for (const { name, origin } of servers) {
      const result = await load({ ...plan, origin })
      measured.push({ server: name, result })
      figures.push(`${name} ${figure(result.perSecond)}/s`)
    }
    console.log(`  ${label}, round ${round} of ${times}: ${figures.join(", ")}`)
  }
  return measured
}

function rowsOf(measured: ReadonlyArray<Measured>, value: (result: LoadResult) => number): ReadonlyArray<Row> {
  return [own, inserting, fixed].map((name) => {
    const results = measured.filter(({ server }) => server === name).map(({ result }) => result)
    const middle = (of: (result: LoadResult) => number) => median(results.map(of))
    const [p50, p99] = [middle(({ p50Ms }) => p50Ms), middle(({ p99Ms }) => p99Ms)]
    const late = middle(({ clientLateP99Ms }) => clientLateP99Ms)
    return {
      name,
      value: middle(value),
      more: {
        "requests/s": middle(({ perSecond }) => perSecond),
        "p50 ms": p50,
        "p99 ms": p99,
        "p99/p50": p99 / p50,
        ...(Number.isNaN(late) ? {} : { "client late p99 ms": late }),
      },
    }
  })
}

async function measure(servers: ReadonlyArray<Server>, cookie: string): Promise<void> {
  const requests = [{ method: "POST", path: "/v1/recommend", headers: { cookie } }] as const
  const plan = { requests, expectStatus: 200, warmupMs, durationMs: measureMs }
  await inTurn("warming up", servers, { ...plan, connections: 16, durationMs: firstWarmupMs }, 1)
  let most = 0
  const tables: Array<Table> = []
  for (const connections of closedLoops) {
    const measured = await inTurn(`${connections} connections`, servers, { ...plan, connections })
    const rows = rowsOf(measured, ({ perSecond }) => perSecond)
    most = Math.max(most, rows[0]!.value)
    tables.push({ bench: `recommend, ${connections} connections`, unit: "requests/s", baseline: inserting, rows })
  }
  const ratePerSecond = Math.round(most / 2)
  const open = { ...plan, connections: openLoopConnections, durationMs: openLoopMs, ratePerSecond }
  const measured = await inTurn(`${ratePerSecond} requests/s due`, servers, open)
  const rows = rowsOf(measured, ({ p50Ms }) => p50Ms)
  tables.push({ bench: `recommend, half load (${ratePerSecond}/s)`, unit: "p50 ms", baseline: inserting, rows })
  for (const table of tables) {
    console.log("")
    printTable(table)
  }
}

const program = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  yield* Console.log("  starting Postgres, the service and two servers with a fixed answer")
  const { url } = yield* EmbeddedPostgres.start({ dataDir: folder, durable: true, onProgress: () => Effect.void })
  const databaseUrl = Redacted.value(url)
  const { announced: origin } = yield* startService({
    DATA_DIR: path.join(folder, "service"),
    DATABASE_URL: databaseUrl,
    PORT: "0",
  })
  const cookie = yield* Effect.promise(() => signIn(origin))
  yield* Effect.promise(() => recommend(origin, cookie))
  const sql = connect(databaseUrl)
  yield* Effect.promise(() => createCopyTables(sql).finally(() => sql.end()))
  const servers = [
    { name: own, origin },
    { name: inserting, origin: (yield* fixedServer(databaseUrl, "--insert")).announced },
    { name: fixed, origin: (yield* fixedServer(databaseUrl)).announced },
  ]
  yield* Effect.promise(() => measure(servers, cookie))
})

NodeRuntime.runMain(Effect.scoped(program))
