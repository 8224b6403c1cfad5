/**
 * Events per second from the outbox to NATS JetStream, and what one costs this process. Beside the relay: its publisher
 * alone, the client's own `publish` with as many in flight, and the least a client can do.
 *
 * One nats-server and one Postgres with fsync on, both started for it. The candidates take turns; figures are medians
 * over the rounds. The relay reads what waits, publishes it and marks it; appending is not measured.
 *
 *   npm run bench relay -- --messages 50000
 */
import path from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Redacted, References } from "effect"
import { SqlClient } from "effect/sql"
import * as EmbeddedPostgres from "../src/store/embedded/EmbeddedPostgres.ts"
import { prepareStreams } from "../src/store/installation.ts"
import * as LogSignals from "../src/store/LogSignals.ts"
import { migrate } from "../src/store/migrate.ts"
import * as PostgresClient from "../src/store/PostgresClient.ts"
import * as SqlDeadLetters from "../src/store/SqlDeadLetters.ts"
import * as SqlOutboxRows from "../src/store/SqlOutboxRows.ts"
import { Broker } from "../src/streams/jetstream/Broker.ts"
import * as JetStreamBroker from "../src/streams/jetstream/JetStreamBroker.ts"
import * as NatsConnection from "../src/streams/jetstream/NatsConnection.ts"
import * as Relay from "../src/streams/jetstream/Relay.ts"
import { laneFilter, streamNames } from "../src/streams/names.ts"
import * as Wakeup from "../src/streams/Wakeup.ts"
import { countAcknowledgements, publishEach } from "./relay/rawPublishers.ts"
import { natsServer } from "./support/natsServer.ts"
import { median } from "./support/stats.ts"
import { figure, printTable } from "./support/table.ts"
import { temporaryFolder } from "./support/temporaryFolder.ts"

const rounds = 3
const sizes = [200, 1_024] as const
const messagesDefault = 50_000
const stream = "SIGNALS"
const subject = "tenant.acme.signals.task.appeared.03.anna"
/** As many as the relay reads at once. */
const batchRows = 1_000

const baseline = "client's publish, 256 in flight"

interface Measured {
  readonly perSecond: number
  readonly cpuMicros: number
}

type Setting = { readonly count: number; readonly payload: Uint8Array }
type Services = Broker | NatsConnection.Nats | SqlClient.SqlClient

const timed = Effect.fnUntraced(function* <A, E, R>(count: number, work: Effect.Effect<A, E, R>) {
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  yield* work
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: count / seconds, cpuMicros: (user + system) / count } satisfies Measured
})

const idsOf = (count: number) => Array.from({ length: count }, () => crypto.randomUUID())

const candidates: Readonly<Record<string, (setting: Setting) => Effect.Effect<Measured, unknown, Services>>> = {
  "least: no ids, nothing read": Effect.fnUntraced(function* ({ count, payload }) {
    const { connection } = yield* NatsConnection.Nats
    return yield* timed(count, Effect.promise(() => countAcknowledgements(connection, subject, payload, count)))
  }),
  [baseline]: Effect.fnUntraced(function* ({ count, payload }) {
    const { jetstream } = yield* NatsConnection.Nats
    const ids = idsOf(count)
    return yield* timed(count, Effect.promise(() => publishEach(jetstream, subject, payload, ids)))
  }),
  "relay's publisher": Effect.fnUntraced(function* ({ count, payload }) {
    const broker = yield* Broker
    const messages = idsOf(count).map((id) => ({
      subject,
      payload,
      headers: { "tenant-id": "acme", "Nats-Msg-Id": id },
    }))
    const all = Effect.gen(function* () {
      for (let start = 0; start < count; start += batchRows) {
        const { end } = yield* broker.publishInOrder(messages.slice(start, start + batchRows), start)
        if (end !== undefined) return yield* Effect.die(new Error(`the publish ended with ${end}`))
      }
    })
    return yield* timed(count, all)
  }),
  "relay, outbox to broker": Effect.fnUntraced(function* ({ count, payload }) {
    const sql = yield* SqlClient.SqlClient
    yield* sql`TRUNCATE outbox`
    yield* prepareStreams(8, "jetstream")
    yield* sql`UPDATE streams SET published_until = 0, last_sequence = 0`
    yield* sql`
      INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
      SELECT gen_random_uuid(), ${stream}, 3, ${subject}, '{"tenant-id":"acme"}', ${payload}, 0
      FROM generate_series(1, ${count}::int)`
    yield* sql`VACUUM ANALYZE outbox`
    return yield* timed(count, Effect.scoped(relayUntil(count)))
  }),
}

const relayUntil = Effect.fnUntraced(function* (count: number) {
  const sql = yield* SqlClient.SqlClient
  const { reconnected } = yield* NatsConnection.Nats
  const relay = Relay.layer({ appended: Wakeup.make(), reconnected, alarmRows: Number.MAX_SAFE_INTEGER }).pipe(
    Layer.provide(SqlOutboxRows.layer({ partitions: 8, holder: "bench" })),
    Layer.provide(SqlDeadLetters.layer.pipe(Layer.provide(LogSignals.layer))),
  )
  yield* Layer.build(Layer.fresh(relay))
  while (true) {
    const [mark] = yield* sql<{ readonly until: number }>`
      SELECT published_until AS until FROM streams WHERE stream = ${stream}`
    if (mark?.until === count) return
    yield* Effect.sleep(5)
  }
})

/** Streams made anew, so that no candidate finds another's messages. */
const freshStreams = Effect.gen(function* () {
  const { manager } = yield* NatsConnection.Nats
  yield* Effect.promise(async () => {
    for (const name of streamNames) {
      await manager.streams.delete(name).catch(() => undefined)
      await manager.streams.add({ name, subjects: [laneFilter(name, undefined)] })
    }
  })
})

const measure = Effect.fnUntraced(function* (bytes: number, count: number) {
  const payload = crypto.getRandomValues(new Uint8Array(bytes))
  const measured = new Map<string, Array<Measured>>(Object.keys(candidates).map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    // The first is a warm-up, with less.
    const setting = { payload, count: round === 0 ? Math.ceil(count / 10) : count }
    const figures: Array<string> = []
    for (const [name, run] of Object.entries(candidates)) {
      yield* freshStreams
      const result = yield* run(setting)
      if (round === 0) continue
      measured.get(name)!.push(result)
      figures.push(`${name} ${figure(result.perSecond)}/s`)
    }
    if (round > 0) yield* Console.log(`  ${bytes} B, round ${round} of ${rounds}: ${figures.join(", ")}`)
  }
  return {
    bench: `relay, ${bytes} B`,
    unit: "events/s",
    baseline,
    rows: [...measured].map(([name, results]) => ({
      name,
      value: median(results.map(({ perSecond }) => perSecond)),
      more: { "client CPU us/event": median(results.map(({ cpuMicros }) => cpuMicros)) },
    })),
  }
})

const program = Effect.gen(function* () {
  const { values } = parseArgs({ options: { messages: { type: "string", default: String(messagesDefault) } } })
  const count = Number(values.messages)
  const folder = yield* temporaryFolder
  const { url } = yield* EmbeddedPostgres.start({
    dataDir: path.join(folder, "postgres"),
    durable: true,
    onProgress: () => Effect.void,
  })
  const { url: natsUrl } = yield* natsServer
  const services = Layer.mergeAll(
    JetStreamBroker.layer.pipe(
      Layer.provideMerge(NatsConnection.layer({
        url: Redacted.make(natsUrl),
        credentials: undefined,
        name: "bench",
        waitMs: 10_000,
      })),
    ),
    Layer.effectDiscard(migrate).pipe(
      Layer.provideMerge(PostgresClient.layer({ url, poolMax: 8, applicationName: "bench" })),
    ),
  )
  const tables = yield* Effect.forEach(sizes, (bytes) => measure(bytes, count)).pipe(Effect.provide(services))
  for (const table of tables) {
    yield* Console.log("")
    printTable(table)
  }
})

NodeRuntime.runMain(Effect.scoped(program).pipe(Effect.provideService(References.MinimumLogLevel, "Warn")))
