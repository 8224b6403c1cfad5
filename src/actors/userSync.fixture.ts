/** A user's sync without a database and without a tool: both are played, and can be made to fail at any point. */
import { Effect, Layer, Redacted, Stream } from "effect"
import * as AccountPace from "../connectors/AccountPace.ts"
import {
  Connectors,
  GrantUnsupported,
  ProviderUnavailable,
  RateLimited,
  TokenRejected,
} from "../connectors/Connector.ts"
import type {
  Act,
  ActOutcome,
  ConnectorError,
  ConnectorShape,
  Signal,
  TaskObservation,
  Whereabouts,
} from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import * as SealedBoxVault from "../connectors/SealedBoxVault.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Task } from "../../schemas/Task.ts"
import * as LocalActors from "./LocalActors.ts"
import type { GoneAs, KnownTask } from "./UserSyncState.ts"
import { LeaseLost, StaleVersion, UserHeld, UserSyncStore } from "./UserSyncStore.ts"
import type { ClaimLimits, Connection, DueUser, PendingAct, SyncCommit, UserLease } from "./UserSyncStore.ts"

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

export const credentialOf = (accessToken: string, given: Partial<Credential> = {}): Credential => ({
  accessToken: Redacted.make(accessToken),
  refreshToken: null,
  expiresAtMs: null,
  scopes: null,
  familyId: "family-1",
  issuedAtMs: 0,
  ...given,
})

interface Request {
  readonly token: string
  readonly kind: "read" | "act"
  readonly cursor: string | null
  readonly acts: ReadonlyArray<string>
}

interface Failure {
  readonly error: ConnectorError
  /** Of a read: after this many tasks. Of an act: the commands were executed, and the reply was lost. */
  readonly late?: boolean
  /** Which kind of call it waits for; any, when absent. */
  readonly on?: Request["kind"]
}

const never = (provider: "todoist") => new GrantUnsupported({ provider, detail: "not played here" })

/** Todoist in one object: a list of changes, a cursor into it, and acts that are executed once per id. */
export class Tool {
  readonly requests: Array<Request> = []
  readonly executed: Array<string> = []
  readonly refreshes: Array<string> = []
  readonly revoked: Array<string> = []
  readonly asked: Array<ReadonlyArray<string>> = []
  readonly failures: Array<Failure> = []
  revokeFailure: ConnectorError | undefined
  refreshFailure: ConnectorError | undefined
  accountId: string | null = "account-1"
  /** Whether the installation knows the tool at all. */
  isOffered = true
  timeZone: string | null = null
  /** The next reads with a cursor bring everything, as Todoist may. */
  snapshots = 0
  /** Full reads show nothing, so many times. */
  emptySnapshots = 0
  /** A snapshot speaks of what ended, too, as one of a calendar does. */
  snapshotsTellEnds = false
  quarantined: ReadonlyArray<string> = []
  readonly whereabouts = new Map<string, Whereabouts>()
  /** What completing a recurring task leads to. */
  readonly occurrences = new Map<string, Task>()
  /** Runs while a call is under way. */
  meanwhile: Effect.Effect<void> = Effect.void
  readonly #changes: Array<TaskObservation> = []

  change(...observations: ReadonlyArray<TaskObservation>): void {
    this.#changes.push(...observations)
  }

  open(...tasks: ReadonlyArray<Task>): void {
    this.change(...tasks.map((one) => ({ task: one, state: "open" as const })))
  }

  /** Everything there is, without a word of how it came to be so. */
  forget(taskId: string): void {
    const kept = this.#changes.filter((one) => one.task.taskId !== taskId)
    this.#changes.splice(0, this.#changes.length, ...kept)
  }

  readonly connector: ConnectorShape = {
    provider: "todoist",
    grants: ["oauth", "token"],
    canAct: true,
    circuit: Effect.succeed({ state: "closed", retryAtMs: null }),
    readWebhook: undefined,
    beginOAuth: () => Effect.fail(never("todoist")),
    finishOAuth: () => Effect.fail(never("todoist")),
    fromToken: (given) => Effect.succeed(credentialOf(Redacted.value(given))),
    refresh: (credential) =>
      Effect.suspend(() => {
        this.refreshes.push(Redacted.value(credential.refreshToken!))
        if (this.refreshFailure !== undefined) return Effect.fail(this.refreshFailure)
        const generation = this.refreshes.length
        return Effect.succeed({
          ...credential,
          accessToken: Redacted.make(`access-${generation}`),
          refreshToken: Redacted.make(`refresh-${generation}`),
          expiresAtMs: null,
        })
      }),
    fetchSignals: ({ credential, since }) =>
      Stream.unwrap(Effect.suspend(() => {
        this.#note(credential, "read", since, [])
        const failure = this.#failureOf("read")
        if (failure !== undefined && failure.late !== true) return Effect.fail(failure.error)
        const signals = this.#signals(since)
        if (failure === undefined) return Effect.as(this.meanwhile, Stream.fromArray(signals))
        const half = signals.slice(0, Math.ceil(signals.length / 2))
        return Effect.succeed(Stream.concat(Stream.fromArray(half), Stream.fail(failure.error)))
      })),
    act: ({ credential, acts }) =>
      Effect.suspend((): Effect.Effect<ReadonlyArray<ActOutcome>, ConnectorError> => {
        this.#note(credential, "act", null, acts)
        const failure = this.#failureOf("act")
        if (failure !== undefined && failure.late !== true) return Effect.fail(failure.error)
        for (const { actId, taskId } of acts) {
          if (this.executed.includes(actId)) continue
          this.executed.push(actId)
          const next = this.occurrences.get(taskId)
          if (next === undefined) this.change({ task: task(taskId), state: "completed" })
          else this.open(next)
        }
        if (failure !== undefined) return Effect.fail(failure.error)
        return Effect.succeed(acts.map(({ actId }) => ({ actId, outcome: "done" })))
      }),
    whereabouts: (_credential, taskIds) =>
      Effect.sync(() => {
        this.asked.push(taskIds)
        return this.whereabouts
      }),
    revoke: (credential) =>
      Effect.suspend(() => {
        if (this.revokeFailure !== undefined) return Effect.fail(this.revokeFailure)
        this.revoked.push(Redacted.value(credential.accessToken))
        return Effect.void
      }),
  }

  #note(credential: Credential, kind: Request["kind"], cursor: string | null, acts: ReadonlyArray<Act>): void {
    const token = Redacted.value(credential.accessToken)
    this.requests.push({ token, kind, cursor, acts: acts.map(({ actId }) => actId) })
  }

  #failureOf(kind: Request["kind"]): Failure | undefined {
    const at = this.failures.findIndex(({ on }) => on === undefined || on === kind)
    return at < 0 ? undefined : this.failures.splice(at, 1)[0]
  }

  #signals(since: string | null): Array<Signal> {
    const isSnapshot = since === null || this.snapshots > 0
    if (since !== null && this.snapshots > 0) this.snapshots -= 1
    const last = new Map(this.#changes.slice(isSnapshot ? 0 : Number(since)).map((one) => [one.task.taskId, one]))
    const isEmpty = isSnapshot && this.emptySnapshots > 0
    if (isEmpty) this.emptySnapshots -= 1
    const tasks = isEmpty
      ? []
      : [...last.values()].filter(({ state }) => !isSnapshot || this.snapshotsTellEnds || state === "open")
    return [
      { _tag: "Account", accountId: this.accountId, timeZone: this.timeZone },
      ...tasks.map((observation): Signal => ({ _tag: "Task", observation })),
      ...this.quarantined.map((taskId): Signal => ({ _tag: "Quarantined", taskId })),
      { _tag: "Position", cursor: String(this.#changes.length), isSnapshot },
    ]
  }
}

interface Row {
  connection: Connection | undefined
  readonly tasks: Map<string, KnownTask>
  readonly gone: Map<string, GoneAs>
  epoch: number
  heldElsewhere: boolean
}

interface KeptAct extends Omit<PendingAct, "isSent"> {
  isSent?: boolean
  outcome: string | undefined
  settledAtMs?: number
}

/** What `SqlUserSyncStore` does, in maps. */
export class Store {
  readonly rows = new Map<string, Row>()
  readonly commits: Array<SyncCommit> = []
  readonly acts: Array<KeptAct> = []
  readonly owed = new Set<string>()
  /** The next commits fail so many times. */
  failingCommits = 0
  closed = 0
  /** Runs between the read and the acts. */
  beforeSending = (): void => {}
  readonly claims: Array<{ readonly provider: string; readonly limits: ClaimLimits }> = []
  readonly unclaimed: Array<string> = []

  row(owner: Owner = anna): Row {
    const key = `${owner.tenantId}/${owner.userId}`
    let row = this.rows.get(key)
    if (row === undefined) {
      row = { connection: undefined, tasks: new Map(), gone: new Map(), epoch: 0, heldElsewhere: false }
      this.rows.set(key, row)
    }
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
    leaseMs: 30_000,
    open: (owner) =>
      Effect.suspend(() => {
        const row = this.row(owner)
        if (row.heldElsewhere) return Effect.fail(new UserHeld())
        row.epoch += 1
        const connections = row.connection === undefined ? [] : [row.connection]
        return Effect.succeed({
          lease: { owner, epoch: row.epoch },
          connections,
          activeAtMs: null,
          hasPendingActs: this.acts.some((act) => act.outcome === undefined),
        })
      }),
    renew: (lease) => this.#guard(lease),
    sending: (lease, actIds) =>
      Effect.andThen(
        Effect.suspend(() => {
          this.beforeSending()
          return this.#guard(lease)
        }),
        Effect.sync(() => {
          for (const act of this.acts) if (actIds.includes(act.actId)) act.isSent = true
        }),
      ),
    close: () => Effect.sync(() => void (this.closed += 1)),
    load: (owner) => Effect.sync(() => this.row(owner).connection),
    connections: (owner) => Effect.sync(() => [this.row(owner).connection].filter((one) => one !== undefined)),
    tasks: (owner, _provider, ids) =>
      Effect.sync(() => new Map([...this.row(owner).tasks].filter(([id]) => ids === undefined || ids.includes(id)))),
    goneTasks: (owner, _provider, ids) =>
      Effect.sync(() => new Map([...this.row(owner).gone].filter(([id]) => ids.includes(id)))),
    actedOn: (_owner, _provider, ids, sinceMs) =>
      Effect.sync(() => {
        const done = this.acts.filter((act) => act.outcome === "done" && act.settledAtMs! >= sinceMs)
        return new Set(done.map(({ taskId }) => taskId).filter((id) => ids.includes(id)))
      }),
    pendingActs: (_owner, _provider, limit) =>
      Effect.sync(() =>
        this.acts.filter((act) => act.outcome === undefined).slice(0, limit)
          .map(({ isSent = false, ...act }) => ({ ...act, isSent }))
      ),
    commit: (lease, commit) => Effect.andThen(this.#guard(lease), Effect.suspend(() => this.#commit(lease, commit))),
    claimDue: (provider, nowMs, claimMs, limits) =>
      Effect.sync(() => {
        this.claims.push({ provider, limits })
        const nextOf = (row: Row) =>
          row.connection?.provider === provider ? row.connection.nextSyncAtMs ?? Infinity : Infinity
        const isFailing = (row: Row) => (row.connection?.failures ?? 0) > 0
        const sorted = [...this.rows].filter(([, row]) => nextOf(row) <= nowMs)
          .toSorted(([, one], [, other]) => nextOf(one) - nextOf(other))
        const due = [
          ...sorted.filter(([, row]) => !isFailing(row)).slice(0, limits.healthy),
          ...sorted.filter(([, row]) => isFailing(row)).slice(0, limits.failing),
        ]
        return due.map(([key, row]): DueUser => {
          const dueAtMs = nextOf(row)
          row.connection = { ...row.connection!, nextSyncAtMs: nowMs + claimMs }
          return { owner: ownerOf(key), provider, isFailing: isFailing(row), dueAtMs, claimedUntilMs: nowMs + claimMs }
        })
      }),
    unclaim: (users) =>
      Effect.sync(() => {
        for (const { owner, dueAtMs } of users) {
          const row = this.row(owner)
          row.connection = { ...row.connection!, nextSyncAtMs: dueAtMs }
          this.unclaimed.push(owner.userId)
        }
      }),
    noteWebhook: () => Effect.succeed([]),
    claimRevocations: () => Effect.succeed([]),
    revoked: (revocationId) => Effect.sync(() => void this.owed.delete(revocationId)),
    summary: () => Effect.succeed([]),
    late: () => Effect.succeed([]),
  })

  #guard({ owner, epoch }: UserLease): Effect.Effect<void, LeaseLost> {
    return Effect.suspend(() => this.row(owner).epoch === epoch ? Effect.void : Effect.fail(new LeaseLost({ epoch })))
  }

  #commit(
    { owner }: UserLease,
    commit: SyncCommit,
  ): Effect.Effect<Connection, StaleVersion | StoreUnavailable> {
    if (this.failingCommits > 0) {
      this.failingCommits -= 1
      return Effect.fail(new StoreUnavailable({ operation: "sync.commit", cause: new Error("gone") }))
    }
    const row = this.row(owner)
    const { version } = commit.connection
    if ((row.connection?.version ?? 0) !== version) return Effect.fail(new StaleVersion({ expected: version }))
    const changed = new Set(commit.changes.map(({ task }) => task.taskId))
    // Postgres refuses to upsert one row twice in a statement.
    if (changed.size < commit.changes.length) return Effect.die(new Error("a task twice in one commit"))
    row.connection = { ...commit.connection, version: version + 1 }
    for (const { change, removal, task, timesPostponed } of commit.changes) {
      if (change === "completed" || change === "removed") {
        row.tasks.delete(task.taskId)
        if (removal === null || removal === "deleted" || removal === "unknown") {
          row.gone.set(task.taskId, removal ?? "completed")
        }
      } else row.tasks.set(task.taskId, { task, timesPostponed })
    }
    for (const { actId, outcome } of commit.acted) {
      const act = this.acts.find((one) => one.actId === actId)!
      act.outcome = outcome
      act.settledAtMs = commit.nowMs
    }
    if (commit.connection.status === "disconnected") {
      for (const act of this.acts) act.outcome ??= "failed"
    }
    if (commit.revocation !== null) this.owed.add(commit.revocation.revocationId)
    this.commits.push(commit)
    return Effect.succeed(row.connection)
  }
}

const ownerOf = (key: string): Owner => {
  const [tenantId, userId] = key.split("/") as [string, string]
  return { tenantId: TenantId.make(tenantId), userId: UserId.make(userId) }
}

const keyOf = (id: string, fill: number) => `${id}:${Buffer.alloc(32, fill).toString("base64")}`
const vaultOf = (...keys: ReadonlyArray<string>) => Layer.orDie(SealedBoxVault.layer(Redacted.make(keys.join(","))))

export const vault = vaultOf(keyOf("k1", 7), keyOf("k0", 6))
/** From before the key that seals now. */
export const oldVault = vaultOf(keyOf("k0", 6))

export const sealed = (credential: Credential, owner: Owner = anna) =>
  TokenVault.use((one) => one.seal(owner, "todoist", credential)).pipe(Effect.provide(vault))

/** The actors over both. */
export const layerOf = (store: Store, tool: Tool) =>
  LocalActors.layer({ syncIntervalMs, connectorTimeoutMs: 15_000 }).pipe(
    Layer.provideMerge(
      Layer.succeed(
        Connectors,
        Connectors.of({
          all: [tool.connector],
          of: (name) => name === "todoist" && tool.isOffered ? tool.connector : undefined,
        }),
      ),
    ),
    Layer.provide(vault),
    Layer.provide(AccountPace.layer),
    Layer.provideMerge(Layer.succeed(UserSyncStore, store.service)),
  )
