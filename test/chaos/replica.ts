/**
 * A replica of the service cut down to what carries events: the production adapters, and a handler that can be hurt.
 * Prints `ready` when its consumers run, `reached <point>` before it hurts itself; ends on SIGTERM in good order.
 */
import { Effect, Fiber, Layer, Redacted } from "effect"
import process from "node:process"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlInbox from "../../src/store/SqlInbox.ts"
import * as Consumer from "../../src/streams/Consumer.ts"
import { EventLog } from "../../src/streams/EventLog.ts"
import { handlerOf } from "./replica/handler.ts"
import { openJournal } from "./replica/journal.ts"
import type { Journal } from "./replica/journal.ts"
import * as Log from "./replica/log.ts"
import { chaosConsumers } from "./replica/contract.ts"
import { optionsVariable } from "./replica/options.ts"
import type { ReplicaOptions } from "./replica/options.ts"
import { pointsOf } from "./replica/points.ts"

const options: ReplicaOptions = JSON.parse(process.env[optionsVariable] ?? "{}")
const journal = openJournal(options.historyFile, options.name)
const points = pointsOf(options.faults, (point) => print(`reached ${point}`))

/** At once: a process that kills itself next flushes nothing. */
function print(line: string) {
  process.stdout.write(`${line}\n`)
}

const reportEveryMs = 100

const report = Effect.fnUntraced(function* (to: Journal) {
  const log = yield* EventLog
  const { isUp, problems } = yield* log.state
  to.write({ kind: "state", isUp, problems, rssMiB: Math.round(process.memoryUsage().rss / 1_048_576) })
  yield* Effect.sleep(reportEveryMs)
})

const replica = Effect.gen(function* () {
  const log = yield* EventLog
  yield* Effect.addFinalizer(() => log.release)
  for (const consumer of chaosConsumers(options.batchMax)) {
    const handle = handlerOf(consumer.durable, options, journal, points)
    yield* Effect.forkScoped(Consumer.run({ consumer, attemptsMax: options.attemptsMax, handle }))
  }
  yield* Effect.forkScoped(Effect.forever(report(journal)))
  print("ready")
  yield* Effect.never
})

const client = PostgresClient.layer({
  url: Redacted.make(options.databaseUrl),
  poolMax: 12,
  applicationName: options.name,
})
const layers = Layer.mergeAll(Log.layer(options, journal, points), SqlInbox.layer).pipe(Layer.provideMerge(client))

const fiber = Effect.runFork(Effect.provide(Effect.scoped(replica), layers))
process.once("SIGTERM", () => Effect.runFork(Fiber.interrupt(fiber)))
fiber.addObserver((exit) => {
  if (exit._tag === "Failure" && !process.exitCode) console.error(exit.cause.reasons.map(String).join("\n"))
  process.exit(exit._tag === "Success" ? 0 : exit.cause.reasons.every(({ _tag }) => _tag === "Interrupt") ? 0 : 1)
})
