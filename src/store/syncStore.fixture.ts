/** Connections and what a sync writes of them, for tests of the store. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { connectionChanged } from "../../schemas/events.ts"
import type { TaskChangeName } from "../../schemas/events.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Task } from "../../schemas/Task.ts"
import type { TaskChangeSeen } from "../actors/UserSyncState.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection, SyncCommit, UserLease } from "../actors/UserSyncStore.ts"
import { nowMs } from "./store.fixture.ts"

export const fresh: Connection = {
  provider: "todoist",
  status: "connected",
  sealedToken: Uint8Array.of(0, 1, 255, 0),
  familyId: null,
  scopes: null,
  expiresAtMs: null,
  accountId: null,
  cursor: "c0",
  version: 0,
  connectedAtMs: nowMs,
  syncedAtMs: nowMs,
  nextSyncAtMs: null,
  failures: 0,
  lastProblem: null,
  problemCode: null,
}

export const bareTask = (taskId: string, given: Partial<Task> = {}): Task => ({
  taskId,
  title: taskId,
  description: "",
  projectName: null,
  parentId: null,
  labels: [],
  priority: 1,
  due: null,
  durationMinutes: null,
  addedAtMs: null,
  deepLink: "",
  ...given,
})

export const change = (
  name: TaskChangeName,
  taskId: string,
  given: Partial<TaskChangeSeen> = {},
): TaskChangeSeen => ({
  change: name,
  task: bareTask(taskId),
  timesPostponed: 0,
  origin: "observed",
  removal: name === "removed" ? "deleted" : null,
  isInferred: false,
  ...given,
})

/** As the actor holding this lease. */
export const commitUnder = (lease: UserLease, connection: Partial<Connection> = {}, rest: Partial<SyncCommit> = {}) =>
  UserSyncStore.use((store) =>
    store.commit(lease, {
      connection: { ...fresh, ...connection },
      changes: [],
      acted: [],
      timeZone: null,
      events: [],
      nowMs,
      revocation: null,
      ...rest,
    })
  )

/** Under a lease of its own. */
export const commit = (owner: Owner, connection: Partial<Connection> = {}, rest: Partial<SyncCommit> = {}) =>
  Effect.flatMap(
    UserSyncStore.use((store) => store.open(owner)),
    ({ lease }) => commitUnder(lease, connection, rest),
  )

/** Bytes as they were given: the client's are of a class of Node's. */
export const plain = (connection: Connection | undefined): Connection | undefined =>
  connection && { ...connection, sealedToken: connection.sealedToken && Uint8Array.from(connection.sealedToken) }

export const load = (owner: Owner) => UserSyncStore.use((store) => Effect.map(store.load(owner, "todoist"), plain))

export const taskIds = (owner: Owner, ids?: ReadonlyArray<string>) =>
  UserSyncStore.use((store) => Effect.map(store.tasks(owner, "todoist", ids), (tasks) => [...tasks.keys()].toSorted()))

export const eventOf = (owner: Owner, id: string = randomUUID()) =>
  connectionChanged({ ...owner, id, atMs: nowMs, correlationId: "c" }, "todoist", "connected")

export const requestAct = Effect.fnUntraced(function* (
  { tenantId, userId }: Owner,
  taskId: string,
  requestedAtMs = nowMs,
  expectedDue: string | null = null,
) {
  const sql = yield* SqlClient.SqlClient
  const actId = randomUUID()
  yield* sql`INSERT INTO acts (act_id, tenant_id, user_id, provider, task_id, requested_at_ms, expected_due)
    VALUES (${actId}, ${tenantId}, ${userId}, 'todoist', ${taskId}, ${requestedAtMs}, ${expectedDue})`
  return actId
})
