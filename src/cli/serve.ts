/** `tipstream serve`: everything up, one line a step; then down again in order, leaving nothing behind. */
import process from "node:process"
import { Cause, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import type { SqlError } from "effect/sql"
import { readConfig } from "../config.ts"
import type { Config } from "../config.ts"
import { Lifecycle } from "../http/Lifecycle.ts"
import * as Tracing from "../observability/tracing.ts"
import * as EmbeddedPostgres from "../store/embedded/EmbeddedPostgres.ts"
import { DiskFull } from "../store/embedded/EmbeddedPostgresErrors.ts"
import { saysDiskFull } from "../store/embedded/FileSystemFailure.ts"
import { failureOf, probe, whereOf } from "../store/PostgresProbe.ts"
import { prepareDemo } from "./demo.ts"
import { CannotStart } from "./problem.ts"
import * as Progress from "./progress.ts"
import { runtimeName, version } from "./runtime.ts"
import { layer as serviceLayer } from "./service.ts"
import * as SimulatorChild from "./simulatorChild.ts"
import { todoistAddresses } from "./todoistAddresses.ts"
import { vaultKeys } from "./vaultKeys.ts"

const syncIntervalMs = 15 * 60_000
/** People who come first after a start are served first. */
const syncStartDelayMs = 2_000
/** The simulated account lives fast, so that a newcomer sees things move. */
const demoSyncIntervalMs = 15_000

/** A database that is not there is reported, not waited for; one behind a slow network gets the time. */
const probeMaxMs = 10_000

export interface ServeOptions {
  readonly demo: boolean
  readonly onReady: () => void
}

export const serve = Effect.fnUntraced(function* (options: ServeOptions) {
  const { config, problems } = readConfig()
  if (config === undefined) {
    const lines = ["the configuration is not right:", ...problems.map((one) => `  ${one}`)]
    return yield* new CannotStart({ lines: problems.length === 1 ? problems : lines })
  }
  if (options.demo && !isLoopback(config.host)) {
    return yield* new CannotStart({
      lines: [`--demo signs anybody in: HOST must be a loopback address, not ${config.host}`],
    })
  }
  yield* Effect.scoped(run(config, options)).pipe(
    // On top of our logger: a collector takes lines beside it, not in its place.
    Effect.provide(
      Tracing.layer({ otlpEndpoint: config.otlpEndpoint, version }).pipe(Layer.provideMerge(Progress.layer(config))),
    ),
  )
})

const run = Effect.fnUntraced(function* (config: Config, options: ServeOptions) {
  const { step, tell } = yield* Progress.Progress
  yield* tell(`tipstream ${version} on ${runtimeName}`)
  const database = yield* databaseOf(config, step)
  yield* Effect.raceFirst(runOn(database, config, options), database.exited)
})

/** From an open database to a running service, and on until the fiber is interrupted. */
const runOn = Effect.fnUntraced(function* (database: Database, config: Config, { demo, onReady }: ServeOptions) {
  const { step, tell } = yield* Progress.Progress
  const simulated = demo && config.todoistBaseUrl === undefined && config.todoistToken === undefined
  if (simulated) yield* step("starting the Todoist simulator")
  const simulator = simulated ? yield* SimulatorChild.start(config.dataDir) : undefined
  if (config.natsUrl !== undefined) yield* step("connecting to NATS")
  yield* step("starting the service")
  const services = yield* Layer.build(serviceLayer(config, {
    databaseUrl: database.url,
    vaultKeys: yield* vaultKeys(config.vaultKeys, config.dataDir),
    holder: database.holder,
    todoist: todoistAddresses(config, simulator),
    syncStartDelayMs: config.syncStartDelayMs ?? (simulated ? 0 : syncStartDelayMs),
    syncIntervalMs: config.todoistSyncIntervalMs ?? (simulated ? demoSyncIntervalMs : syncIntervalMs),
    demo,
    simulator,
    version,
    runtime: runtimeName,
  })).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(database.problem(error))))
  yield* Effect.gen(function* () {
    const lifecycle = yield* Lifecycle
    // Released first: from now on `/ready` says so. The rest of the way down is the order of src/cli/service.ts.
    yield* Effect.addFinalizer((exit) =>
      Effect.andThen(
        lifecycle.enter("draining"),
        exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)
          ? Effect.void
          : tell("stopping: finishing what is under way"),
      )
    )
    const address = addressOf(yield* HttpServer.HttpServer)
    if (simulator !== undefined) yield* SimulatorChild.sendWebhooksTo(simulator, address)
    const token = demoToken(config, simulator)
    if (demo && token !== undefined) yield* firstTip(token, config.todoistToken !== undefined)
    yield* lifecycle.enter("running")
    yield* tellReady({ config, address, simulatorUrl: simulator?.url, demo })
    onReady()
    return yield* Effect.never
  }).pipe(Effect.provideContext(services))
})

const firstTip = Effect.fnUntraced(function* (token: Redacted.Redacted<string>, isGiven: boolean) {
  const { step } = yield* Progress.Progress
  yield* step("syncing the demo user")
  const { title, problem } = yield* prepareDemo(token, isGiven)
  if (problem !== null) yield* step(`the first sync failed and is tried again by itself: ${problem}`)
  if (title !== null) yield* step(`your tip is waiting: ${title}`, "a tip is waiting")
})

type Database = Effect.Success<ReturnType<typeof databaseOf>>

/**
 * The configured database, or a server of our own in the data folder. `exited` fails when that one ends by itself;
 * `problem` is what a statement that fails on the way up means.
 */
const databaseOf = Effect.fnUntraced(function* (config: Config, step: (text: string) => Effect.Effect<void>) {
  if (config.databaseUrl !== undefined) {
    yield* step("connecting to the database")
    const url = config.databaseUrl
    yield* probe({ url, timeoutMs: probeMaxMs })
    const problem = ({ reason }: SqlError.SqlError) => failureOf(whereOf(Redacted.value(url)), reason.cause)
    return { url, holder: `${process.pid}-${crypto.randomUUID()}`, exited: Effect.never, problem }
  }
  yield* step(`starting Postgres in ${config.dataDir}`)
  const { url, exited } = yield* EmbeddedPostgres.start({ dataDir: config.dataDir, durable: true, onProgress: step })
  // The lock of the folder lets one process in, so what the last one held is ours at once.
  const problem = (error: SqlError.SqlError) =>
    saysDiskFull(error.reason.message) ? new DiskFull({ dataDir: config.dataDir }) : error
  return { url, holder: "embedded", exited, problem }
})

const demoToken = (config: Config, simulator: SimulatorChild.RunningSimulator | undefined) =>
  config.todoistToken ?? (simulator === undefined ? undefined : Redacted.make(simulator.token))

const addressOf = ({ address }: HttpServer.HttpServer["Service"]): string =>
  HttpServer.formatAddress(address).replace("0.0.0.0", "127.0.0.1")

const tellReady = Effect.fnUntraced(function* (up: {
  readonly config: Config
  readonly address: string
  readonly simulatorUrl: string | undefined
  readonly demo: boolean
}) {
  const { tell } = yield* Progress.Progress
  const url = up.config.publicUrl ?? up.address
  const operator = up.demo ? `${up.address}/operator` : undefined
  const simulator = up.simulatorUrl
  yield* tell(`tipstream is ready: open ${url}`, {
    lines: [
      ...(operator === undefined ? [] : [`operator page: ${operator}`]),
      ...(simulator === undefined ? [] : [`the simulated Todoist: ${simulator}`]),
      "stop with Ctrl-C",
    ],
    fields: { url, ...(operator === undefined ? {} : { operator }), ...(simulator === undefined ? {} : { simulator }) },
  })
})

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)
