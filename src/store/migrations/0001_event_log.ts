/** The outbox, which the embedded event log reads, and what consumers remember. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE streams (
      stream text PRIMARY KEY,
      partitions smallint NOT NULL,
      last_sequence bigint NOT NULL DEFAULT 0,
      created_at_ms bigint NOT NULL
    )`
  // position orders events of one transaction; (transaction_id, position) is commit order for whoever reads
  // behind the oldest running transaction. sequence is given by the sequencer, in that order, without gaps.
  yield* sql`
    CREATE TABLE outbox (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
      event_id text NOT NULL,
      stream text NOT NULL REFERENCES streams,
      partition smallint NOT NULL,
      subject text NOT NULL,
      headers jsonb NOT NULL,
      payload bytea NOT NULL,
      appended_at_ms bigint NOT NULL,
      sequence bigint
    )`
  yield* sql`CREATE UNIQUE INDEX outbox_event_id ON outbox (event_id)`
  yield* sql`CREATE INDEX outbox_unsequenced ON outbox (transaction_id, position) WHERE sequence IS NULL`
  yield* sql`CREATE UNIQUE INDEX outbox_sequence ON outbox (stream, sequence) WHERE sequence IS NOT NULL`
  yield* sql`CREATE INDEX outbox_lane ON outbox (stream, partition, sequence) WHERE sequence IS NOT NULL`
  yield* sql`CREATE INDEX outbox_age ON outbox (stream, appended_at_ms)`
  yield* sql`
    CREATE TABLE lanes (
      durable text NOT NULL,
      lane smallint NOT NULL,
      stream text NOT NULL REFERENCES streams,
      whole_stream boolean NOT NULL,
      cursor bigint NOT NULL DEFAULT 0,
      pulled_until bigint NOT NULL DEFAULT 0,
      isolate_until bigint NOT NULL DEFAULT 0,
      head_sequence bigint NOT NULL DEFAULT 0,
      head_attempts integer NOT NULL DEFAULT 0,
      retry_at_ms bigint NOT NULL DEFAULT 0,
      holder text,
      held_until_ms bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (durable, lane)
    )`
  yield* sql`
    CREATE TABLE inbox (
      durable text NOT NULL,
      event_id text NOT NULL,
      handled_at_ms bigint NOT NULL,
      PRIMARY KEY (durable, event_id)
    )`
  yield* sql`CREATE INDEX inbox_age ON inbox (handled_at_ms)`
  yield* sql`
    CREATE TABLE dead_letters (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      durable text NOT NULL,
      stream text NOT NULL,
      sequence bigint NOT NULL,
      subject text NOT NULL,
      headers jsonb NOT NULL,
      payload bytea NOT NULL,
      reason text NOT NULL,
      detail text NOT NULL,
      attempts integer NOT NULL,
      died_at_ms bigint NOT NULL,
      UNIQUE (durable, stream, sequence)
    )`
})
