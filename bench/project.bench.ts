/**
 * Events per second projected into Postgres with exactly one effect each: JetStream → consumer → one transaction of
 * inbox, lease guard and one upserted row per event → acknowledgement. Beside it, in turn: the same rows by bare
 * postgres.js, with nothing consumed.
 *
 * Real nats-server, real Postgres with fsync on. Each contender runs again and again in a fresh process, on empty
 * tables; figures are medians, and count only when every event was applied exactly once. Options:
 * `--messages <number>`, `--rounds <number>`.
 */
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { connect } from "@nats-io/transport-node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Redacted } from "effect"
import postgres from "postgres"
import { migrate } from "../src/store/migrate.ts"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import * as PostgresClient from "../src/store/PostgresClient.ts"
import { fillEvents, stream } from "./consume/backlog.ts"
import { batchMax, partitions } from "./consume/contenders.ts"
import type { Measured } from "./consume/meter.ts"
import type { Contender, Plan } from "./project/contenders.ts"
import { schema } from "./project/projection.ts"
import { startProcess } from "./support/childProcess.ts"
import { natsServer } from "./support/natsServer.ts"
import { median } from "./support/stats.ts"
import { figure, printTable, type Row } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

const { values: options } = parseArgs({
  options: {
    messages: { type: "string", default: "50000" },
    rounds: { type: "string", default: "3" },
  },
})
const messages = Number(options.messages)
const rounds = Number(options.rounds)
const payloadBytes = 200

/** A slow disk, twice. */
const runMaxMs = 60_000 + messages

const contenders: ReadonlyArray<Contender> = ["bare inserts", "tipstream, one lane", "tipstream, 8 partitions"]

const workerProgram = fileURLToPath(new URL("./project/worker.ts", import.meta.url))
/** Node takes a program as it is. */
const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A"] as const : [process.execPath] as const

const measure = (plan: Plan) =>
  startProcess({
    command: [...runtime, workerProgram, JSON.stringify(plan)],
    announces: /measured (\{.*\})/,
    announceMaxMs: runMaxMs,
  }).pipe(Effect.map(({ announced }) => JSON.parse(announced) as Measured), Effect.scoped)

async function prepare(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(schema)
  await sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES (${stream}, ${partitions}, 0)`
}

/** A figure counts only when every event was applied once. */
async function verifyAndEmpty(sql: postgres.Sql, contender: Contender): Promise<void> {
  const [found] = await sql`
    SELECT count(*)::int AS events, max(applied) AS applied, (SELECT count(*)::int FROM inbox) AS inbox
    FROM bench_projection`
  if (found?.["events"] !== messages || found["applied"] !== 1 || found["inbox"] !== messages) {
    throw new Error(`${contender}: of ${messages} events, applied once each, there are ${JSON.stringify(found)}`)
  }
  await sql`TRUNCATE bench_projection, inbox, lanes, replicas`
}

const rowOf = (name: string, results: ReadonlyArray<Measured>): Row => ({
  name,
  value: median(results.map(({ perSecond }) => perSecond)),
  more: {
    "CPU us/event": median(results.map(({ cpuUsPerMessage }) => cpuUsPerMessage)),
    "peak RSS MiB": median(results.map(({ peakRssMiB }) => peakRssMiB)),
  },
})

const program = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const postgresFolder = path.join(folder, "postgres")
  const { url } = yield* EmbeddedPostgres.start({
    dataDir: postgresFolder,
    durable: true,
    onProgress: () => Effect.void,
  })
  const client = PostgresClient.layer({ url, poolMax: 1, applicationName: "tipstream bench" })
  yield* migrate.pipe(Effect.provide(client))
  const databaseUrl = Redacted.value(url)
  const sql = yield* Effect.acquireRelease(
    Effect.sync(() => postgres(databaseUrl, { max: 1, onnotice: () => {} })),
    (sql) => Effect.promise(() => sql.end({ timeout: 1 })),
  )
  yield* Effect.promise(() => prepare(sql))
  const { url: natsUrl, version } = yield* natsServer
  yield* Console.log(`  nats-server ${version}, ${messages} events of ${payloadBytes} B, batches of up to ${batchMax}`)
  yield* Effect.promise(async () => {
    const connection = await connect({ servers: natsUrl })
    await fillEvents(connection, messages, payloadBytes)
    await connection.close()
  })
  const results = new Map<Contender, Array<Measured>>(contenders.map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    const figures: Array<string> = []
    for (const [contender, measured] of results) {
      const run = `bench-${contender.replaceAll(/\W+/g, "-")}-${round}`
      const result = yield* measure({ contender, natsUrl, databaseUrl, messages, payloadBytes, run })
      yield* Effect.promise(() => verifyAndEmpty(sql, contender))
      measured.push(result)
      figures.push(`${contender} ${figure(result.perSecond)}/s`)
    }
    yield* Console.log(`  round ${round} of ${rounds}: ${figures.join(", ")}`)
  }
  console.log("")
  const rows = [...results].map(([name, measured]) => rowOf(name, measured))
  printTable({ bench: `project, ${payloadBytes} B`, unit: "events/s", baseline: "bare inserts", rows })
})

NodeRuntime.runMain(Effect.scoped(program))
