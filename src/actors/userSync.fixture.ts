/** A user's sync without a database and without a tool: both are played, and can be made to fail at any point. */
import { Effect, Layer, Redacted } from "effect"
import { Connector, ProviderUnavailable, RateLimited, TokenRejected } from "../connectors/Connector.ts"
import type { Act, ConnectorError, SyncRequest, SyncResult, TaskObservation } from "../connectors/Connector.ts"
import * as SealedBoxVault from "../connectors/SealedBoxVault.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Task } from "../../schemas/Task.ts"
import * as LocalActors from "./LocalActors.ts"
import type { KnownTask } from "./UserSyncState.ts"
import { StaleVersion, UserSyncStore } from "./UserSyncStore.ts"
import type { Connection, SyncCommit } from "./UserSyncStore.ts"

export const anna: Owner = { tenantId: TenantId.make("acme"), userId: UserId.make("anna") }
export const token = "0123456789abcdef-the-token"
export const syncIntervalMs = 900_000

/** A bare task; what it is called is its id. */
export const task = (taskId: string, given: Partial<Task> = {}): Task => ({
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

export const rejected = new TokenRejected({ provider: "todoist", status: 401 })
export const rateLimited = (retryAfterMs: number | null) => new RateLimited({ provider: "todoist", retryAfterMs })
export const unavailable = new ProviderUnavailable({
  provider: "todoist",
  reason: "server-error",
  status: 503,
  retryAfterMs: null,
})

/** Todoist in one object: a list of changes, a cursor into it, and acts that are executed once per id. */
export class Tool {
  readonly requests: Array<
    { readonly token: string; readonly cursor: string | null; readonly acts: ReadonlyArray<Act> }
  > = []
  readonly executed: Array<string> = []
  timeZone: string | null = null
  /** Errors of the next calls. `late` ones come after the acts were executed: the reply is lost. */
  readonly failures: Array<{ readonly error: ConnectorError; readonly late?: boolean }> = []
  /** Runs while a call is under way. */
  meanwhile: Effect.Effect<void> = Effect.void
  readonly #changes: Array<TaskObservation> = []

  change(...observations: ReadonlyArray<TaskObservation>): void {
    this.#changes.push(...observations)
  }

  open(...tasks: ReadonlyArray<Task>): void {
    this.change(...tasks.map((one) => ({ task: one, state: "open" as const })))
  }

  readonly sync = (request: SyncRequest): Effect.Effect<SyncResult, ConnectorError> =>
    Effect.suspend(() => {
      const { acts, cursor } = request
      this.requests.push({ token: Redacted.value(request.token), cursor, acts })
      const failure = this.failures.shift()
      if (failure !== undefined && failure.late !== true) return Effect.fail(failure.error)
      for (const { actId, taskId } of acts) {
        if (this.executed.includes(actId)) continue
        this.executed.push(actId)
        this.change({ task: task(taskId), state: "completed" })
      }
      if (failure !== undefined) return Effect.fail(failure.error)
      return Effect.as(this.meanwhile, this.#resultOf(request))
    })

  #resultOf({ acts, cursor }: SyncRequest): SyncResult {
    const last = new Map(this.#changes.slice(Number(cursor ?? 0)).map((one) => [one.task.taskId, one]))
    const tasks = [...last.values()].filter(({ state }) => cursor !== null || state === "open")
    return {
      cursor: String(this.#changes.length),
      isSnapshot: cursor === null,
      tasks,
      acted: acts.map(({ actId }) => ({ actId, outcome: "done" })),
      timeZone: this.timeZone,
      quarantined: 0,
    }
  }
}

interface Row {
  connection: Connection | undefined
  readonly tasks: Map<string, KnownTask>
}

/** What `SqlUserSyncStore` does, in maps. */
export class Store {
  readonly rows = new Map<string, Row>()
  readonly commits: Array<SyncCommit> = []
  readonly acts: Array<Act & { outcome: string | undefined }> = []
  /** The next commits fail so many times. */
  failingCommits = 0
  claims = 0

  row(owner: Owner = anna): Row {
    const key = `${owner.tenantId}/${owner.userId}`
    let row = this.rows.get(key)
    if (row === undefined) this.rows.set(key, row = { connection: undefined, tasks: new Map() })
    return row
  }

  get events(): ReadonlyArray<Envelope> {
    return this.commits.flatMap((commit) => commit.events)
  }

  /** As another instance of the actor would. */
  writeElsewhere(change: Partial<Connection>, owner: Owner = anna): void {
    const row = this.row(owner)
    row.connection = { ...row.connection!, ...change, version: row.connection!.version + 1 }
  }

  readonly service = UserSyncStore.of({
    load: (owner) => Effect.sync(() => this.row(owner).connection),
    connections: (owner) => Effect.sync(() => [this.row(owner).connection].filter((one) => one !== undefined)),
    tasks: (owner, _provider, ids) =>
      Effect.sync(() => new Map([...this.row(owner).tasks].filter(([id]) => ids === undefined || ids.includes(id)))),
    pendingActs: (_owner, _provider, limit) =>
      Effect.sync(() => this.acts.filter((act) => act.outcome === undefined).slice(0, limit)),
    commit: (owner, commit) => Effect.suspend(() => this.#commit(owner, commit)),
    claimDue: (nowMs, claimMs, limit) =>
      Effect.sync(() => {
        this.claims += 1
        const nextOf = (row: Row) => row.connection?.nextSyncAtMs ?? Infinity
        const due = [...this.rows].filter(([, row]) => nextOf(row) <= nowMs)
          .toSorted(([, one], [, other]) => nextOf(one) - nextOf(other)).slice(0, limit)
        return due.map(([key, row]) => {
          row.connection = { ...row.connection!, nextSyncAtMs: nowMs + claimMs }
          const [tenantId, userId] = key.split("/") as [string, string]
          return { tenantId: TenantId.make(tenantId), userId: UserId.make(userId) }
        })
      }),
  })

  #commit(owner: Owner, commit: SyncCommit): Effect.Effect<void, StaleVersion | StoreUnavailable> {
    if (this.failingCommits > 0) {
      this.failingCommits -= 1
      return Effect.fail(new StoreUnavailable({ operation: "sync.commit", cause: new Error("gone") }))
    }
    const row = this.row(owner)
    const { version } = commit.connection
    if ((row.connection?.version ?? 0) !== version) return Effect.fail(new StaleVersion({ expected: version }))
    row.connection = { ...commit.connection, version: version + 1 }
    for (const { change, task, timesPostponed } of commit.changes) {
      if (change === "completed" || change === "removed") row.tasks.delete(task.taskId)
      else row.tasks.set(task.taskId, { task, timesPostponed })
    }
    for (const { actId, outcome } of commit.acted) this.acts.find((act) => act.actId === actId)!.outcome = outcome
    this.commits.push(commit)
    return Effect.void
  }
}

/** The actors over both. */
export const layerOf = (store: Store, tool: Tool) => {
  const keys = `k1:${Buffer.alloc(32, 7).toString("base64")}`
  return LocalActors.layer({ syncIntervalMs, connectorTimeoutMs: 15_000 }).pipe(
    Layer.provide(Layer.succeed(Connector, Connector.of({ provider: "todoist", sync: tool.sync }))),
    Layer.provide(SealedBoxVault.layer(Redacted.make(keys))),
    Layer.provideMerge(Layer.succeed(UserSyncStore, store.service)),
  )
}
