/** What moving the log to JetStream needs: what was published when, who holds a lane, what became of a dead letter. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Everything up to published_until is on the broker; carried_by names the log that numbers the stream.
  yield* sql`ALTER TABLE streams ADD COLUMN published_until bigint NOT NULL DEFAULT 0`
  yield* sql`ALTER TABLE streams ADD COLUMN carried_by text NOT NULL DEFAULT 'embedded'`
  yield* sql`ALTER TABLE outbox ADD COLUMN published_at_ms bigint`
  // The epoch grows whenever a lane changes hands: a fence for writes of a holder that was paused meanwhile.
  yield* sql`ALTER TABLE lanes ADD COLUMN epoch bigint NOT NULL DEFAULT 0`
  // durables: the consumers a replica runs. During a deploy, one that does not know a consumer gets no share of it.
  yield* sql`
    CREATE TABLE replicas (
      holder text PRIMARY KEY,
      alive_until_ms bigint NOT NULL,
      durables text[] NOT NULL
    )`
  yield* sql`ALTER TABLE dead_letters ADD COLUMN message_id text NOT NULL DEFAULT ''`
  yield* sql`UPDATE dead_letters SET message_id = coalesce(headers ->> 'Nats-Msg-Id', '')`
  // A broker that was set back gives a number again, to another message.
  yield* sql`ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_durable_stream_sequence_key,
    ADD UNIQUE (durable, stream, sequence, message_id)`
  yield* sql`ALTER TABLE dead_letters ADD COLUMN state text NOT NULL DEFAULT 'open'`
  yield* sql`ALTER TABLE dead_letters ADD COLUMN redrives integer NOT NULL DEFAULT 0`
  yield* sql`CREATE INDEX dead_letters_event ON dead_letters (split_part(message_id, ':redrive:', 1))`
})
