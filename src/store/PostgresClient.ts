/**
 * `effect/sql`'s client over postgres.js, which does the talking: pool and prepared statements.
 *
 * An interrupted query is abandoned, not cancelled: a cancel request names a connection, not a query, so one that comes
 * late hits whoever uses the connection next; and postgres.js forgets a connection whose query was cancelled before it
 * was sent. Our statements are short, and `statement_timeout` ends what is not.
 *
 * Whole numbers of 64 bits come back as JavaScript numbers: all of ours (milliseconds, positions) stay below 2^53.
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, SqlError, Statement } from "effect/sql"
import type { SqlConnection } from "effect/sql"
import postgres from "postgres"

export interface PostgresOptions {
  readonly url: Redacted.Redacted<string>
  readonly poolMax: number
  readonly applicationName: string
}

export const layer = (options: PostgresOptions): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function* () {
      const pools = yield* Effect.acquireRelease(
        Effect.sync(() => poolsOf(options)),
        (pools) => Effect.promise(pools.end),
      )
      yield* Effect.tryPromise({ try: () => pools.current()`SELECT 1`, catch: failed("connect") })
      return yield* clientOf(pools)
    }),
  ).pipe(Layer.provide(Reactivity.layer))

/** Ours take milliseconds, a step of forgetting perhaps a second. */
const statementMaxMs = 60_000

/**
 * A process that is stopped, or whose machine is gone, in the middle of a transaction keeps its locks, and keeps
 * everybody from reading the log past it. Ours wait for nothing but the database between two statements.
 */
const idleInTransactionMaxMs = 15_000

const connect = ({ url, poolMax, applicationName }: PostgresOptions, onclose: () => void): postgres.Sql =>
  postgres(Redacted.value(url), {
    max: poolMax,
    // A database that does not answer at start is reported, not waited for.
    connect_timeout: 10,
    // Idle connections go back to the server; a burst opens them again within milliseconds.
    idle_timeout: 60,
    onnotice: () => {},
    onclose,
    connection: {
      application_name: applicationName,
      statement_timeout: statementMaxMs,
      idle_in_transaction_session_timeout: idleInTransactionMaxMs,
    },
    types: { bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: Number } },
  })

interface Pools {
  readonly current: () => postgres.Sql
  /** A connection for its caller alone. */
  readonly reserve: () => Promise<Reserved>
  readonly retire: (pool: postgres.Sql) => void
  readonly end: () => Promise<void>
}

interface Reserved {
  readonly pool: postgres.Sql
  readonly connection: postgres.ReservedSql
}

/** Transactions that still run in a pool that is given up have as long as a statement may take. */
const retiredMaxSeconds = statementMaxMs / 1_000

/**
 * One pool at a time, and another after a connection was lost inside a transaction: postgres.js does not get over it,
 * hands the place of that connection out as if it were open, and waits for ever once all places are such.
 */
const poolsOf = (options: PostgresOptions): Pools => {
  const waiting = new Set<() => void>()
  // Not within the call that says so: it is about to open the place of the connection that closed.
  const askAgain = () => queueMicrotask(() => waiting.forEach((ask) => ask()))
  let current = connect(options, askAgain)
  return {
    current: () => current,
    reserve: () => reserve(() => current, waiting),
    retire: (pool) => {
      if (pool !== current) return
      current = connect(options, askAgain)
      pool.end({ timeout: retiredMaxSeconds }).catch(() => {})
      askAgain()
    },
    end: () => current.end({ timeout: 5 }),
  }
}

/**
 * When a connection closes, postgres.js forgets who waits first for one of their own, and in a pool that ends it may
 * forget them all. So those who wait ask again then; what somebody gets twice goes back.
 */
const reserve = (current: () => postgres.Sql, waiting: Set<() => void>): Promise<Reserved> =>
  new Promise((resolve, reject) => {
    const ask = () => {
      const pool = current()
      pool.reserve().then((connection) => {
        if (waiting.delete(ask)) resolve({ pool, connection })
        else connection.release()
      }, (cause) => {
        waiting.delete(ask)
        reject(cause)
      })
    }
    waiting.add(ask)
    ask()
  })

const clientOf = (pools: Pools) => {
  const reserve: SqlConnection.Acquirer = Effect.map(
    Effect.acquireRelease(
      Effect.map(
        Effect.tryPromise({ try: pools.reserve, catch: failed("acquire") }),
        (reserved) => ({ ...reserved, session: sessionOf() }),
      ),
      ({ connection, pool, session }) =>
        Effect.sync(() => session.isLost() ? pools.retire(pool) : connection.release()),
    ),
    ({ connection, session }) => connectionOf(connection, session),
  )
  return SqlClient.make({
    acquirer: Effect.sync(() => connectionOf(pools.current())),
    transactionAcquirer: reserve,
    compiler,
    driver: "pg",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    // Postgres answers COMMIT of an aborted transaction with ROLLBACK and no error.
    commit: (connection) =>
      Effect.flatMap(
        connection.executeRaw("COMMIT", []),
        (result) =>
          (result as { command?: string }).command === "ROLLBACK"
            ? Effect.fail(failed("commit")(new Error("the transaction was aborted before")))
            : Effect.void,
      ),
    spanAttributes: [["db.system.name", "postgresql"]],
  })
}

type Queryable = Pick<postgres.Sql, "unsafe">

/** What a reserved connection is to one borrower: gone for good once it has closed. */
interface Session {
  readonly isLost: () => boolean
  /** An option of each query, which postgres.js uses for its own transactions and leaves out of its types. */
  readonly onexecute: (connection: { onclose: (() => void) | null }) => true
}

/**
 * postgres.js opens a reserved connection that closed again for whoever comes next, and would send the rest of a
 * transaction there, to be committed statement by statement without the part that is gone.
 */
const sessionOf = (): Session => {
  let isLost = false
  const onclose = () => void (isLost = true)
  return { isLost: () => isLost, onexecute: (connection) => (Object.assign(connection, { onclose }), true) }
}

const lost = Object.assign(new Error("the connection was closed inside a transaction"), { code: "CONNECTION_CLOSED" })

type Parameters = Array<postgres.ParameterOrJSON<never>>
/** What `effect/sql` calls rows before anybody has decoded them. */
// oxlint-disable-next-line typescript/no-explicit-any -- its own type for them, and not ours to narrow
type Rows = Array<any>
type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const connectionOf = (pool: Queryable, session?: Session): SqlConnection.Connection => {
  const more = session === undefined ? {} : { onexecute: session.onexecute }
  const run = (text: string, parameters: ReadonlyArray<unknown>, prepare: boolean, values = false) =>
    Effect.callback<Rows, SqlError.SqlError>((resume) => {
      if (session?.isLost() === true) return resume(Effect.fail(failed("execute")(lost)))
      const query = pool.unsafe(text, parameters as Parameters, { prepare, ...more })
      const answer: Promise<unknown> = values ? query.values() : query
      answer.then(
        (rows) => resume(Effect.succeed(rows as Rows)),
        (cause) => resume(Effect.fail(failed("execute")(cause))),
      )
    })
  const transformed = (rows: Rows, transform: Transform): ReadonlyArray<Rows[number]> =>
    transform === undefined ? rows : transform(rows)
  return {
    execute: (text, parameters, transform) =>
      Effect.map(run(text, parameters, true), (rows) => transformed(rows, transform)),
    executeRaw: (text, parameters) => run(text, parameters, true),
    executeValues: (text, parameters) => run(text, parameters, true, true),
    executeValuesUnprepared: (text, parameters) => run(text, parameters, false, true),
    executeUnprepared: (text, parameters, transform) =>
      Effect.map(run(text, parameters, false), (rows) => transformed(rows, transform)),
    executeStream: (text, parameters, transform) =>
      Stream.fromAsyncIterable(cursor(pool, text, parameters), failed("stream")).pipe(
        Stream.flatMap((rows) => Stream.fromIterable(transformed(rows, transform))),
      ),
  }
}

/** postgres.js' own iterator returns synchronously, which `Stream.fromAsyncIterable` cannot close. */
async function* cursor(pool: Queryable, text: string, parameters: ReadonlyArray<unknown>) {
  const query = pool.unsafe(text, parameters as Parameters, { prepare: true })
  yield* query.cursor(cursorRows) as AsyncIterable<Rows>
}

/** Rows fetched ahead of a slow reader. */
const cursorRows = 128

const compiler = Statement.makeCompiler({
  dialect: "pg",
  placeholder: (index) => `$${index}`,
  onIdentifier: Statement.defaultEscape('"'),
  onCustom: () => {
    throw new Error("no custom fragments")
  },
  onRecordUpdate: (placeholders, alias, columns, values, returning) => [
    `(values ${placeholders}) AS ${alias}${columns}${returning ? ` RETURNING ${returning[0]}` : ""}`,
    returning ? values.flat().concat(returning[1]) : values.flat(),
  ],
})

const failed = (operation: string) => (cause: unknown): SqlError.SqlError =>
  new SqlError.SqlError({ reason: reasonOf(cause, operation) })

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const reasonOf = (cause: unknown, operation: string): SqlError.SqlErrorReason => {
  const { code = "", message = String(cause), constraint_name: constraint = "" } = cause as {
    code?: string
    message?: string
    constraint_name?: string
  }
  const known = { cause, message, operation }
  if (code === "23505") return new SqlError.UniqueViolation({ ...known, constraint })
  if (code === "40001") return new SqlError.SerializationError(known)
  if (code === "40P01") return new SqlError.DeadlockError(known)
  if (code === "55P03") return new SqlError.LockTimeoutError(known)
  if (code === "57014") return new SqlError.StatementTimeoutError(known)
  if (code === "42501") return new SqlError.AuthorizationError(known)
  if (code.startsWith("28")) return new SqlError.AuthenticationError(known)
  if (code.startsWith("23")) return new SqlError.ConstraintError(known)
  if (code.startsWith("42")) return new SqlError.SqlSyntaxError(known)
  // 25P03: the session was idle in a transaction for too long, and is ended.
  if (/^(08|25P03|57P|53)/.test(code) || /^(CONNECT|ECONN|CONNECTION_)/.test(code)) {
    return new SqlError.ConnectionError(known)
  }
  return new SqlError.UnknownError(known)
}
