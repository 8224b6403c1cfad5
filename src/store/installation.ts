/** What an installation was made with, and what its log stands on; written down once, and held to at every start. */
import { Clock, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { streamNames } from "../streams/names.ts"

/** The installation was made with another number of partitions: users would change lanes and lose their order. */
export class PartitionsChanged extends Schema.TaggedError<PartitionsChanged>()("PartitionsChanged", {
  installed: Schema.Int,
  configured: Schema.Int,
}) {
  override get message() {
    const { configured, installed } = this
    return `this installation has ${installed} partitions, not ${configured}: set PARTITIONS=${installed}`
  }
}

/** Events were published under the broker's numbers: numbering them here again would give numbers twice. */
export class LogIsOnBroker extends Schema.TaggedError<LogIsOnBroker>()("LogIsOnBroker", {
  events: Schema.Int,
}) {
  override get message() {
    return `the log of this installation is on NATS, with ${this.events} events so far: set NATS_URL`
  }
}

/** Makes the streams known to the database, where they are not, and refuses what would break the log. */
export const prepareStreams = Effect.fnUntraced(function* (partitions: number, carriedBy: "embedded" | "jetstream") {
  const sql = yield* SqlClient.SqlClient
  const nowMs = yield* Clock.currentTimeMillis
  for (const stream of streamNames) {
    yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES (${stream}, ${partitions}, ${nowMs})
      ON CONFLICT DO NOTHING`
  }
  const [row] = yield* sql<{ readonly partitions: number }>`
    SELECT partitions FROM streams WHERE partitions <> ${partitions} LIMIT 1`
  if (row !== undefined) yield* new PartitionsChanged({ installed: row.partitions, configured: partitions })
  if (carriedBy === "embedded") yield* takeBack(sql)
}, orUnavailableUnlessRefused)

/** A broker that was tried and never got an event holds nothing back. */
const takeBack = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [published] = yield* sql<{ readonly events: number }>`
    SELECT coalesce(sum(published_until), 0)::bigint AS events FROM streams WHERE carried_by = 'jetstream'`
  const events = published?.events ?? 0
  if (events > 0) yield* new LogIsOnBroker({ events })
  yield* sql`UPDATE streams SET carried_by = 'embedded' WHERE carried_by = 'jetstream'`
})

function orUnavailableUnlessRefused<A, E, R>(effect: Effect.Effect<A, E | PartitionsChanged | LogIsOnBroker, R>) {
  return Effect.mapError(
    effect,
    (cause) =>
      cause instanceof PartitionsChanged || cause instanceof LogIsOnBroker
        ? cause
        : new StoreUnavailable({ operation: "prepare", cause }),
  )
}
