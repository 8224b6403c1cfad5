/**
 * Writers beside each other: each owns some users and appends their events in transactions of random length, some of
 * which roll back. What they say was committed is what has to have its effect.
 */
import { Duration, Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { nextInt, nextUnit, pick, seeded } from "../../simulator/random.ts"
import * as LogSignals from "../../src/store/LogSignals.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlOutbox from "../../src/store/SqlOutbox.ts"
import { Outbox } from "../../src/streams/Outbox.ts"
import type { Author, Kind } from "./events.ts"
import { eventIdOf, eventOf } from "./events.ts"

export interface ProducerOptions {
  /** Events to commit, about; at most as many as there is time for. */
  readonly events: number
  readonly writers: number
  readonly authors: ReadonlyArray<Author>
  /** Milliseconds between two transactions of one writer, at most. */
  readonly pauseMaxMs: number
  readonly kindOf: (draw: number, author: Author) => Kind
}

export interface Committed {
  readonly eventId: string
  readonly author: Author
}

export interface Production {
  /** In the order of the commits of each author. Grows while producing. */
  readonly committed: ReadonlyArray<Committed>
  readonly done: Promise<void>
  /** After the transactions under way. */
  readonly stop: () => Promise<void>
}

const transactionMaxEvents = 12
/** Long enough for others to commit in between with higher numbers. */
const transactionMaxMs = 60
const rollbackShare = 0.05

export const produce = (
  target: { readonly databaseUrl: string; readonly partitions: number; readonly seed: string },
  options: ProducerOptions,
): Production => {
  const { events, writers, authors, pauseMaxMs, kindOf } = options
  const client = PostgresClient.layer({
    url: Redacted.make(target.databaseUrl),
    poolMax: writers + 1,
    applicationName: "chaos producers",
  })
  const runtime = ManagedRuntime.make(
    SqlOutbox.layer({ partitions: target.partitions }).pipe(
      Layer.provide(LogSignals.layer),
      Layer.provideMerge(client),
    ),
  )
  const committed: Array<Committed> = []
  let isStopped = false
  let number = 0
  const isOver = () => isStopped || number >= events

  const write = Effect.fnUntraced(function* (writer: number) {
    const sql = yield* SqlClient.SqlClient
    const outbox = yield* Outbox
    const random = seeded(`${target.seed}/writer/${writer}`)
    const own = authors.filter((_, index) => index % writers === writer)
    while (!isOver() && own.length > 0) {
      const batch = Array.from({ length: nextInt(random, 1, transactionMaxEvents) }, (): Committed => {
        const author = pick(random, own)
        return { author, eventId: eventIdOf(kindOf(nextUnit(random), author), author, ++number) }
      })
      const restMs = nextInt(random, 0, transactionMaxMs)
      const rollsBack = nextUnit(random) < rollbackShare
      const transaction = Effect.gen(function* () {
        yield* outbox.append(batch.map(({ author, eventId }) => eventOf(eventId, author, Date.now())))
        yield* Effect.sleep(Duration.millis(restMs))
        if (rollsBack) yield* Effect.fail("rolled back" as const)
      })
      const ended = yield* Effect.exit(sql.withTransaction(transaction))
      if (ended._tag === "Success") committed.push(...batch)
      else if (!rollsBack) yield* ended
      yield* Effect.sleep(Duration.millis(nextInt(random, 0, pauseMaxMs)))
    }
  })

  const done = runtime.runPromise(
    Effect.forEach(Array.from({ length: writers }, (_, writer) => writer), write, {
      concurrency: "unbounded",
      discard: true,
    }).pipe(Effect.orDie),
  ).finally(() => runtime.dispose())
  done.catch(() => {})
  return { committed, done, stop: () => (isStopped = true, done) }
}
