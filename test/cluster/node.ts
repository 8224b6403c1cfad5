/**
 * One node as a process of its own: the production engine and runtime, and the recorder as its actor. Reads one ask per
 * line, answers each with one, in any order; prints `ready` first and ends on SIGTERM in good order.
 */
import { Cause, Effect, Exit, Fiber, Layer, Option, Redacted } from "effect"
import process from "node:process"
import readline from "node:readline"
import * as ClusterEngine from "../../src/actors/ClusterEngine.ts"
import * as ClusterRuntime from "../../src/cli/ClusterRuntime.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import type { Ask, NodeOptions } from "./nodeProcess.ts"
import { behaviour, Recorded, Request, Superseded } from "./recorder.ts"

const options: NodeOptions = JSON.parse(process.argv[2] ?? "{}")

const print = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)

const node = Effect.gen(function* () {
  const engine = yield* ClusterEngine.make({
    name: "Recorder",
    schemas: { message: Request, reply: Recorded, error: Superseded },
    behaviour: behaviour(options.name),
    mailboxCapacity: 16,
    idleMs: 60_000,
    askTimeoutMs: options.askTimeoutMs,
    actorsMax: 10_000,
    restart: { baseMs: 100, capMs: 1_000, restartsMax: 5, coolDownMs: 10_000 },
  })
  yield* Effect.addFinalizer(() => Effect.timeoutOption(engine.drain, 5_000))
  const answer = ({ call, user, ...message }: Ask) =>
    Effect.map(Effect.exit(engine.ask(user, message)), (exit) => {
      if (Exit.isSuccess(exit)) return print({ call, reply: exit.value })
      const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
      print({ call, failure: failure?._tag ?? Cause.pretty(exit.cause) })
    })
  const context = yield* Effect.context<never>()
  const lines = readline.createInterface({ input: process.stdin })
  lines.on("line", (line) => void Effect.runForkWith(context)(answer(JSON.parse(line))))
  yield* Effect.addFinalizer(() => Effect.sync(() => lines.close()))
  print({ ready: options.name })
  yield* Effect.never
})

const client = PostgresClient.layer({
  url: Redacted.make(options.databaseUrl),
  poolMax: 6,
  applicationName: options.name,
})
const layers = ClusterRuntime.layer({ host: "127.0.0.1", port: options.port, ...options.times }).pipe(
  Layer.provideMerge(client),
)

const fiber = Effect.runFork(Effect.provide(Effect.scoped(node), layers))
process.once("SIGTERM", () => Effect.runFork(Fiber.interrupt(fiber)))
fiber.addObserver((exit) => {
  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) console.error(Cause.pretty(exit.cause))
  process.exit(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? 1 : 0)
})
