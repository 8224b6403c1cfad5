/**
 * A process that lives as the service does, for tests that kill it: starts the embedded server in the folder given,
 * prints one JSON line per fact, and keeps the server until the first SIGINT, on which it drains before it stops.
 */
import { Effect, Redacted } from "effect"
import process from "node:process"
import postgres from "postgres"
import { start } from "../../src/store/embedded/EmbeddedPostgres.ts"

const print = (fact: Record<string, unknown>) =>
  Effect.sync(() => void process.stdout.write(`${JSON.stringify(fact)}\n`))

// From the first moment: without a handler a SIGINT ends the process.
const interrupted = Promise.withResolvers<void>()
process.once("SIGINT", () => interrupted.resolve())

/** Longer than a server takes to obey a SIGINT of its own, which it must not have got. */
const drain = (url: string): Promise<unknown> => {
  const sql = postgres(url, { max: 1 })
  return sql`SELECT pg_sleep(0.5)`.then(() => sql.end())
}

const service = Effect.gen(function* () {
  const dataDir = process.argv[2] ?? ""
  const running = yield* start({ dataDir, durable: true, onProgress: (step) => print({ step }) })
  const url = Redacted.value(running.url)
  yield* print({ pid: running.pid, url })
  yield* Effect.raceFirst(Effect.promise(() => interrupted.promise), running.exited)
  yield* Effect.promise(() => drain(url))
  yield* print({ drained: true })
})

await Effect.runPromise(
  Effect.scoped(service).pipe(Effect.catch((error) => print({ error: error._tag, message: error.message }))),
)
