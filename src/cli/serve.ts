/** `tipstream serve`: everything up, one line a step; then down again in order, leaving nothing behind. */
import process from "node:process"
import { Console, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { Actors } from "../actors/Actors.ts"
import { readConfig } from "../config.ts"
import type { Config } from "../config.ts"
import { Lifecycle } from "../http/Lifecycle.ts"
import * as Logger from "../observability/logger.ts"
import * as Tracing from "../observability/tracing.ts"
import * as EmbeddedPostgres from "../store/embedded/EmbeddedPostgres.ts"
import { prepareDemo } from "./demo.ts"
import { CannotStart } from "./problem.ts"
import { runtimeName, version } from "./runtime.ts"
import { layer as serviceLayer } from "./service.ts"
import * as SimulatorChild from "./simulatorChild.ts"
import { vaultKeys } from "./vaultKeys.ts"

const todoistUrl = "https://api.todoist.com"
const syncIntervalMs = 15 * 60_000
/** The simulated account lives fast, so that a newcomer sees things move. */
const demoSyncIntervalMs = 15_000

export const serve = Effect.fnUntraced(function* (options: { readonly demo: boolean }) {
  const { config, problems } = readConfig()
  if (config === undefined) {
    return yield* new CannotStart({ lines: ["the configuration is not right:", ...problems.map((one) => `  ${one}`)] })
  }
  if (options.demo && !isLoopback(config.host)) {
    return yield* new CannotStart({
      lines: [`--demo signs anybody in: HOST must be a loopback address, not ${config.host}`],
    })
  }
  yield* Effect.scoped(run(config, options.demo)).pipe(
    Effect.provide(Layer.merge(logger(config), Tracing.layer({ otlpEndpoint: config.otlpEndpoint, version }))),
  )
})

const run = Effect.fnUntraced(function* (config: Config, demo: boolean) {
  const step = (text: string) => Console.log(`  ${text}`)
  yield* Console.log(`tipstream ${version} on ${runtimeName}`)
  const database = yield* databaseOf(config, step)
  const simulated = demo && config.todoistBaseUrl === undefined && config.todoistToken === undefined
  if (simulated) yield* step("starting the Todoist simulator")
  const simulator = simulated ? yield* SimulatorChild.start(config.dataDir) : undefined
  yield* step("starting the service")
  const services = yield* Layer.build(serviceLayer(config, {
    databaseUrl: database.url,
    vaultKeys: yield* vaultKeys(config.vaultKeys, config.dataDir),
    holder: database.holder,
    todoistBaseUrl: simulator?.url ?? config.todoistBaseUrl ?? todoistUrl,
    syncIntervalMs: config.todoistSyncIntervalMs ?? (simulated ? demoSyncIntervalMs : syncIntervalMs),
    demo,
    simulator,
    version,
    runtime: runtimeName,
  }))
  yield* Effect.gen(function* () {
    const lifecycle = yield* Lifecycle
    const actors = yield* Actors
    // Released first: refuse work, finish what is under way.
    yield* Effect.addFinalizer(() =>
      Console.log("stopping: finishing what is under way").pipe(
        Effect.andThen(lifecycle.enter("draining")),
        Effect.andThen(Effect.timeoutOption(actors.drain, config.shutdownGraceMs)),
      )
    )
    const address = addressOf(yield* HttpServer.HttpServer)
    const token = demoToken(config, simulator)
    if (demo && token !== undefined) {
      yield* step("syncing the demo user")
      const { title, problem } = yield* prepareDemo(token)
      if (problem !== null) yield* step(`the first sync failed and is tried again by itself: ${problem}`)
      if (title !== null) yield* step(`your tip is waiting: ${title}`)
    }
    yield* lifecycle.enter("running")
    yield* Console.log(readyLines(config, address, simulator?.url, demo).join("\n"))
    yield* database.exited
  }).pipe(Effect.provideContext(services))
})

/** The configured database, or a server of our own in the data folder. `exited` fails when that one ends by itself. */
const databaseOf = Effect.fnUntraced(function* (config: Config, step: (text: string) => Effect.Effect<void>) {
  if (config.databaseUrl !== undefined) {
    yield* step("connecting to the database")
    return { url: config.databaseUrl, holder: `${process.pid}-${crypto.randomUUID()}`, exited: Effect.never }
  }
  yield* step(`starting Postgres in ${config.dataDir}`)
  const { url, exited } = yield* EmbeddedPostgres.start({ dataDir: config.dataDir, durable: true, onProgress: step })
  // The lock of the folder lets one process in, so what the last one held is ours at once.
  return { url, holder: "embedded", exited }
})

const demoToken = (config: Config, simulator: SimulatorChild.RunningSimulator | undefined) =>
  config.todoistToken ?? (simulator === undefined ? undefined : Redacted.make(simulator.token))

const logger = (config: Config) =>
  Logger.layer({
    level: config.logLevel,
    format: config.logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : config.logFormat,
  })

const addressOf = ({ address }: HttpServer.HttpServer["Service"]): string =>
  HttpServer.formatAddress(address).replace("0.0.0.0", "127.0.0.1")

const readyLines = (
  config: Config,
  address: string,
  simulatorUrl: string | undefined,
  demo: boolean,
): ReadonlyArray<string> => [
  "",
  `tipstream is ready: open ${config.publicUrl ?? address}`,
  ...(demo ? [`  operator page: ${address}/operator`] : []),
  ...(simulatorUrl === undefined ? [] : [`  the simulated Todoist: ${simulatorUrl}`]),
  "  stop with Ctrl-C",
]

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)
