/** A filter of dead letters as a condition on the table's rows. */
import type { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import type { LetterFilter } from "../streams/DeadLetters.ts"

/** The second token of a subject is the tenant, the last one the user. */
export const matches = (sql: SqlClient.SqlClient, filter: LetterFilter): Fragment =>
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
