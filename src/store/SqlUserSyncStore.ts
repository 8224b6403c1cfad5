/** Connections, tasks and acts as rows. One sync is one transaction, fenced by the connection's version. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider, Task } from "../../schemas/Task.ts"
import type { TaskChangeSeen } from "../actors/UserSyncState.ts"
import { StaleVersion, UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection, SyncCommit } from "../actors/UserSyncStore.ts"
import { Outbox } from "../streams/Outbox.ts"
import { actPickUpMs } from "./reactIn.ts"
import { orUnavailable, unavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  UserSyncStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const outbox = yield* Outbox

    const setConnection = Effect.fnUntraced(function* ({ tenantId, userId }: Owner, connection: Connection) {
      const { provider, status, sealedToken, cursor, version, connectedAtMs, syncedAtMs, nextSyncAtMs } = connection
      // The first commit makes the row; any later one finds it at the version it was loaded with, or is stale.
      const rows = yield* sql`
        INSERT INTO connections AS known (tenant_id, user_id, provider, status, sealed_token, cursor, version,
          connected_at_ms, synced_at_ms, next_sync_at_ms, failures, last_problem)
        VALUES (${tenantId}, ${userId}, ${provider}, ${status}, ${sealedToken}, ${cursor}, ${version + 1},
          ${connectedAtMs}, ${syncedAtMs}, ${nextSyncAtMs}, ${connection.failures}, ${connection.lastProblem})
        ON CONFLICT (tenant_id, user_id, provider) DO UPDATE SET status = excluded.status,
          sealed_token = excluded.sealed_token, cursor = excluded.cursor, version = excluded.version,
          connected_at_ms = excluded.connected_at_ms, synced_at_ms = excluded.synced_at_ms,
          next_sync_at_ms = excluded.next_sync_at_ms, failures = excluded.failures,
          last_problem = excluded.last_problem
        WHERE known.version = ${version}
        RETURNING version`
      if (rows.length === 0) return yield* new StaleVersion({ expected: version })
    })

    const setTasks = Effect.fnUntraced(function* (
      { tenantId, userId }: Owner,
      provider: Provider,
      changes: ReadonlyArray<TaskChangeSeen>,
    ) {
      const open = changes.filter(({ change }) => change === "appeared" || change === "updated")
      const gone = changes.filter(({ change }) => change === "completed" || change === "removed")
      if (open.length > 0) {
        const rows = open.map(({ task, timesPostponed }) => ({
          task_id: task.taskId,
          task,
          times_postponed: timesPostponed,
        }))
        yield* sql`
          INSERT INTO tasks (tenant_id, user_id, provider, task_id, task, times_postponed)
          SELECT ${tenantId}, ${userId}, ${provider}, task_id, task, times_postponed
          FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
            AS row(task_id text, task jsonb, times_postponed int)
          ON CONFLICT (tenant_id, user_id, provider, task_id)
            DO UPDATE SET task = excluded.task, times_postponed = excluded.times_postponed`
      }
      if (gone.length > 0) {
        yield* sql`
          DELETE FROM tasks
          USING jsonb_array_elements_text(${
          JSON.stringify(gone.map(({ task }) => task.taskId))
        }::text::jsonb) AS gone(id)
          WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND task_id = gone.id`
      }
    })

    const settleActs = Effect.fnUntraced(function* ({ acted, nowMs }: SyncCommit) {
      if (acted.length === 0) return
      yield* sql`
        UPDATE acts SET settled_at_ms = ${nowMs}, outcome = done.outcome
        FROM jsonb_to_recordset(${JSON.stringify(acted)}::text::jsonb) AS done("actId" uuid, outcome text)
        WHERE acts.act_id = done."actId"`
      // What could not be done is the user's again: a task that is not completed must not sleep as if it were.
      const failed = acted.filter(({ outcome }) => outcome === "failed").map(({ actId }) => actId)
      if (failed.length === 0) return
      yield* sql`
        DELETE FROM sleeps USING acts
        WHERE acts.act_id IN (SELECT value::uuid FROM jsonb_array_elements_text(${JSON.stringify(failed)}::text::jsonb))
          AND sleeps.tenant_id = acts.tenant_id AND sleeps.user_id = acts.user_id
          AND sleeps.candidate_id = acts.provider || ':' || acts.task_id AND sleeps.reaction = 'done'`
    })

    /** Acts asked for while this sync was under way were not in it: they bring the next one forward. */
    const soonForActs = ({ tenantId, userId }: Owner, { connection: { provider }, nowMs }: SyncCommit) =>
      sql`UPDATE connections SET next_sync_at_ms = ${nowMs + actPickUpMs}
        WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}
          AND failures = 0 AND next_sync_at_ms > ${nowMs + actPickUpMs}
          AND EXISTS (SELECT FROM acts WHERE tenant_id = ${tenantId} AND user_id = ${userId}
            AND provider = ${provider} AND settled_at_ms IS NULL)`

    const commit = Effect.fnUntraced(function* (owner: Owner, change: SyncCommit) {
      yield* setConnection(owner, change.connection)
      yield* setTasks(owner, change.connection.provider, change.changes)
      yield* settleActs(change)
      yield* soonForActs(owner, change)
      if (change.timeZone !== null) {
        yield* sql`UPDATE users SET time_zone = ${change.timeZone}
          WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId} AND time_zone <> ${change.timeZone}`
      }
      yield* outbox.append(change.events)
    })

    return UserSyncStore.of({
      load: Effect.fnUntraced(function* ({ tenantId, userId }, provider) {
        const [row] = yield* sql<ConnectionRow>`
          SELECT provider, status, sealed_token, cursor, version, connected_at_ms, synced_at_ms, next_sync_at_ms,
            failures, last_problem
          FROM connections
          WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
        return row === undefined ? undefined : connectionOf(row)
      }, orUnavailable("connections.load")),

      connections: Effect.fnUntraced(function* ({ tenantId, userId }) {
        const rows = yield* sql<ConnectionRow>`
          SELECT provider, status, sealed_token, cursor, version, connected_at_ms, synced_at_ms, next_sync_at_ms,
            failures, last_problem
          FROM connections WHERE tenant_id = ${tenantId} AND user_id = ${userId} ORDER BY provider`
        return rows.map(connectionOf)
      }, orUnavailable("connections.list")),

      tasks: Effect.fnUntraced(function* ({ tenantId, userId }, provider, taskIds) {
        const rows = taskIds === undefined
          ? yield* sql<TaskRow>`SELECT task_id, task, times_postponed FROM tasks
              WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
          : yield* sql<TaskRow>`SELECT task_id, task, times_postponed
              FROM tasks JOIN jsonb_array_elements_text(${JSON.stringify(taskIds)}::text::jsonb) AS wanted(id)
                ON task_id = wanted.id
              WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
        return new Map(rows.map((row) => [row.task_id, { task: row.task, timesPostponed: row.times_postponed }]))
      }, orUnavailable("tasks.load")),

      pendingActs: Effect.fnUntraced(function* ({ tenantId, userId }, provider, limit) {
        const rows = yield* sql<{ readonly act_id: string; readonly task_id: string }>`
          SELECT act_id, task_id FROM acts
          WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND settled_at_ms IS NULL
          ORDER BY requested_at_ms, act_id LIMIT ${limit}`
        return rows.map((row) => ({ actId: row.act_id, kind: "complete" as const, taskId: row.task_id }))
      }, orUnavailable("acts.pending")),

      commit: (owner, change) =>
        sql.withTransaction(commit(owner, change)).pipe(
          Effect.catchTag("SqlError", (error) => unavailable("sync.commit", error)),
        ),

      claimDue: Effect.fnUntraced(function* (nowMs, claimMs, limit) {
        const rows = yield* sql<{ readonly tenant_id: string; readonly user_id: string }>`
          UPDATE connections SET next_sync_at_ms = ${nowMs + claimMs}
          WHERE (tenant_id, user_id, provider) IN (
            SELECT tenant_id, user_id, provider FROM connections WHERE next_sync_at_ms <= ${nowMs}
            ORDER BY next_sync_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING tenant_id, user_id`
        return rows.map((row) => ({ tenantId: TenantId.make(row.tenant_id), userId: UserId.make(row.user_id) }))
      }, orUnavailable("connections.claimDue")),
    })
  }),
)

interface TaskRow {
  readonly task_id: string
  readonly task: Task
  readonly times_postponed: number
}

interface ConnectionRow {
  readonly provider: Provider
  readonly status: Connection["status"]
  readonly sealed_token: Uint8Array | null
  readonly cursor: string | null
  readonly version: number
  readonly connected_at_ms: number
  readonly synced_at_ms: number | null
  readonly next_sync_at_ms: number | null
  readonly failures: number
  readonly last_problem: string | null
}

const connectionOf = (row: ConnectionRow): Connection => ({
  provider: row.provider,
  status: row.status,
  sealedToken: row.sealed_token,
  cursor: row.cursor,
  version: row.version,
  connectedAtMs: row.connected_at_ms,
  syncedAtMs: row.synced_at_ms,
  nextSyncAtMs: row.next_sync_at_ms,
  failures: row.failures,
  lastProblem: row.last_problem,
})
