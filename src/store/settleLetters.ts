/**
 * Sending dead letters again, and dropping them. Operators' actions: rare, so one redrive at a time per installation
 * keeps two of them from choosing the same number for one event.
 */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { DeadLetter, LetterFilter, SettleOptions } from "../streams/DeadLetters.ts"
import { baseOf, headersAgain, notOpen, planRedrive, redrivesOf, reportOf } from "../streams/redriving.ts"
import type { LetterToSend, Sending } from "../streams/redriving.ts"
import type { StreamName } from "../streams/names.ts"
import { appendRows } from "./appendRows.ts"
import { matches } from "./letterFilter.ts"
import type { LogSignals } from "./LogSignals.ts"

/** Any constant of our own, and not the sequencer's. */
const lockKey = 7_190_002

/** Messages held in memory at once: a message may have a megabyte. */
const sendingsPerInsert = 20

type LetterRow = LetterToSend["letter"] & { readonly digest: string }

/** To be run in a transaction of its own. */
export const redriveLetters = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  signals: LogSignals["Service"],
  filter: Omit<LetterFilter, "state">,
  { limit, dryRun }: SettleOptions,
) {
  // By itself, first: what follows has to see what whoever held it has done.
  yield* sql`SELECT pg_advisory_xact_lock(${lockKey})`
  const rows = yield* sql<LetterRow>`
    SELECT id, stream, sequence, subject, message_id AS "messageId", redrives, md5(payload) AS digest
    FROM dead_letters WHERE ${matches(sql, { ...filter, state: "open" })} ORDER BY id LIMIT ${limit} FOR UPDATE`
  const [installed] = yield* sql<
    { readonly partitions: number }
  >`SELECT max(partitions)::int AS partitions FROM streams`
  const letters = rows.map(({ digest, ...letter }) => ({ letter, digest }))
  const { sendings, refused } = planRedrive(letters, yield* knownOf(sql, rows), installed?.partitions ?? 0)
  if (!dryRun) {
    for (let start = 0; start < sendings.length; start += sendingsPerInsert) {
      yield* send(sql, signals, sendings.slice(start, start + sendingsPerInsert))
    }
  }
  return reportOf(sendings, [...refused, ...yield* namedOthers(sql, filter, limit, rows)])
})

/** What is known of numbers given before, by letters and by the outbox. */
const knownOf = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, rows: ReadonlyArray<LetterRow>) {
  const bases = JSON.stringify([...new Set(rows.map(baseOf))])
  // The expression of the index `dead_letters_event`. A letter without an id has its number in itself or its twin.
  const relatives = yield* sql<Pick<DeadLetter, "messageId" | "stream" | "sequence" | "redrives">>`
    SELECT message_id AS "messageId", stream, sequence, redrives FROM dead_letters
    WHERE split_part(message_id, ':redrive:', 1) IN (SELECT jsonb_array_elements_text(${bases}::text::jsonb))
      OR (message_id = '' AND 'dlq:' || stream || ':' || sequence
        IN (SELECT jsonb_array_elements_text(${bases}::text::jsonb)))`
  const highest = new Map<string, number>()
  for (const one of relatives) {
    highest.set(baseOf(one), Math.max(highest.get(baseOf(one)) ?? 0, redrivesOf(one)))
  }
  const next = JSON.stringify([...new Set(rows.map(baseOf))].map((base) => ({ base, n: 1 + (highest.get(base) ?? 0) })))
  const used = yield* sql<{ readonly event_id: string }>`
    SELECT event_id FROM outbox
    WHERE event_id IN (
      SELECT base || ':redrive:' || number
      FROM jsonb_to_recordset(${next}::text::jsonb) AS next(base text, n integer),
        generate_series(n, n + ${numbersLooked}::int) AS number)`
  return { highest, taken: new Set(used.map((row) => row.event_id)) }
})

/** Numbers that no letter tells of, because it was dropped: as many as there are consumers, and then some. */
const numbersLooked = 20

const send = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  signals: LogSignals["Service"],
  sendings: ReadonlyArray<Sending>,
) {
  const messages = yield* sql<MessageRow>`
    SELECT id, stream, subject, headers, payload FROM dead_letters
    WHERE id IN (
      SELECT value::bigint
      FROM jsonb_array_elements_text(${JSON.stringify(sendings.map((one) => one.letterId))}::text::jsonb))`
  const byId = new Map(messages.map((message) => [message.id, message]))
  yield* appendRows(
    sql,
    signals,
    sendings.map(({ letterId, messageId, partition }) => {
      const { id: _, headers, ...message } = byId.get(letterId)!
      return { eventId: messageId, ...message, partition, headers: headersAgain(headers, messageId) }
    }),
  )
  const marks = sendings.flatMap(({ letterIds, redrive }) => letterIds.map((id) => ({ id, redrive })))
  yield* sql`
    UPDATE dead_letters SET state = 'redriven', redrives = mark.redrive
    FROM jsonb_to_recordset(${JSON.stringify(marks)}::text::jsonb) AS mark(id bigint, redrive integer)
    WHERE dead_letters.id = mark.id`
})

interface MessageRow {
  readonly id: number
  readonly stream: StreamName
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** Why letters that were named are not among those that were taken. */
const namedOthers = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { ids }: Omit<LetterFilter, "state">,
  limit: number,
  rows: ReadonlyArray<LetterRow>,
) {
  // At the limit, a letter that is missing may only have to wait for its turn.
  if (ids === undefined || rows.length >= limit) return []
  const taken = new Set(rows.map((row) => row.id))
  const others = [...new Set(ids)].filter((id) => !taken.has(id))
  if (others.length === 0) return []
  const known = yield* sql<Pick<DeadLetter, "id" | "state">>`
    SELECT id, state FROM dead_letters WHERE ${matches(sql, { ids: others, state: "any" })}`
  const states = new Map(known.map(({ id, state }) => [id, state]))
  return others.map((id) => notOpen(id, states.get(id)))
})

/** One statement, so that rows and ids agree. */
export const dropLetters = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  filter: LetterFilter,
  { limit, dryRun }: SettleOptions,
) {
  const chosen = sql`SELECT id FROM dead_letters WHERE ${matches(sql, filter)} ORDER BY id LIMIT ${limit}`
  const rows = dryRun ? yield* sql<{ readonly id: number }>`${chosen}` : yield* sql<{ readonly id: number }>`
      DELETE FROM dead_letters WHERE id IN (${chosen} FOR UPDATE) RETURNING id`
  return rows.map((row) => row.id).sort((one, other) => one - other)
})
