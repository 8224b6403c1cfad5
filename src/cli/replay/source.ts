/**
 * The log that is replayed: the broker of `NATS_URL`, else the database of `DATABASE_URL`, else the embedded one, which
 * is asked where it runs, and started for as long as this takes where it does not. Nothing is changed in any of them.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import type { Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { Config } from "../../config.ts"
import { messagesAfter, sequenceAt as rowAt, streamInfo } from "../../store/eventLogQueries.ts"
import * as PostgresClient from "../../store/PostgresClient.ts"
import { failureOf, whereOf } from "../../store/PostgresProbe.ts"
import type { EventLog, StreamInfo } from "../../streams/EventLog.ts"
import { Nats } from "../../streams/jetstream/NatsConnection.ts"
import { lookAtStream, replayStream, sequenceAt } from "../../streams/jetstream/replayStream.ts"
import { replayPages } from "../../streams/replayPages.ts"
import { natsLayer } from "../broker.ts"
import { embeddedDatabase } from "../embeddedDatabase.ts"
import { CannotStart } from "../problem.ts"

export interface Source extends Pick<EventLog["Service"], "replay" | "sequenceAt"> {
  readonly log: "embedded" | "jetstream"
  /** Undefined when there is no such stream. */
  readonly look: (stream: StreamInfo["stream"]) => Effect.Effect<StreamInfo | undefined, StoreUnavailable>
}

/** A server that does not answer a first question in this time is reported. */
const lookMaxMs = 10_000

export const sourceOf = (
  config: Config,
  say: (line: string) => Effect.Effect<void>,
): Effect.Effect<Source, CannotStart, Scope.Scope> =>
  config.natsUrl === undefined ? databaseSource(config, say) : brokerSource(config)

const brokerSource = Effect.fnUntraced(function* (config: Config) {
  const context = yield* Layer.build(natsLayer(config)).pipe(Effect.mapError(inOneLine))
  const nats = Context.get(context, Nats)
  return {
    log: "jetstream",
    replay: (range) => replayStream(nats, range),
    sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    look: (stream) => lookAtStream(nats, stream),
  } satisfies Source
})

const databaseSource = Effect.fnUntraced(function* (config: Config, say: (line: string) => Effect.Effect<void>) {
  const url = config.databaseUrl ?? (yield* embeddedDatabase(config.dataDir, nothingThere, say))
  const unusable = (error: SqlError.SqlError) => inOneLine(failureOf(whereOf(Redacted.value(url)), error.reason.cause))
  const context = yield* Layer.build(PostgresClient.layer({ url, poolMax: 2, applicationName: "tipstream replay" }))
    .pipe(Effect.mapError(unusable), Effect.timeoutOrElse({ duration: lookMaxMs, orElse: () => Effect.fail(tooSlow) }))
  const ask = <A>(operation: string, query: Effect.Effect<A, unknown, SqlClient.SqlClient>) =>
    Effect.provideContext(query, context).pipe(
      Effect.mapError((cause) => new StoreUnavailable({ operation, cause })),
    )
  return {
    log: "embedded",
    replay: (range) =>
      replayPages(range, (stream, after, limit) => ask("read", messagesAfter(stream, undefined, after, limit))),
    sequenceAt: (stream, atMs) => ask("sequenceAt", rowAt(stream, atMs)),
    look: (stream) => Effect.map(ask("streams", streamInfo), (all) => all.find((one) => one.stream === stream)),
  } satisfies Source
})

const nothingThere = (folder: string) =>
  `there is no log in ${folder}: set DATA_DIR, DATABASE_URL or NATS_URL to what the service has`

const tooSlow = new CannotStart({ lines: [`the database did not answer in ${lookMaxMs} ms`] })

const inOneLine = (error: { readonly message: string }) => new CannotStart({ lines: [error.message] })
