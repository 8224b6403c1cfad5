/**
 * The naive designs and ours, keeping the same users in sync, each in a process of its own. The naive ones keep what
 * they know in memory alone, which flatters their CPU time: ours writes when each user is due again, and reads it back.
 */
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Console, Effect, Redacted } from "effect"
import { migrate } from "../../src/store/migrate.ts"
import * as EmbeddedPostgres from "../../src/store/embedded/EmbeddedPostgres.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import { startProcess } from "../support/childProcess.ts"
import { printTable, type Row } from "../support/table.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { postgresCpuUs } from "./processFigures.ts"
import { type CrowdMeasured, type CrowdPlan, type Design, designs } from "./turnsOfUsers.ts"

const program = fileURLToPath(new URL("./crowdWorker.ts", import.meta.url))

/** A fifth of the real one: five times as many syncs in the time there is. */
const intervalMs = 180_000
const sizes = [1_000, 10_000, 100_000] as const
/** A naive tick is over in a few seconds; of ours a part of the interval is as good as another. */
const runMsOf = (design: Design, users: number) => design === "due queue and actors" ? 10_000 : 1_000 + users / 10

/** Some never answer, which no client of a first day has a limit for, and a twentieth fails. */
const troubled = { users: 2_000, intervalMs: 5_000, runMs: 16_000, hangingEvery: 200, failingEvery: 20 }

const measure = Effect.fnUntraced(function* (dataDir: string, plan: CrowdPlan) {
  const before = postgresCpuUs(dataDir)
  const { announced } = yield* startProcess({
    command: [process.execPath, "run", "-A", "--v8-flags=--expose-gc", program, JSON.stringify(plan)],
    announces: /measured (\{.*\})/,
    announceMaxMs: 60_000 + plan.runMs + plan.users,
  })
  const measured = JSON.parse(announced) as CrowdMeasured
  const row: Row = {
    name: plan.design,
    value: measured.lateMaxMs,
    more: {
      "late p50 ms": measured.lateP50Ms,
      "late p99 ms": measured.lateP99Ms,
      "syncs": measured.syncs,
      "CPU us/sync": measured.cpuUsPerSync,
      // With what inserting the users took.
      "Postgres CPU s": plan.design === "due queue and actors" ? (postgresCpuUs(dataDir) - before) / 1_000_000 : 0,
      "peak RSS MiB": measured.rssMiB,
      "heap MiB": measured.heapMiB,
      "blocked max ms": measured.blockedMaxMs,
    },
  }
  return row
}, Effect.scoped)

export const compareDesigns = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const dataDir = path.join(folder, "database")
  const { url } = yield* EmbeddedPostgres.start({ dataDir, durable: true, onProgress: () => Effect.void })
  yield* Effect.provide(migrate, PostgresClient.layer({ url, poolMax: 1, applicationName: "tipstream bench" }))
  const databaseUrl = Redacted.value(url)
  const baseline = designs[0]
  for (const users of sizes) {
    const rows: Array<Row> = []
    for (const design of designs) {
      const runMs = runMsOf(design, users)
      const plan = { design, users, intervalMs, runMs, databaseUrl, hangingEvery: 0, failingEvery: 0 }
      rows.push(yield* measure(dataDir, plan))
    }
    printTable({ bench: `actors: ${users} users, all well`, unit: "late max ms", baseline, rows })
    yield* Console.log("")
  }
  const rows: Array<Row> = []
  for (const design of designs) rows.push(yield* measure(dataDir, { design, databaseUrl, ...troubled }))
  printTable({ bench: `actors: ${troubled.users} users, the well ones`, unit: "late max ms", baseline, rows })
}).pipe(Effect.scoped)
