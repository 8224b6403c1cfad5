/**
 * A started service with a hundred thousand users: everything is as in production, but for Todoist, which is the
 * simulator in a process of its own.
 */
import { randomBytes } from "node:crypto"
import path from "node:path"
import { Console, Effect, Redacted } from "effect"
import postgres from "postgres"
import { migrate } from "../../src/store/migrate.ts"
import * as EmbeddedPostgres from "../../src/store/embedded/EmbeddedPostgres.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import { startProcess } from "../support/childProcess.ts"
import { percentile } from "../support/stats.ts"
import { figure, printTable, type Row } from "../support/table.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { type Crowd, followTurns, insertUsers, sealedTokens, type Turns } from "./crowdOfUsers.ts"
import { simulatedAccounts } from "./simulatedAccounts.ts"
import { cpuUsOf, postgresCpuUs, rssMiBOf } from "./processFigures.ts"

export interface NodePlan {
  readonly users: number
  readonly itemsPerUser: number
  /** Nobody's account was read before, so each first turn brings everything. Otherwise a tenth has one new task. */
  readonly firstReads: boolean
  /** Of a user; the due times are spread over it. 0: all are due at once. */
  readonly intervalMs: number
  readonly runMs: number
  /** Which interval the run stands for, over the one it has. */
  readonly scale: number
}

/** For rows to be there before the first of them is due. */
const insertMaxMs = 5_000
/** Between two looks at what was synced; costs Postgres a walk through all connections, some 30 ms. */
const lookEveryMs = 5_000
const quarters = 4
/** Of this many users one has news. */
const newsEvery = 10
/** A little over what is due: a pause is caught up with, and the queue shows what it can do. */
const rateHeadroom = 2
const rateMax = 10_000

interface Node {
  readonly plan: NodePlan
  readonly sql: postgres.Sql
  readonly dataDir: string
  readonly servicePid: number
  readonly simulatorPid: number
  /** What was alive after the last full collection. */
  readonly heapMiB: () => number
  readonly turns: Turns
  readonly startMs: number
}

const start = Effect.fnUntraced(function* (plan: NodePlan) {
  const folder = yield* temporaryFolder
  const dataDir = path.join(folder, "database")
  const { url } = yield* EmbeddedPostgres.start({ dataDir, durable: true, onProgress: () => Effect.void })
  yield* Effect.provide(migrate, PostgresClient.layer({ url, poolMax: 1, applicationName: "tipstream bench" }))
  const databaseUrl = Redacted.value(url)
  const crowd: Crowd = {
    users: plan.users,
    tokenPrefix: "load-",
    vaultKeys: `bench:${randomBytes(32).toString("base64")}`,
  }
  yield* Console.log(`  sealing ${plan.users} credentials`)
  const sealed = yield* Effect.promise(() => sealedTokens(crowd))
  const simulator = yield* simulatedAccounts(folder, {
    count: plan.users,
    itemsEach: plan.itemsPerUser,
    tokenPrefix: crowd.tokenPrefix,
  })
  let heapMiB = Number.NaN
  const service = yield* startProcess({
    command: ["bin/tipstream", "serve"],
    env: {
      LOG_FORMAT: "json",
      DATA_DIR: path.join(folder, "service"),
      PORT: "0",
      DATABASE_URL: databaseUrl,
      TODOIST_BASE_URL: simulator.url,
      TODOIST_SYNC_INTERVAL_MS: String(plan.intervalMs === 0 ? 900_000 : plan.intervalMs),
      SYNC_RATE_MAX: String(syncRateMax(plan)),
      SYNC_START_DELAY_MS: "0",
      VAULT_KEYS: crowd.vaultKeys,
      // The only way to see the heap of a process that is left as it is.
      DENO_V8_FLAGS: "--trace-gc",
    },
    announces: /tipstream is ready: open (http:[^\s"]+)/,
    announceMaxMs: 60_000,
    onLine: (line) => {
      const alive = /Mark-Compact.* -> ([\d.]+) \(/.exec(line)?.[1]
      if (alive !== undefined) heapMiB = Number(alive)
    },
  })
  const sql = yield* Effect.acquireRelease(
    Effect.sync(() => postgres(databaseUrl, { max: 1, onnotice: () => {} })),
    (open) => Effect.promise(() => open.end({ timeout: 5 })),
  )
  const startMs = Date.now() + insertMaxMs
  const dueAtMs = (n: number) => startMs + Math.floor(n * plan.intervalMs / plan.users)
  yield* Effect.promise(() =>
    insertUsers(sql, sealed, {
      dueAtMs,
      accountId: simulator.accountIdOf,
      cursor: (n) => plan.firstReads ? null : simulator.cursorOf(n, n % newsEvery === 0 ? 1 : 0),
    })
  )
  const node: Node = {
    plan,
    sql,
    dataDir,
    servicePid: service.pid,
    simulatorPid: simulator.pid,
    heapMiB: () => heapMiB,
    turns: followTurns(sql, plan.users, dueAtMs),
    startMs,
  }
  return node
})

const syncRateMax = ({ intervalMs, users }: NodePlan): number =>
  intervalMs === 0 ? rateMax : Math.min(rateMax, Math.ceil(rateHeadroom * users * 1_000 / intervalMs))

interface Spent {
  readonly atMs: number
  readonly serviceUs: number
  readonly postgresUs: number
  readonly simulatorUs: number
}

const spentBy = ({ dataDir, servicePid, simulatorPid }: Node): Spent => ({
  atMs: performance.now(),
  serviceUs: cpuUsOf(servicePid),
  postgresUs: postgresCpuUs(dataDir),
  simulatorUs: cpuUsOf(simulatorPid),
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Sample {
  readonly minute: number
  readonly rssMiB: number
  readonly heapMiB: number
}

interface Observed {
  readonly rows: ReadonlyArray<Row>
  readonly samples: ReadonlyArray<Sample>
  readonly syncs: number
}

async function observe(node: Node): Promise<Observed> {
  const { plan, startMs, turns } = node
  await pause(Math.max(0, startMs - Date.now()))
  const samples: Array<Sample> = []
  const rows: Array<Row> = []
  let syncs = 0
  for (let quarter = 1; quarter <= quarters; quarter++) {
    const before = spentBy(node)
    const endMs = startMs + plan.runMs * quarter / quarters
    while (Date.now() < endMs) {
      await pause(Math.min(lookEveryMs, Math.max(0, endMs - Date.now())))
      await turns.look()
      const minute = (Date.now() - startMs) / 60_000
      samples.push({ minute, rssMiB: rssMiBOf(node.servicePid), heapMiB: node.heapMiB() })
    }
    const lateMs = turns.take()
    syncs += lateMs.length
    rows.push(await rowOf(node, `quarter ${quarter}`, lateMs, before))
    console.log(`  ${plan.users} users, quarter ${quarter} of ${quarters}: ${lateMs.length} syncs`)
  }
  return { rows, samples, syncs }
}

async function rowOf(node: Node, name: string, lateMs: Float64Array, before: Spent): Promise<Row> {
  const after = spentBy(node)
  const seconds = (after.atMs - before.atMs) / 1_000
  const each = (of: (spent: Spent) => number) => (of(after) - of(before)) / lateMs.length
  const [open] = await node.sql<Array<{ readonly connections: string }>>`
    SELECT count(*) AS connections FROM pg_stat_activity WHERE application_name = 'tipstream'`
  return {
    name,
    value: rssMiBOf(node.servicePid),
    more: {
      "heap MiB": node.heapMiB(),
      "syncs/s": lateMs.length / seconds,
      "late p50 ms": percentile(lateMs, 50),
      "late p99 ms": percentile(lateMs, 99),
      "late max ms": percentile(lateMs, 100),
      "CPU us/sync": each(({ serviceUs }) => serviceUs),
      "Postgres CPU us/sync": each(({ postgresUs }) => postgresUs),
      "simulator CPU us/sync": each(({ simulatorUs }) => simulatorUs),
      "connections": Number(open!.connections),
    },
  }
}

/** Of the line that fits best, in units per minute. */
function slope(points: ReadonlyArray<readonly [minute: number, value: number]>): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)]
  const covariance = mean(([x, y]) => (x - meanX) * (y - meanY))
  return covariance / mean(([x]) => (x - meanX) ** 2)
}

/** Runs the plan and prints what a quarter of the run after the other cost. */
export const oneNode = Effect.fnUntraced(function* (plan: NodePlan) {
  const node = yield* start(plan)
  const { rows, samples, syncs } = yield* Effect.promise(() => observe(node))
  const waiting = yield* Effect.promise(() => node.turns.waiting())
  const second = samples.slice(samples.length >> 1)
  const rssPerMinute = slope(second.map(({ minute, rssMiB }) => [minute, rssMiB]))
  const heapPerMinute = slope(second.map(({ heapMiB, minute }) => [minute, heapMiB]))
  const title = plan.intervalMs === 0
    ? `${plan.users} users due at once`
    : `${plan.users} users over ${figure(plan.intervalMs / 1_000)} s`
  printTable({ bench: `actors: ${title}`, unit: "RSS MiB", baseline: "quarter 1", rows })
  yield* Console.log(JSON.stringify({
    bench: `actors: ${title}`,
    scale: plan.scale,
    ranSeconds: plan.runMs / 1_000,
    standsForMinutes: plan.runMs * plan.scale / 60_000,
    itemsPerUser: plan.itemsPerUser,
    firstReads: plan.firstReads,
    syncs,
    dueAndWaiting: waiting.users,
    longestWaitMs: waiting.longestMs,
    failing: waiting.failing,
    rssMiBPerMinuteSecondHalf: rssPerMinute,
    heapMiBPerMinuteSecondHalf: heapPerMinute,
  }))
}, Effect.scoped)
