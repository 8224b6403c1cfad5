/**
 * A thousand users of whom 200 fail, in every way a tool can fail one of its users: how late are the other 800?
 *
 * A started service, a simulator with the accounts, one Postgres with fsync on. Every user is connected through the API
 * and then synced twice a minute, which leaves two cores time. First nobody fails, then the 200 do, who are looked at
 * from the first moment on. Lateness is how long a healthy user was due and not yet synced, looked at once a second.
 */
import { createHash, randomBytes } from "node:crypto"
import path from "node:path"
import process from "node:process"
import { Console, Effect, Redacted } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import postgres from "postgres"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import { startProcess } from "./support/childProcess.ts"
import { startService } from "./support/service.ts"
import { ascending, percentile } from "./support/stats.ts"
import { printTable } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

const users = 1_000
const failing = 200
const syncIntervalMs = 30_000
/** Three intervals each: everybody has had several turns. */
const phaseMs = 90_000
const settleMs = 45_000

/** All the ways one user's calls can fail while the tool works for others, and what an operator is to read of each. */
const ways = {
  "401": "TokenRejected",
  "403-invalid-token": "TokenRejected",
  "403-scope": "ScopeMissing",
  "429": "RateLimited",
  "429-body-only": "RateLimited",
  "500": "ProviderUnavailable",
  "502-html": "ProviderUnavailable",
  "503": "ProviderUnavailable",
  "slow": "ProviderUnavailable",
  "reset-before-commit": "ProviderUnavailable",
  "reset-after-commit": "ProviderUnavailable",
  "truncated-json": "ProviderUnavailable",
  // These are got over: read from the beginning, left out, and read again.
  "invalid-sync-token": "not late",
  "unknown-enum": "not late",
  "stale-snapshot": "not late",
  // Of a personal token there is no other one.
  "token-expired": "TokenRejected",
} as const

const tokenOf = (n: number) => `crowd-${n}`

const post = async (url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text}`)
  return text
}

interface Crowd {
  readonly origin: string
  readonly simulator: string
  readonly sql: postgres.Sql
}

/** By hand what a sign-up would do; then each connects as a user does. */
const connectAll = async ({ origin, sql }: Crowd) => {
  const later = Date.now() + 3_600_000
  let next = 0
  const worker = async () => {
    for (let n = next++; n < users; n = next++) {
      const session = randomBytes(32).toString("base64url")
      await sql`INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
        VALUES ('default', ${`crowd${n}`}, 'bench', ${String(n)}, 'Crowd', 'UTC', 0)`
      await sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
        VALUES (${createHash("sha256").update(session).digest()}, 'default', ${`crowd${n}`}, 0, ${later})`
      await post(`${origin}/v1/connectors/todoist`, { token: tokenOf(n) }, { cookie: `sid=${session}` })
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** Every fifth user fails, each way in turn. */
const isFailing = (n: number) => n % (users / failing) === 0

const names = Object.keys(ways) as ReadonlyArray<keyof typeof ways>

const wayOf = (n: number) => names[(n / (users / failing)) % names.length]!

const breakSome = async ({ simulator }: Crowd) => {
  for (let n = 0; n < users; n++) {
    if (isFailing(n)) await post(`${simulator}/_sim/faults`, { token: tokenOf(n), rates: { [wayOf(n)]: 1 } })
  }
}

interface Phase {
  readonly latenessMs: ReadonlyArray<number>
  /** Syncs of healthy users. */
  readonly syncs: number
}

/** Samples the healthy users' lateness once a second. */
const watch = async ({ sql }: Crowd): Promise<Phase> => {
  const latenessMs: Array<number> = []
  const versions = () =>
    sql<Array<{ readonly total: string }>>`SELECT sum(version) AS total FROM connections
      WHERE substring(user_id FROM 6)::int % ${users / failing} <> 0 AND user_id LIKE 'crowd%'`
  const before = Number((await versions())[0]!.total)
  const endMs = Date.now() + phaseMs
  while (Date.now() < endMs) {
    const rows = await sql<Array<{ readonly late: string }>>`
      SELECT greatest(0, ${Date.now()} - synced_at_ms - ${1.1 * syncIntervalMs}) AS late FROM connections
      WHERE user_id LIKE 'crowd%' AND substring(user_id FROM 6)::int % ${users / failing} <> 0`
    latenessMs.push(...rows.map(({ late }) => Number(late)))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  return { latenessMs, syncs: Number((await versions())[0]!.total) - before }
}

const rowOf = (name: string, { latenessMs, syncs }: Phase) => {
  const sorted = ascending(latenessMs)
  return {
    name,
    value: syncs / (phaseMs / 1_000),
    more: {
      "late p50 ms": percentile(sorted, 50),
      "late p99 ms": percentile(sorted, 99),
      "late max ms": percentile(sorted, 100),
    },
  }
}

interface Late {
  readonly userId: string
  readonly code: string | null
}

/** As many as the operator's page shows at once. */
const shown = 100

/** As what each way of failing appears: which codes, and how often. */
const codesByWay = (late: ReadonlyArray<Late>) => {
  const seen: Record<string, Record<string, number>> = {}
  for (const { userId, code } of late) {
    const n = Number(userId.slice("crowd".length))
    const way = isFailing(n) ? wayOf(n) : "healthy"
    const counts = seen[way] ??= {}
    counts[code ?? "waiting"] = (counts[code ?? "waiting"] ?? 0) + 1
  }
  return seen
}

/** What the operator sees: the counts, those who are late and why, and what the pages after would show of the rest. */
const operatorView = async ({ origin, sql }: Crowd, adminToken: string) => {
  const headers = { authorization: `Bearer ${adminToken}` }
  const get = async (where: string) => await (await fetch(`${origin}${where}`, { headers })).json()
  const { providers } = await get("/v1/admin/syncs") as { readonly providers: ReadonlyArray<object> }
  const { late } = await get(`/v1/admin/syncs/late?limit=${shown}`) as { readonly late: ReadonlyArray<Late> }
  const all = await sql<Array<Late>>`
    SELECT user_id AS "userId", problem_code AS code FROM connections
    WHERE user_id LIKE 'crowd%' AND (status = 'needs-reconnect' OR failures > 0)`
  const codes = new Map(all.map(({ userId, code }) => [userId, code]))
  const failingNow = Array.from({ length: users }, (_, n) => n).filter(isFailing)
  const asTheyShould = failingNow.filter((n) => (codes.get(`crowd${n}`) ?? "not late") === ways[wayOf(n)])
  return {
    providers,
    shown: { late: late.length, codesByWay: codesByWay(late) },
    all: { late: all.length, codesByWay: codesByWay(all), asTheyShould: `${asTheyShould.length} of ${failing}` },
  }
}

const run = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const { url } = yield* EmbeddedPostgres.start({
    dataDir: path.join(folder, "database"),
    durable: true,
    onProgress: () => Effect.void,
  })
  const databaseUrl = Redacted.value(url)
  const simulator = yield* startProcess({
    command: [process.execPath, "run", "-A", "simulator/main.ts", "--port", "0"],
    announces: /"url":"([^"]+)"/,
    announceMaxMs: 20_000,
  })
  yield* Effect.promise(() =>
    post(`${simulator.announced}/_sim/accounts`, { count: users, itemsPerAccount: 10, tokenPrefix: "crowd-" })
  )
  const adminToken = randomBytes(16).toString("hex")
  const service = yield* startService({
    DATA_DIR: path.join(folder, "service"),
    PORT: "0",
    DATABASE_URL: databaseUrl,
    TODOIST_BASE_URL: simulator.announced,
    TODOIST_SYNC_INTERVAL_MS: String(syncIntervalMs),
    ADMIN_TOKEN: adminToken,
    VAULT_KEYS: `bench:${randomBytes(32).toString("base64")}`,
  }, ["bin/tipstream", "serve"])
  const sql = yield* Effect.acquireRelease(
    Effect.sync(() => postgres(databaseUrl, { max: 4, onnotice: () => {} })),
    (open) => Effect.promise(() => open.end({ timeout: 5 })),
  )
  const crowd: Crowd = { origin: service.announced, simulator: simulator.announced, sql }
  yield* Effect.promise(() => connectAll(crowd))
  yield* Console.log(`  ${users} users are connected`)
  yield* Effect.sleep(settleMs)
  const healthy = yield* Effect.promise(() => watch(crowd))
  yield* Effect.promise(() => breakSome(crowd))
  yield* Console.log(`  ${failing} of them fail from now on, in ${names.length} ways`)
  const troubled = yield* Effect.promise(() => watch(crowd))
  const view = yield* Effect.promise(() => operatorView(crowd, adminToken))
  printTable({
    bench: "crowd",
    unit: "syncs/s of the 800 healthy",
    baseline: "nobody fails",
    rows: [rowOf("nobody fails", healthy), rowOf(`${failing} others fail`, troubled)],
  })
  yield* Console.log(JSON.stringify({ bench: "crowd", operator: view }))
}).pipe(Effect.scoped)

NodeRuntime.runMain(run)
