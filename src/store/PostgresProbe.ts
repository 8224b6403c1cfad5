/**
 * Looks at a Postgres server with one connection of its own: who answers, whether it is new enough and whether it
 * lets us make tables. Changes nothing.
 */
import { Clock, Effect, Redacted, Schema } from "effect"
import postgres from "postgres"

export interface ServerFacts {
  /** As in `18.4`. */
  readonly version: string
  /** How far our wall clock is ahead of its, known up to half the round trip. */
  readonly aheadMs: number
  readonly roundTripMs: number
}

/** The oldest major version whose SQL we use. */
const majorMin = 15

/** The database that `DATABASE_URL` names cannot be used. The message says what to do; it never holds a password. */
export class DatabaseUnusable extends Schema.TaggedError<DatabaseUnusable>()("DatabaseUnusable", {
  reason: Schema.Literals([
    "NotAnAddress",
    "Unreachable",
    "NotAllowed",
    "NoSuchDatabase",
    "Busy",
    "TooOld",
    "ReadOnly",
    "MayNotCreate",
    "Failing",
  ]),
  /** Host and port, without user and password. */
  where: Schema.String,
  detail: Schema.String,
}) {
  override get message() {
    const { where, detail } = this
    switch (this.reason) {
      case "NotAnAddress":
        return `DATABASE_URL is not an address such as postgres://user:password@host:5432/name (${detail})`
      case "Unreachable":
        return `Postgres at ${where} cannot be reached (${detail}): start it, or correct host and port in DATABASE_URL`
      case "NotAllowed":
        return `Postgres at ${where} lets us not in (${detail}): correct user and password in DATABASE_URL`
      case "NoSuchDatabase":
        return `Postgres at ${where} has no such database (${detail}): create it, or correct the name in DATABASE_URL`
      case "Busy":
        return `Postgres at ${where} takes no more connections now (${detail}): try again, or raise its max_connections`
      case "TooOld":
        return `Postgres at ${where} is version ${detail}, at least ${majorMin} is needed: upgrade it, ` +
          `or unset DATABASE_URL to use the embedded one`
      case "ReadOnly":
        return `Postgres at ${where} is read-only: let DATABASE_URL name the primary`
      case "MayNotCreate":
        return `the user of DATABASE_URL may not create tables at ${where}: ` +
          `GRANT CREATE ON SCHEMA ${detail} to it, or let it own the database`
      case "Failing":
        return `Postgres at ${where} does not work (${detail}): look into its log`
    }
  }
}

export interface ProbeOptions {
  readonly url: Redacted.Redacted<string>
  readonly timeoutMs: number
}

export const probe: (options: ProbeOptions) => Effect.Effect<ServerFacts, DatabaseUnusable> = Effect.fn(
  "PostgresProbe.probe",
)(function* ({ url, timeoutMs }) {
  const where = whereOf(Redacted.value(url))
  const clock = yield* Clock.Clock
  const client = yield* Effect.try({
    try: () => connect(Redacted.value(url), timeoutMs),
    catch: (cause) => new DatabaseUnusable({ reason: "NotAnAddress", where, detail: wordsOf(cause) }),
  })
  const found = yield* Effect.tryPromise({
    try: () => look(client, () => clock.currentTimeMillisUnsafe()),
    catch: (cause) => failureOf(where, cause),
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeoutMs,
      orElse: () =>
        Effect.fail(new DatabaseUnusable({ reason: "Unreachable", where, detail: `no answer in ${timeoutMs} ms` })),
    }),
    // Not waited for: a server that does not answer does not say goodbye either.
    Effect.ensuring(Effect.sync(() => void client.end({ timeout: 0 }).catch(() => {}))),
  )
  if (found.versionNumber < majorMin * 10_000) {
    return yield* new DatabaseUnusable({ reason: "TooOld", where, detail: found.version })
  }
  if (found.readOnly) return yield* new DatabaseUnusable({ reason: "ReadOnly", where, detail: "" })
  if (!found.mayCreate) return yield* new DatabaseUnusable({ reason: "MayNotCreate", where, detail: found.schema })
  return found
})

/** What a failed connection or statement means for the person who set `DATABASE_URL`. */
export const failureOf = (where: string, cause: unknown): DatabaseUnusable => {
  const detail = wordsOf(cause)
  return new DatabaseUnusable({ reason: reasonOf((cause as { code?: unknown }).code), where, detail })
}

/** Host, port and database of a URL; not its user and password. */
export const whereOf = (url: string): string => {
  const parsed = URL.parse(url)
  return parsed === null ? "DATABASE_URL" : `${parsed.host}${parsed.pathname}`
}

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const reasonOf = (code: unknown): DatabaseUnusable["reason"] => {
  const text = String(code)
  if (text.startsWith("28")) return "NotAllowed"
  if (text === "3D000") return "NoSuchDatabase"
  if (text === "53100") return "Failing"
  // The server is starting, stopping, or has no connection left.
  if (text.startsWith("53") || text === "57P03" || text === "57P01") return "Busy"
  if (text === "42501") return "MayNotCreate"
  if (text === "25006") return "ReadOnly"
  return /^(08|E[A-Z]|CONNECT)/.test(text) ? "Unreachable" : "Failing"
}

/** One line; an address that was tried over IPv6 and IPv4 reports two causes and no words of its own. */
const wordsOf = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return wordsOf(cause.errors[0])
  const { message = "", code = "" } = cause as { message?: string; code?: string }
  return (message || code || String(cause)).split("\n")[0] ?? ""
}

const connect = (url: string, timeoutMs: number): postgres.Sql =>
  postgres(url, {
    max: 1,
    connect_timeout: Math.ceil(timeoutMs / 1_000),
    // Asks the server for nothing that we do not.
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "tipstream probe" },
  })

const look = async (client: postgres.Sql, now: () => number) => {
  // The connection is made first, so that the round trip measured is that of the question alone.
  await client.unsafe("SELECT 1")
  const [askedMs, startedMs] = [now(), performance.now()]
  const [row] = await client.unsafe<Array<Row>>(question)
  const roundTripMs = performance.now() - startedMs
  if (row === undefined) throw new Error("no answer to the first question")
  return {
    version: row.version.split(" ")[0] ?? row.version,
    versionNumber: Number(row.number),
    aheadMs: askedMs + roundTripMs / 2 - Number(row.now_ms),
    readOnly: row.read_only,
    mayCreate: row.may_create,
    schema: row.schema,
    roundTripMs,
  }
}

interface Row {
  readonly number: number | string
  readonly version: string
  readonly now_ms: number | string
  readonly read_only: boolean
  readonly may_create: boolean
  readonly schema: string
}

const question = `SELECT current_setting('server_version_num')::integer AS number,
  current_setting('server_version') AS version,
  extract(epoch FROM clock_timestamp()) * 1000 AS now_ms,
  pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
  coalesce(current_schema(), 'public') AS schema`
