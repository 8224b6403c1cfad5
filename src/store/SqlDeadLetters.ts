/** Dead letters as a table, whatever carries the log. */
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { DeadLetter, DeadLetters } from "../streams/DeadLetters.ts"
import type { DeadMessage, DeathCause, LetterFilter } from "../streams/DeadLetters.ts"
import { tellDropped, tellRedriven } from "../streams/letterAudit.ts"
import { headers } from "../streams/names.ts"
import { matches } from "./letterFilter.ts"
import { LogSignals } from "./LogSignals.ts"
import { dropLetters, redriveLetters } from "./settleLetters.ts"
import { storableRecord, storableText } from "./storableText.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  DeadLetters,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const signals = yield* LogSignals

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
      redrive: Effect.fn("DeadLetters.redrive")(
        function* (filter, options) {
          const report = yield* sql.withTransaction(redriveLetters(sql, signals, filter, options))
          if (!options.dryRun) yield* tellRedriven(report)
          return report
        },
        orUnavailable("deadLetters.redrive"),
      ),
      drop: Effect.fn("DeadLetters.drop")(
        function* (filter, options) {
          const ids = yield* dropLetters(sql, filter, options)
          if (!options.dryRun) yield* tellDropped(ids)
          return ids
        },
        orUnavailable("deadLetters.drop"),
      ),
    })
  }),
)

/** Joins the transaction it is called in. */
export const insertDeadLetter = Effect.fnUntraced(
  function* (durable: string, delivery: DeadMessage, cause: DeathCause) {
    const sql = yield* SqlClient.SqlClient
    const diedAtMs = yield* Clock.currentTimeMillis
    // A message that is refused may hold anything, and a letter that cannot be stored would stop its lane for ever.
    const subject = storableText(delivery.subject)
    const given = storableRecord(delivery.headers)
    yield* sql`
    INSERT INTO dead_letters
      (durable, stream, sequence, subject, message_id, headers, payload, reason, detail, attempts, died_at_ms)
    VALUES (${durable}, ${delivery.stream}, ${delivery.sequence}, ${subject}, ${given[headers.messageId] ?? ""},
      ${JSON.stringify(given)}::text::jsonb, ${delivery.payload}, ${cause.reason}, ${cause.detail}, ${delivery.attempt},
      ${diedAtMs})
    ON CONFLICT (durable, stream, sequence, message_id) DO NOTHING`
  },
)

type LetterRow = typeof DeadLetter.Type

const columns = `id, durable, stream, sequence, subject, message_id AS "messageId", reason, detail, attempts,
  died_at_ms AS "diedAtMs", state, redrives`
