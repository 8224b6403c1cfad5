/** Dead letters as a table, whatever carries the log. */
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { DeadLetter, DeadLetters } from "../streams/DeadLetters.ts"
import type { DeathCause, LetterFilter } from "../streams/DeadLetters.ts"
import type { Delivery } from "../streams/EventLog.ts"
import { headers } from "../streams/names.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  DeadLetters,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    const list = Effect.fn("DeadLetters.list")(
      function* (filter: LetterFilter, page: { readonly limit: number; readonly beforeId?: number }) {
        const before = page.beforeId === undefined ? sql`true` : sql`id < ${page.beforeId}`
        const rows = yield* sql<LetterRow>`
          SELECT ${sql.literal(columns)} FROM dead_letters
          WHERE ${matches(sql, filter)} AND ${before} ORDER BY id DESC LIMIT ${page.limit}`
        return rows.map((row) => new DeadLetter(row))
      },
      orUnavailable("deadLetters.list"),
    )

    const count = Effect.fn("DeadLetters.count")(function* (filter: LetterFilter) {
      const [row] = yield* sql<{ readonly count: number }>`
        SELECT count(*)::int AS count FROM dead_letters WHERE ${matches(sql, filter)}`
      return row?.count ?? 0
    }, orUnavailable("deadLetters.count"))

    const find = Effect.fn("DeadLetters.find")(function* (id: number) {
      const [row] = yield* sql<LetterRow & { readonly headers: Record<string, string>; readonly payload: Uint8Array }>`
        SELECT ${sql.literal(columns)}, headers, payload FROM dead_letters WHERE id = ${id}`
      if (row === undefined) return undefined
      const { headers, payload, ...letter } = row
      return { letter: new DeadLetter(letter), headers, payload }
    }, orUnavailable("deadLetters.find"))

    return DeadLetters.of({
      record: (durable, delivery, cause) =>
        insertDeadLetter(durable, delivery, cause).pipe(
          Effect.provideService(SqlClient.SqlClient, sql),
          orUnavailable("deadLetters.record"),
        ),
      list,
      count,
      find,
    })
  }),
)

/** Joins the transaction it is called in. */
export const insertDeadLetter = Effect.fnUntraced(function* (durable: string, delivery: Delivery, cause: DeathCause) {
  const sql = yield* SqlClient.SqlClient
  const diedAtMs = yield* Clock.currentTimeMillis
  yield* sql`
    INSERT INTO dead_letters
      (durable, stream, sequence, subject, message_id, headers, payload, reason, detail, attempts, died_at_ms)
    VALUES (${durable}, ${delivery.stream}, ${delivery.sequence}, ${delivery.subject},
      ${delivery.headers[headers.messageId] ?? ""}, ${JSON.stringify(delivery.headers)}::text::jsonb,
      ${delivery.payload}, ${cause.reason}, ${cause.detail}, ${delivery.attempt}, ${diedAtMs})
    ON CONFLICT (durable, stream, sequence) DO NOTHING`
})

type LetterRow = typeof DeadLetter.Type

const columns = `id, durable, stream, sequence, subject, message_id AS "messageId", reason, detail, attempts,
  died_at_ms AS "diedAtMs", state, redrives`

/** The second token of a subject is the tenant, the last one the user. */
const matches = (sql: SqlClient.SqlClient, filter: LetterFilter): Fragment =>
  sql.and([
    ...(filter.ids === undefined
      ? []
      : [sql`id IN (SELECT value::bigint FROM jsonb_array_elements_text(${JSON.stringify(filter.ids)}::text::jsonb))`]),
    ...(filter.durable === undefined ? [] : [sql`durable = ${filter.durable}`]),
    ...(filter.stream === undefined ? [] : [sql`stream = ${filter.stream}`]),
    ...(filter.reason === undefined ? [] : [sql`reason = ${filter.reason}`]),
    ...(filter.tenantId === undefined ? [] : [sql`split_part(subject, '.', 2) = ${filter.tenantId}`]),
    ...(filter.userId === undefined ? [] : [sql`split_part(subject, '.', 7) = ${filter.userId}`]),
    ...(filter.diedFromMs === undefined ? [] : [sql`died_at_ms >= ${filter.diedFromMs}`]),
    ...(filter.diedToMs === undefined ? [] : [sql`died_at_ms < ${filter.diedToMs}`]),
    ...(filter.state === "any" ? [] : [sql`state = ${filter.state ?? "open"}`]),
    sql`true`,
  ])
