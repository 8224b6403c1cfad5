/** One row per effect, in the transaction of the inbox; slow, failing or deadly where the event says so. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { ReceivedEvent } from "../../../src/streams/Consumer.ts"
import process from "node:process"
import { kindOf } from "../events.ts"
import type { Journal } from "./journal.ts"
import type { ReplicaOptions } from "./options.ts"
import type { Points } from "./points.ts"

/** One is enough to end the process: with two, each would spend attempts of the other. */
const deadlyDurable = "chaos_by_user"

class Poisoned extends Schema.TaggedError<Poisoned>()("Poisoned", {}) {}

export const handlerOf = (durable: string, options: ReplicaOptions, journal: Journal, points: Points) =>
  Effect.fnUntraced(function* (events: ReadonlyArray<ReceivedEvent>) {
    const sql = yield* SqlClient.SqlClient
    journal.write({ kind: "handling", durable, eventIds: events.map(({ envelope }) => envelope.id) })
    for (const { envelope } of events) {
      if (options.slowMs > 0) yield* Effect.sleep(options.slowMs)
      if (kindOf(envelope.id) === "crash" && durable === deadlyDurable) process.exit(1)
      if (kindOf(envelope.id) === "poison") return yield* new Poisoned()
    }
    points.reach("effect")
    const rows = events.map(({ envelope, sequence }) => ({
      event_id: envelope.id,
      tenant_id: envelope.tenantId,
      user_id: envelope.userId,
      sequence,
    }))
    yield* sql`
      INSERT INTO chaos_effects (durable, event_id, tenant_id, user_id, sequence, replica)
      SELECT ${durable}, event_id, tenant_id, user_id, sequence, ${options.name}
      FROM ROWS FROM (jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
        AS (event_id text, tenant_id text, user_id text, sequence bigint)) WITH ORDINALITY
        AS event(event_id, tenant_id, user_id, sequence, n) ORDER BY n`
      .pipe(Effect.mapError((cause) => new StoreUnavailable({ operation: "chaos effect", cause })))
    points.reach("commit")
  })
