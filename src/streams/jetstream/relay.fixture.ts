/** A relay between a real database and a real broker, each of which a test may break. */
import { Effect, Layer } from "effect"
import type { Scope } from "effect"
import { SqlClient } from "effect/sql"
import { eventually } from "../../../test/support/eventually.ts"
import * as MigratedDatabase from "../../../test/support/migratedDatabase.ts"
import { nats, urlOf } from "../../../test/support/nats.ts"
import type { NatsServer } from "../../../test/support/nats.ts"
import * as LogSignals from "../../store/LogSignals.ts"
import * as SqlDeadLetters from "../../store/SqlDeadLetters.ts"
import * as SqlOutboxRows from "../../store/SqlOutboxRows.ts"
import { laneFilter, streamNames } from "../names.ts"
import type { StreamName } from "../names.ts"
import * as Wakeup from "../Wakeup.ts"
import { Broker } from "./Broker.ts"
import type { PublishEnd } from "./Broker.ts"
import * as JetStreamBroker from "./JetStreamBroker.ts"
import * as NatsConnection from "./NatsConnection.ts"
import * as Relay from "./Relay.ts"

export interface RunningRelay {
  readonly state: Relay.Relay["Service"]["state"]
  readonly broker: Broker["Service"]
  readonly nats: NatsConnection.Nats["Service"]
  /** How publishes of this relay ended, when not with success. */
  readonly ends: ReadonlyArray<PublishEnd>
}

export interface RelayWorld {
  readonly server: NatsServer
  readonly sql: SqlClient.SqlClient
  readonly appended: Wakeup.Wakeup
  /** One transaction. Numbered and dated as the embedded log would have left them, from this number on. */
  readonly append: (ids: ReadonlyArray<string>, given?: Appended) => Effect.Effect<void, unknown>
  /** Until the scope closes. Two of one name both believe that they lead. */
  readonly start: (name?: string) => Effect.Effect<RunningRelay, unknown, Scope.Scope>
  readonly addStreams: (
    relay: Pick<RunningRelay, "nats">,
    settings?: Partial<Record<StreamName, object>>,
  ) => Effect.Effect<void>
  /** Rows as `[event id, number]`, in the order of their numbers; null while they wait. */
  readonly rows: (stream?: StreamName) => Effect.Effect<ReadonlyArray<readonly [string, number | null]>, unknown>
}

export interface Appended {
  readonly stream?: StreamName
  readonly numberedFrom?: number
  readonly bytes?: number
}

const partitions = 8

export const subjectOf = (stream: StreamName) => `tenant.acme.${stream.toLowerCase()}.task.seen.03.anna`

const makeWorld = Effect.gen(function* () {
  const server = yield* nats
  const sql = yield* SqlClient.SqlClient
  const appended = Wakeup.make()
  const world: RelayWorld = {
    server,
    sql,
    appended,
    append: Effect.fnUntraced(function* (ids, { stream = "SIGNALS", numberedFrom, bytes = 10 } = {}) {
      yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES (${stream}, ${partitions}, 0)
        ON CONFLICT DO NOTHING`
      const rows = JSON.stringify(ids.map((id, index) => ({ id, n: (numberedFrom ?? 0) + index })))
      yield* sql`
        INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms, sequence)
        SELECT id, ${stream}, 3, ${subjectOf(stream)}, '{"tenant-id":"acme"}', ${new Uint8Array(bytes)}, 0,
          ${numberedFrom === undefined ? sql`NULL` : sql`n`}
        FROM jsonb_to_recordset(${rows}::text::jsonb) AS event (id text, n bigint) ORDER BY n`
      if (numberedFrom !== undefined) {
        yield* sql`UPDATE streams SET last_sequence = ${numberedFrom + ids.length - 1} WHERE stream = ${stream}`
      }
      yield* sql.afterCommit(appended.signal)
    }),
    start: (name = "one") => startRelay({ server, sql, appended }, name),
    addStreams: ({ nats }, settings = {}) =>
      Effect.promise(async () => {
        for (const name of streamNames) {
          await nats.manager.streams.add({ name, subjects: [laneFilter(name, undefined)], ...settings[name] })
        }
      }),
    rows: (stream = "SIGNALS") =>
      sql<{ readonly id: string; readonly sequence: number | null }>`
        SELECT event_id AS id, CASE WHEN published_at_ms IS NOT NULL THEN sequence END AS sequence
        FROM outbox WHERE stream = ${stream} ORDER BY outbox.sequence, transaction_id, position`.pipe(
        Effect.map((rows) => rows.map(({ id, sequence }) => [id, sequence] as const)),
      ),
  }
  return world
})

const startRelay = Effect.fnUntraced(
  function* ({ server, sql, appended }: Pick<RelayWorld, "server" | "sql" | "appended">, name: string) {
    const ends: Array<PublishEnd> = []
    const connection = NatsConnection.layer({ url: urlOf(server), credentials: undefined, name, waitMs: 10_000 })
    const recording = Layer.effect(
      Broker,
      Effect.map(Broker, (broker) =>
        Broker.of({
          ...broker,
          publishInOrder: (messages, expected) =>
            Effect.tap(broker.publishInOrder(messages, expected), ({ end }) =>
              Effect.sync(() => {
                if (end !== undefined) ends.push(end)
              })),
        })),
    ).pipe(Layer.provide(JetStreamBroker.layer))
    const relay = Layer.unwrap(Effect.map(
      NatsConnection.Nats,
      ({ reconnected }) => Relay.layer({ appended, reconnected, alarmRows: 1_000 }),
    )).pipe(
      Layer.provide(SqlOutboxRows.layer({ partitions, holder: name })),
      Layer.provide(SqlDeadLetters.layer.pipe(Layer.provide(LogSignals.layer))),
      Layer.provideMerge(recording),
      Layer.provideMerge(connection),
      Layer.provide(Layer.succeed(SqlClient.SqlClient, sql)),
    )
    const context = yield* Layer.build(Layer.fresh(relay))
    return yield* Effect.provide(
      Effect.gen(function* () {
        return { state: (yield* Relay.Relay).state, broker: yield* Broker, nats: yield* NatsConnection.Nats, ends }
      }),
      context,
    )
  },
)

/** A test with a world of its own. */
export const withWorld = <A, E>(run: (world: RelayWorld) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.flatMap(makeWorld, run).pipe(Effect.scoped, Effect.provide(Layer.fresh(MigratedDatabase.layer)))

export const reaches = <A, E>(
  what: string,
  look: Effect.Effect<A, E>,
  holds: (seen: A) => boolean,
  withinMs?: number,
) =>
  Effect.promise(() =>
    eventually(what, async () => {
      const seen = await Effect.runPromise(Effect.orElseSucceed(look, () => undefined))
      return seen !== undefined && holds(seen) ? seen : undefined
    }, withinMs)
  )

/** Message ids on the broker, by number. */
export const storedOn = ({ broker }: Pick<RunningRelay, "broker">, stream: StreamName = "SIGNALS") =>
  Effect.map(
    broker.messages(stream, { fromSequence: 1, toSequence: Number.MAX_SAFE_INTEGER, limit: 100_000 }),
    (messages) => messages.map(({ headers, sequence }) => [headers["Nats-Msg-Id"] ?? "", sequence] as const),
  )

export const names = (prefix: string, count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => `${prefix}${from + index}`)

export const numbered = (ids: ReadonlyArray<string>, from = 1) => ids.map((id, index) => [id, from + index] as const)
