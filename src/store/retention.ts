/**
 * Forgets what has served its time, in bounded steps. An event goes only once every consumer of its stream is past it,
 * however old it is.
 */
import { Clock, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { uuidv7 } from "../../schemas/uuid.ts"
import type { StreamName } from "../streams/names.ts"
import { orUnavailable } from "./unavailable.ts"

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Decisions are evaluated over a quarter; signals are known to the tools they came from. */
export const retentionMs: Record<StreamName, number> = {
  SIGNALS: 7 * dayMs,
  DECISIONS: 90 * dayMs,
  FEEDBACK: 90 * dayMs,
  ACCOUNTS: 90 * dayMs,
}

/** An event comes again within minutes, or by hand from a dead letter, which may have died late and is kept a month. */
const inboxMs = 60 * dayMs
/** Clients repeat a request within seconds; a day covers a laptop that slept over night. */
const idempotencyMs = dayMs
const settledActsMs = 30 * dayMs
const deadLettersMs = 30 * dayMs
/** A task that comes back later than this is told of as a new one. */
const goneTasksMs = 30 * dayMs
/** A tool sends a webhook it had no answer to three times more, a quarter of an hour apart. */
const webhooksMs = 2 * hourMs
/** As long as the events that tell of them; reactions go with their decision. */
const decisionsMs = retentionMs.DECISIONS

/** Rows of one statement: keeps its locks and its transaction short. */
const rowsMax = 5_000

export interface ForgetOptions {
  /** How long an event stays after a broker acknowledged it, in case the broker loses it. */
  readonly outboxKeepMs: number
}

/** One step of everything; how many rows went. Repeat until it is 0. */
export const forget = Effect.fn("retention.forget")(function* ({ outboxKeepMs }: ForgetOptions) {
  const sql = yield* SqlClient.SqlClient
  const nowMs = yield* Clock.currentTimeMillis
  const carried = yield* sql<Carried>`
    SELECT stream, carried_by AS "carriedBy", published_until AS "publishedUntil" FROM streams`
  let forgotten = 0
  for (const stream of carried) {
    forgotten += stream.carriedBy === "embedded"
      ? yield* forgetSettled(sql, stream.stream, nowMs)
      : yield* forgetPublished(sql, stream, nowMs - outboxKeepMs)
  }
  const old: ReadonlyArray<readonly [table: string, age: string, beforeMs: number]> = [
    ["inbox", "handled_at_ms", nowMs - inboxMs],
    ["idempotency_keys", "used_at_ms", nowMs - idempotencyMs],
    ["sessions", "expires_at_ms", nowMs],
    ["sleeps", "until_ms", nowMs],
    ["acts", "settled_at_ms", nowMs - settledActsMs],
    ["gone_tasks", "gone_at_ms", nowMs - goneTasksMs],
    ["webhook_deliveries", "seen_at_ms", nowMs - webhooksMs],
    ["oauth_attempts", "expires_at_ms", nowMs],
    ["dead_letters", "died_at_ms", nowMs - deadLettersMs],
  ]
  for (const [table, age, beforeMs] of old) {
    const rows = yield* sql`
      DELETE FROM ${sql(table)} WHERE ctid IN (
        SELECT ctid FROM ${sql(table)} WHERE ${sql(age)} < ${beforeMs} LIMIT ${rowsMax}
      ) RETURNING 1`
    forgotten += rows.length
  }
  // Ids are version 7: those made before an instant sort before the least id of that instant.
  const oldest = uuidv7(nowMs - decisionsMs, new Uint8Array(10))
  const decisions = yield* sql`
    DELETE FROM decisions WHERE decision_id IN (
      SELECT decision_id FROM decisions WHERE decision_id < ${oldest}::uuid ORDER BY decision_id LIMIT ${rowsMax}
    ) RETURNING 1`
  return forgotten + decisions.length
}, orUnavailable("retention.forget"))

interface Carried {
  readonly stream: StreamName
  readonly carriedBy: "embedded" | "jetstream"
  readonly publishedUntil: number
}

const forgetSettled = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, stream: StreamName, nowMs: number) {
  const rows = yield* sql`
    DELETE FROM outbox WHERE position IN (
      SELECT position FROM outbox
      WHERE stream = ${stream} AND appended_at_ms < ${nowMs - retentionMs[stream]}
        AND sequence <= coalesce((SELECT min(cursor) FROM lanes WHERE lanes.stream = ${stream}
          AND (whole_stream OR lanes.lane = outbox.partition)), sequence)
      LIMIT ${rowsMax}
    ) RETURNING position`
  return rows.length
})

/** Consumers read from the broker, which keeps the events for them; here they only wait for its disk. */
const forgetPublished = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { stream, publishedUntil }: Carried,
  beforeMs: number,
) {
  // Oldest first, so that what is kept has no holes. Numbers and times rise together, so the first rows decide.
  const rows = yield* sql`
    DELETE FROM outbox WHERE position IN (
      SELECT position FROM (
        SELECT position, published_at_ms FROM outbox
        WHERE stream = ${stream} AND sequence <= ${publishedUntil} ORDER BY sequence LIMIT ${rowsMax}
      ) AS oldest
      WHERE published_at_ms < ${beforeMs}
    ) RETURNING position`
  return rows.length
})
