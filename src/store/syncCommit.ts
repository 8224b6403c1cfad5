/**
 * One step of a sync: the connection from the version it was loaded with, its tasks, acts and events, in one
 * transaction under the user's lease.
 */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { TaskChangeSeen } from "../actors/UserSyncState.ts"
import { LeaseLost, StaleVersion } from "../actors/UserSyncStore.ts"
import type { SyncCommit, UserLease, UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Outbox } from "../streams/Outbox.ts"
import { actPickUpMs } from "./reactIn.ts"
import { unavailable } from "./unavailable.ts"
import { databaseNow } from "./userLeases.ts"
import type { UserLeaseOptions } from "./userLeases.ts"

/** Who disconnects tells the tool at once. Should that fail or the process end, it is tried again after this long. */
const revocationPickUpMs = 30_000

export const syncCommit = (
  sql: SqlClient.SqlClient,
  outbox: Outbox["Service"],
  options: UserLeaseOptions,
): UserSyncStore["Service"]["commit"] => {
  const commit = Effect.fnUntraced(function* (lease: UserLease, change: SyncCommit) {
    const { connection } = change
    const { owner } = lease
    const kept = yield* setConnection(sql, options, lease, change)
    yield* setTasks(sql, owner, change)
    yield* settleActs(sql, change)
    if (connection.status === "disconnected") yield* dropActs(sql, owner, change)
    const nextSyncAtMs = yield* soonForActs(sql, owner, change)
    if (change.revocation !== null) yield* owe(sql, owner, connection.provider, change.revocation, change.nowMs)
    yield* outbox.append(change.events)
    return { ...connection, version: connection.version + 1, nextSyncAtMs: nextSyncAtMs ?? kept }
  })
  return (lease, change) =>
    sql.withTransaction(commit(lease, change)).pipe(
      Effect.catchTag("SqlError", (error) => unavailable("sync.commit", error)),
    )
}

/**
 * Holds on to the lease, whose row stays locked until the end, and moves the connection on from its version. The first
 * commit makes its row. The user's zone, of which every read tells, costs no statement of its own.
 */
const setConnection = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { holder, leaseMs }: UserLeaseOptions,
  { owner: { tenantId, userId }, epoch }: UserLease,
  { connection, nextSyncSeenMs, nowMs, timeZone }: SyncCommit,
) {
  const { provider, version } = connection
  const soonMs = nowMs + actPickUpMs
  const now = sql.literal(databaseNow)
  const scopes = connection.scopes === null ? null : JSON.stringify(connection.scopes)
  const seenMs = nextSyncSeenMs === undefined ? connection.nextSyncAtMs : nextSyncSeenMs
  const [found] = yield* sql<{ readonly held: boolean; readonly written: boolean; readonly next_ms: number | null }>`
    WITH lease AS (
      UPDATE user_leases SET held_until_ms = ${now} + ${leaseMs}::bigint
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND holder = ${holder} AND epoch = ${epoch}
        AND held_until_ms > ${now}
      RETURNING 1
    ), written AS (
      INSERT INTO connections AS known (tenant_id, user_id, provider, status, sealed_token, family_id, scopes,
        expires_at_ms, account_id, cursor, version, connected_at_ms, synced_at_ms, next_sync_at_ms, failures,
        last_problem, problem_code)
      SELECT ${tenantId}, ${userId}, ${provider}, ${connection.status}, ${connection.sealedToken}::bytea,
        ${connection.familyId}, ${scopes}::text::jsonb, ${connection.expiresAtMs}::bigint, ${connection.accountId},
        ${connection.cursor}, ${version + 1}::bigint, ${connection.connectedAtMs}::bigint,
        ${connection.syncedAtMs}::bigint, ${connection.nextSyncAtMs}::bigint, ${connection.failures}::integer,
        ${connection.lastProblem}, ${connection.problemCode}
      FROM lease
      WHERE ${version}::bigint = 0 OR EXISTS (SELECT FROM connections
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider})
      ON CONFLICT (tenant_id, user_id, provider) DO UPDATE SET status = excluded.status,
        sealed_token = excluded.sealed_token, family_id = excluded.family_id, scopes = excluded.scopes,
        expires_at_ms = excluded.expires_at_ms, account_id = excluded.account_id, cursor = excluded.cursor,
        version = excluded.version, connected_at_ms = excluded.connected_at_ms, synced_at_ms = excluded.synced_at_ms,
        next_sync_at_ms = CASE
          WHEN ${nextSyncSeenMs !== undefined} AND known.next_sync_at_ms IS DISTINCT FROM ${seenMs}::bigint
            AND known.next_sync_at_ms <= ${soonMs} AND known.next_sync_at_ms < excluded.next_sync_at_ms
            AND excluded.failures = 0
          THEN known.next_sync_at_ms ELSE excluded.next_sync_at_ms END,
        failures = excluded.failures, last_problem = excluded.last_problem, problem_code = excluded.problem_code
      WHERE known.version = ${version}::bigint
      RETURNING next_sync_at_ms
    ), zone AS (
      UPDATE users SET time_zone = ${timeZone}
      FROM written
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND time_zone <> ${timeZone}
    )
    SELECT EXISTS (SELECT FROM lease) AS held, EXISTS (SELECT FROM written) AS written,
      (SELECT next_sync_at_ms FROM written) AS next_ms`
  if (found?.held !== true) return yield* new LeaseLost({ epoch })
  if (!found.written) return yield* new StaleVersion({ expected: version })
  return found.next_ms
})

const json = (value: unknown): string => JSON.stringify(value)

const setTasks = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { tenantId, userId }: Owner,
  { changes, connection: { provider, status }, nowMs }: SyncCommit,
) {
  if (status === "disconnected") return yield* wipe(sql, { tenantId, userId }, provider)
  const open = changes.filter((seen) => !isGone(seen))
  const gone = changes.filter(isGone)
  if (open.length > 0) {
    const rows = open.map(({ task, timesPostponed }) => ({
      task_id: task.taskId,
      task,
      times_postponed: timesPostponed,
    }))
    yield* sql`
      WITH row AS (
        SELECT * FROM jsonb_to_recordset(${
      json(rows)
    }::text::jsonb) AS row(task_id text, task jsonb, times_postponed int)
      ), back AS (
        DELETE FROM gone_tasks USING row
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}
          AND gone_tasks.task_id = row.task_id
      )
      INSERT INTO tasks (tenant_id, user_id, provider, task_id, task, times_postponed)
      SELECT ${tenantId}, ${userId}, ${provider}, task_id, task, times_postponed FROM row
      ON CONFLICT (tenant_id, user_id, provider, task_id)
        DO UPDATE SET task = excluded.task, times_postponed = excluded.times_postponed`
  }
  if (gone.length > 0) {
    const rows = gone.map((seen) => ({ task_id: seen.task.taskId, gone_as: goneAs(seen) }))
    yield* sql`
      WITH row AS (
        SELECT * FROM jsonb_to_recordset(${json(rows)}::text::jsonb) AS row(task_id text, gone_as text)
      ), remembered AS (
        INSERT INTO gone_tasks (tenant_id, user_id, provider, task_id, gone_as, gone_at_ms)
        SELECT ${tenantId}, ${userId}, ${provider}, task_id, gone_as, ${nowMs}::bigint FROM row
        WHERE gone_as IS NOT NULL
        ON CONFLICT (tenant_id, user_id, provider, task_id)
          DO UPDATE SET gone_as = excluded.gone_as, gone_at_ms = excluded.gone_at_ms
      ), forgotten AS (
        DELETE FROM gone_tasks USING row
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}
          AND gone_tasks.task_id = row.task_id AND row.gone_as IS NULL
      )
      DELETE FROM tasks USING row
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND tasks.task_id = row.task_id`
  }
})

/** Open under their next date are also those that were completed once and recur. */
const isGone = ({ change }: TaskChangeSeen): boolean => change === "completed" || change === "removed"

/** Null: to be forgotten altogether, because it is no longer ours to know of. */
const goneAs = ({ change, removal }: TaskChangeSeen): "completed" | "deleted" | "unknown" | null => {
  if (change === "completed") return "completed"
  return removal === "deleted" || removal === "unknown" ? removal : null
}

/** Also what no change speaks of: nothing of a tool stays that the user took away. */
const wipe = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { tenantId, userId }: Owner,
  provider: Provider,
) {
  yield* sql`
    WITH gone AS (
      DELETE FROM gone_tasks WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}
    )
    DELETE FROM tasks WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
})

/**
 * What was not carried out is the user's again: a task that is open must not sleep as if it were completed. One that is
 * `forbidden` sleeps on: they did it, what is missing is our right to tick it off, and asking again could change that
 * as little as the first time.
 */
const settleActs = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, { acted, nowMs }: SyncCommit) {
  if (acted.length === 0) return
  yield* sql`
    UPDATE acts SET settled_at_ms = ${nowMs}, outcome = done.outcome
    FROM jsonb_to_recordset(${json(acted)}::text::jsonb) AS done("actId" uuid, outcome text)
    WHERE acts.act_id = done."actId"`
  const open = acted.filter(({ outcome }) => outcome === "failed" || outcome === "conflict").map(({ actId }) => actId)
  if (open.length === 0) return
  yield* sql`
    DELETE FROM sleeps USING acts
    WHERE acts.act_id IN (SELECT value::uuid FROM jsonb_array_elements_text(${json(open)}::text::jsonb))
      AND sleeps.tenant_id = acts.tenant_id AND sleeps.user_id = acts.user_id
      AND sleeps.candidate_id = acts.provider || ':' || acts.task_id AND sleeps.reaction = 'done'`
})

/**
 * What could not be carried out before is not carried out later, when the tool is connected again and the user may have
 * long forgotten it. Read after the connection was locked, as below, so that one asked for a moment ago goes, too.
 */
const dropActs = (
  sql: SqlClient.SqlClient,
  { tenantId, userId }: Owner,
  { connection: { provider }, nowMs }: SyncCommit,
) =>
  sql`
    WITH dropped AS (
      UPDATE acts SET settled_at_ms = ${nowMs}, outcome = 'failed'
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND settled_at_ms IS NULL
      RETURNING task_id
    )
    DELETE FROM sleeps USING dropped
    WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND candidate_id = ${provider} || ':' || task_id
      AND reaction = 'done'`

/**
 * Acts asked for while this sync was under way were not in it: they bring the next one forward. Its own statement: only
 * what is read after the connection was locked sees the act of a reaction that held it before.
 */
const soonForActs = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { tenantId, userId }: Owner,
  { connection: { provider }, nowMs }: SyncCommit,
) {
  const soonMs = nowMs + actPickUpMs
  const rows = yield* sql`
    UPDATE connections SET next_sync_at_ms = ${soonMs}
    WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}
      AND failures = 0 AND next_sync_at_ms > ${soonMs}
      AND EXISTS (SELECT FROM acts WHERE tenant_id = ${tenantId} AND user_id = ${userId}
        AND provider = ${provider} AND settled_at_ms IS NULL)
    RETURNING 1`
  return rows.length === 0 ? undefined : soonMs
})

const owe = (
  sql: SqlClient.SqlClient,
  { tenantId, userId }: Owner,
  provider: Provider,
  { revocationId, sealed, expiresAtMs }: NonNullable<SyncCommit["revocation"]>,
  nowMs: number,
) =>
  sql`INSERT INTO revocations (revocation_id, tenant_id, user_id, provider, sealed_token, next_try_at_ms, expires_at_ms)
    VALUES (${revocationId}, ${tenantId}, ${userId}, ${provider}, ${sealed}, ${nowMs + revocationPickUpMs},
      ${expiresAtMs})
    ON CONFLICT (revocation_id) DO NOTHING`
