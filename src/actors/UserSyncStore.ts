/** What a user's sync actor remembers, and the one way it writes: under a lease, from a known version. */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { ActOutcome } from "../connectors/Connector.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { GoneAs, KnownTask, TaskChangeSeen } from "./UserSyncState.ts"

export type ConnectionStatus = "connected" | "needs-reconnect" | "disconnected"

export interface Connection {
  readonly provider: Provider
  readonly status: ConnectionStatus
  readonly sealedToken: Uint8Array | null
  /** The grant the credential descends from (Credential.ts); null without one, or for one kept before there were. */
  readonly familyId: string | null
  /** What the user granted; null when the tool did not say. */
  readonly scopes: ReadonlyArray<string> | null
  /** When the access token ends; null when nobody said. */
  readonly expiresAtMs: number | null
  /** The provider's id of the account; null until a read told it. */
  readonly accountId: string | null
  readonly cursor: string | null
  /** Rises with every commit; a commit names the one it started from. */
  readonly version: number
  readonly connectedAtMs: number
  readonly syncedAtMs: number | null
  readonly nextSyncAtMs: number | null
  /** Failed syncs in a row. */
  readonly failures: number
  /** The last failure in words a user may read; null after a success. */
  readonly lastProblem: string | null
  /** The same for programs: the tag of the error, such as `RateLimited`. */
  readonly problemCode: string | null
}

/** What the user asked for and is not done yet. */
export interface PendingAct {
  readonly actId: string
  readonly kind: "complete"
  readonly taskId: string
  /** Of a recurring task, the due date the user saw (`dueKey` in UserSyncState.ts); null for any other. */
  readonly expectedDue: string | null
  /** It was sent before, and no answer came: it may have been carried out. */
  readonly isSent: boolean
}

/** All that one step of a sync changes. Committed whole or not at all, with its events. */
export interface SyncCommit {
  readonly connection: Connection
  readonly changes: ReadonlyArray<TaskChangeSeen>
  readonly acted: ReadonlyArray<ActOutcome>
  /** The user's zone, when the tool knows one. */
  readonly timeZone: string | null
  readonly events: ReadonlyArray<Envelope>
  readonly nowMs: number
  /**
   * The time of the next sync as it was when this work last saw it. Who brought it forward since (a webhook, an act)
   * tells of something this work may not have read, so that time stays. Without it, nobody's does.
   */
  readonly nextSyncSeenMs?: number | null
  /** A credential to be taken back at the tool, kept until that is done or it is `expiresAtMs`. */
  readonly revocation:
    | { readonly revocationId: string; readonly sealed: Uint8Array; readonly expiresAtMs: number }
    | null
}

/** Somebody else wrote since: what this actor knows is old. Reload and decide anew. */
export class StaleVersion extends Schema.TaggedError<StaleVersion>()("StaleVersion", {
  expected: Schema.Int,
}) {
  override get message() {
    return `the connection moved past version ${this.expected}`
  }
}

/** Another node works for this user, for `leaseMs` at most unless it renews. Nothing was changed. */
export class UserHeld extends Schema.TaggedError<UserHeld>()("UserHeld", {}) {
  override get message() {
    return "another node is working for this user"
  }
}

/** The lease ended while it was worked under, and may be another's by now: nothing may be written any more. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", { epoch: Schema.Int }) {
  override get message() {
    return `the lease of epoch ${this.epoch} is over`
  }
}

/** The right to write for one user. */
export interface UserLease {
  readonly owner: Owner
  readonly epoch: number
}

/** What a lease opens with. */
export interface UserSession {
  readonly lease: UserLease
  readonly connections: ReadonlyArray<Connection>
  /** When the user last asked for a tip; null: never. */
  readonly activeAtMs: number | null
  /** Acts wait to be carried out. One asked for since then brings the next sync forward, with the commit. */
  readonly hasPendingActs: boolean
}

/** How many of whose last sync went well, and of whose failed. */
export interface ClaimLimits {
  readonly healthy: number
  readonly failing: number
}

export interface DueUser {
  readonly owner: Owner
  readonly provider: Provider
  /** Their last sync failed. */
  readonly isFailing: boolean
  /** When it should have been. */
  readonly dueAtMs: number
  /** When they are due again, should nobody sync them. */
  readonly claimedUntilMs: number
}

export interface LateUser {
  readonly owner: Owner
  readonly provider: Provider
  readonly status: ConnectionStatus
  readonly syncedAtMs: number | null
  readonly nextSyncAtMs: number | null
  readonly failures: number
  readonly problemCode: string | null
  readonly lastProblem: string | null
}

/** How the users of one provider are, for operators. */
export interface SyncSummary {
  readonly provider: Provider
  readonly connected: number
  readonly needsReconnect: number
  /** Connected, and the last sync failed. */
  readonly failing: number
  /** Due, and not taken yet. */
  readonly due: number
  /** Of the due user who waits longest; 0 when none is. */
  readonly lagMs: number
  /** Failing users by `problemCode`. */
  readonly problems: Readonly<Record<string, number>>
}

export interface OwedRevocation {
  readonly revocationId: string
  readonly owner: Owner
  readonly provider: Provider
  readonly sealed: Uint8Array
  readonly attempts: number
}

export class UserSyncStore extends Context.Service<UserSyncStore, {
  /** How long a lease holds without being renewed. */
  readonly leaseMs: number
  /** Takes the user's lease; its own again, under a new epoch, when it already has it. */
  readonly open: (owner: Owner) => Effect.Effect<UserSession, UserHeld | StoreUnavailable>
  /** Holds on to it for another `leaseMs`. */
  readonly renew: (lease: UserLease) => Effect.Effect<void, LeaseLost | StoreUnavailable>
  /** Holds on to it, and notes that these acts are being sent: the last look before something is done at the tool. */
  readonly sending: (
    lease: UserLease,
    actIds: ReadonlyArray<string>,
    nowMs: number,
  ) => Effect.Effect<void, LeaseLost | StoreUnavailable>
  /** Lets go; nothing happens when it is lost already. */
  readonly close: (lease: UserLease) => Effect.Effect<void, StoreUnavailable>
  /** Without a lease, for looking. */
  readonly load: (owner: Owner, provider: Provider) => Effect.Effect<Connection | undefined, StoreUnavailable>
  readonly connections: (owner: Owner) => Effect.Effect<ReadonlyArray<Connection>, StoreUnavailable>
  /** The known open tasks with these ids; all of them for `undefined`. */
  readonly tasks: (
    owner: Owner,
    provider: Provider,
    taskIds: ReadonlyArray<string> | undefined,
  ) => Effect.Effect<ReadonlyMap<string, KnownTask>, StoreUnavailable>
  /** Of these tasks, those known to have ended, and how. Remembered for some weeks. */
  readonly goneTasks: (
    owner: Owner,
    provider: Provider,
    taskIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, GoneAs>, StoreUnavailable>
  /** Of these tasks, those an act of ours was carried out on since `sinceMs`: what comes back of them is an echo. */
  readonly actedOn: (
    owner: Owner,
    provider: Provider,
    taskIds: ReadonlyArray<string>,
    sinceMs: number,
  ) => Effect.Effect<ReadonlySet<string>, StoreUnavailable>
  /** Oldest first. */
  readonly pendingActs: (
    owner: Owner,
    provider: Provider,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<PendingAct>, StoreUnavailable>
  /**
   * Compare-and-set on `commit.connection.version`; 0 makes the connection. The lease is checked, and held on to, in
   * the same transaction. One that disconnects wipes the tasks, and settles every act still pending as failed. Gives
   * the connection as it now stands.
   */
  readonly commit: (
    lease: UserLease,
    commit: SyncCommit,
  ) => Effect.Effect<Connection, StaleVersion | LeaseLost | StoreUnavailable>
  /**
   * Takes users of this provider whose sync is due, of each kind up to its limit and earliest first, and puts their
   * next one off by `claimMs`: another scheduler does not take them too, and one whose process dies comes round again.
   */
  readonly claimDue: (
    provider: Provider,
    nowMs: number,
    claimMs: number,
    limits: ClaimLimits,
  ) => Effect.Effect<ReadonlyArray<DueUser>, StoreUnavailable>
  /** Gives claims back that were not begun: due again when they were. Whoever has a new turn meanwhile keeps that. */
  readonly unclaim: (users: ReadonlyArray<DueUser>) => Effect.Effect<void, StoreUnavailable>
  /**
   * Remembers the delivery and makes everybody of that account due within seconds, should nobody tell their actors;
   * who fails keeps the time of their next try. Gives them; none for an account nobody has, `"seen"` for a delivery
   * that was here before.
   */
  readonly noteWebhook: (
    provider: Provider,
    deliveryId: string,
    accountId: string,
    nowMs: number,
  ) => Effect.Effect<ReadonlyArray<Owner> | "seen", StoreUnavailable>
  /** Takes up to `limit` revocations whose turn it is, and puts their next try off. Forgets those that expired. */
  readonly claimRevocations: (
    nowMs: number,
    retryMs: number,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<OwedRevocation>, StoreUnavailable>
  readonly revoked: (revocationId: string) => Effect.Effect<void, StoreUnavailable>
  readonly summary: (nowMs: number) => Effect.Effect<ReadonlyArray<SyncSummary>, StoreUnavailable>
  /** Whose data is oldest for what it should be: failing or overdue, worst first. */
  readonly late: (nowMs: number, limit: number) => Effect.Effect<ReadonlyArray<LateUser>, StoreUnavailable>
}>()("tipstream/actors/UserSyncStore") {}
