/**
 * `tipstream doctor`: looks at everything the service needs here, says what it saw and how to mend what is wrong.
 * Changes nothing, also while the service runs. Checks run at the same time, each bounded; findings are printed in a
 * fixed order as soon as they are known. Exit code 1 when one failed.
 */
import { readFileSync } from "node:fs"
import process from "node:process"
import { Console, Effect, Fiber, Schema } from "effect"
import { readConfig } from "../config.ts"
import type { Config } from "../config.ts"
import { isHealthy, warn } from "./doctor/Finding.ts"
import type { Finding, Judgement } from "./doctor/Finding.ts"
import { lookAtFolder } from "./doctor/folderCheck.ts"
import { judgeClock, judgeDisk, judgeFolder, judgePort, judgeRuntime, judgeSettings } from "./doctor/judge.ts"
import { lookAtNats } from "./doctor/natsCheck.ts"
import { lookAtPermissions } from "./doctor/permissionCheck.ts"
import { lookAtPort } from "./doctor/portCheck.ts"
import { lookAtDatabase } from "./doctor/postgresCheck.ts"
import { jsonOf, rowOf, verdictOf } from "./doctor/report.ts"
import { driftOfClock, lookAtTimeZones, skewOfPostgres } from "./doctor/timeCheck.ts"
import { lookAtTodoist } from "./doctor/todoistCheck.ts"
import { lookAtVault } from "./doctor/vaultCheck.ts"
import { isDeno, runtimeName } from "./runtime.ts"
import { todoistUrl } from "./todoistAddresses.ts"

/** Some check failed; the findings are printed already. */
export class ChecksFailed extends Schema.TaggedError<ChecksFailed>()("ChecksFailed", { verdict: Schema.String }) {
  override get message() {
    return this.verdict
  }
}

/** More than all bounds within one check together: for what hangs where nothing should. */
const checkMaxMs = 6_000

export const doctor = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const read = readConfig()
  const columns = process.stdout.columns ?? 100
  const findings: Array<Finding> = []
  if (!json && process.stdout.isTTY) yield* Console.log("looking at what tipstream needs here")
  for (const [check, fiber] of yield* startChecks(read.config ?? read.rest, read.problems)) {
    const finding = { check, ...(yield* Fiber.join(fiber)) }
    findings.push(finding)
    if (!json) yield* Console.log(rowOf(finding, columns))
  }
  if (json) yield* Console.log(jsonOf(findings))
  const verdict = verdictOf(findings)
  if (!isHealthy(findings)) return yield* new ChecksFailed({ verdict })
  if (!json) yield* Console.log(verdict)
})

/** What takes a permission to find out is left alone when one is missing: it would only repeat that. */
const startChecks = Effect.fnUntraced(function* (config: Config, problems: ReadonlyArray<string>) {
  const permissions = yield* lookAtPermissions(config, config.todoistBaseUrl ?? todoistUrl)
  const checks = {
    runtime: Effect.sync(() => judgeRuntime(runtime, pinnedDeno())),
    settings: Effect.succeed(judgeSettings(problems)),
    permissions: Effect.succeed(permissions),
    "time zones": lookAtTimeZones,
    ...(permissions.status === "fail" ? {} : yield* surroundings(config)),
  } satisfies Record<string, Effect.Effect<Judgement, unknown>>
  return yield* Effect.forEach(
    Object.entries<Effect.Effect<Judgement, unknown>>(checks),
    ([name, check]) => Effect.map(Effect.forkChild(bounded(check)), (fiber) => [name, fiber] as const),
  )
})

const surroundings = Effect.fnUntraced(function* (config: Config) {
  const baseUrl = config.todoistBaseUrl ?? todoistUrl
  const folder = yield* Effect.forkChild(lookAtFolder(config.dataDir))
  const database = yield* Effect.forkChild(
    Effect.flatMap(Fiber.join(folder), (report) => lookAtDatabase(config.databaseUrl, report)),
  )
  const todoist = yield* Effect.forkChild(lookAtTodoist(baseUrl, config.todoistToken))
  const clock = Effect.gen(function* () {
    const { server } = yield* Fiber.join(database)
    const { skew } = yield* Fiber.join(todoist)
    const skews = [...(server === undefined ? [] : [skewOfPostgres(server)]), ...(skew === undefined ? [] : [skew])]
    return judgeClock(skews, yield* driftOfClock)
  })
  const port = Effect.gen(function* () {
    const facts = yield* lookAtPort(config.host, config.port)
    const ownRuns = config.databaseUrl === undefined ? (yield* Fiber.join(folder)).heldBy !== undefined : undefined
    return judgePort(config, facts, ownRuns)
  })
  // With a database and keys of one's own the folder is for the demo alone.
  const atMost = config.databaseUrl !== undefined && config.vaultKeys !== undefined ? "warn" : "fail"
  return {
    "data folder": Effect.map(Fiber.join(folder), (report) => limited(judgeFolder(report), atMost)),
    disk: Effect.map(Fiber.join(folder), ({ freeBytes, nearest }) => limited(judgeDisk(freeBytes, nearest), atMost)),
    postgres: Effect.map(Fiber.join(database), ({ judgement }) => judgement),
    vault: Effect.gen(function* () {
      return yield* lookAtVault(config, (yield* Fiber.join(folder)).folder, yield* Fiber.join(database))
    }),
    nats: lookAtNats(config),
    port,
    clock,
    todoist: Effect.map(Fiber.join(todoist), ({ judgement }) => judgement),
  }
})

const limited = (judgement: Judgement, atMost: "warn" | "fail"): Judgement =>
  judgement.status === "fail" ? { ...judgement, status: atMost } : judgement

/** A check that cannot be made says so; the others go on. */
const bounded = (check: Effect.Effect<Judgement, unknown>): Effect.Effect<Judgement> =>
  check.pipe(
    Effect.timeoutOrElse({
      duration: checkMaxMs,
      orElse: () => Effect.succeed(warn(`no result in ${checkMaxMs / 1_000} s`, "try again on a less busy machine")),
    }),
    Effect.catchCause((cause) =>
      Effect.succeed(warn(`this check failed itself: ${String(cause)}`, "please report it as a mistake of tipstream"))
    ),
  )

const runtime = {
  name: isDeno ? "Deno" : "Node",
  version: runtimeName.split(" ")[1] ?? "",
} as const

const pinnedDeno = (): string => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  return (manifest as { dependencies: { deno: string } }).dependencies.deno
}
