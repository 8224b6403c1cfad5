/** What a sync compares with: the tasks as they were, how others ended, and what was or is to be done to them. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Task } from "../../schemas/Task.ts"
import type { GoneAs } from "../actors/UserSyncState.ts"
import type { UserSyncStore } from "../actors/UserSyncStore.ts"
import { orUnavailable } from "./unavailable.ts"

interface TaskRow {
  readonly task_id: string
  readonly task: Task
  readonly times_postponed: number
}

interface ActRow {
  readonly act_id: string
  readonly task_id: string
  readonly expected_due: string | null
  readonly sent_at_ms: number | null
}

export const syncReads = (
  sql: SqlClient.SqlClient,
): Pick<UserSyncStore["Service"], "tasks" | "goneTasks" | "actedOn" | "pendingActs"> => ({
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

  goneTasks: Effect.fnUntraced(function* ({ tenantId, userId }, provider, taskIds) {
    if (taskIds.length === 0) return new Map<string, GoneAs>()
    const rows = yield* sql<{ readonly task_id: string; readonly gone_as: GoneAs }>`
      SELECT task_id, gone_as
      FROM gone_tasks JOIN jsonb_array_elements_text(${JSON.stringify(taskIds)}::text::jsonb) AS wanted(id)
        ON task_id = wanted.id
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider}`
    return new Map(rows.map((row) => [row.task_id, row.gone_as]))
  }, orUnavailable("tasks.gone")),

  actedOn: Effect.fnUntraced(function* ({ tenantId, userId }, provider, taskIds, sinceMs) {
    if (taskIds.length === 0) return new Set<string>()
    const rows = yield* sql<{ readonly task_id: string }>`
      SELECT DISTINCT task_id
      FROM acts JOIN jsonb_array_elements_text(${JSON.stringify(taskIds)}::text::jsonb) AS wanted(id)
        ON task_id = wanted.id
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND outcome = 'done'
        AND settled_at_ms >= ${sinceMs}`
    return new Set(rows.map((row) => row.task_id))
  }, orUnavailable("acts.done")),

  pendingActs: Effect.fnUntraced(function* ({ tenantId, userId }, provider, limit) {
    const rows = yield* sql<ActRow>`
      SELECT act_id, task_id, expected_due, sent_at_ms FROM acts
      WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND provider = ${provider} AND settled_at_ms IS NULL
      ORDER BY requested_at_ms, act_id LIMIT ${limit}`
    return rows.map((row) => ({
      actId: row.act_id,
      kind: "complete" as const,
      taskId: row.task_id,
      expectedDue: row.expected_due,
      isSent: row.sent_at_ms !== null,
    }))
  }, orUnavailable("acts.pending")),
})
