/** What a user's sync actor remembers, and the one way it writes. */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { Act, ActOutcome } from "../connectors/Connector.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { KnownTask, TaskChangeSeen } from "./UserSyncState.ts"

export type ConnectionStatus = "connected" | "needs-reconnect" | "disconnected"

export interface Connection {
  readonly provider: Provider
  readonly status: ConnectionStatus
  readonly sealedToken: Uint8Array | null
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
}

/** All that one sync changes. Committed whole or not at all, with its events. */
export interface SyncCommit {
  readonly connection: Connection
  readonly changes: ReadonlyArray<TaskChangeSeen>
  readonly acted: ReadonlyArray<ActOutcome>
  /** The user's zone, when the tool knows one. */
  readonly timeZone: string | null
  readonly events: ReadonlyArray<Envelope>
  readonly nowMs: number
}

/** Somebody else wrote since: what this actor knows is old. Reload and decide anew. */
export class StaleVersion extends Schema.TaggedError<StaleVersion>()("StaleVersion", {
  expected: Schema.Int,
}) {
  override get message() {
    return `the connection moved past version ${this.expected}`
  }
}

export class UserSyncStore extends Context.Service<UserSyncStore, {
  readonly load: (owner: Owner, provider: Provider) => Effect.Effect<Connection | undefined, StoreUnavailable>
  /** The known tasks with these ids; all of them for `undefined`. */
  readonly tasks: (
    owner: Owner,
    provider: Provider,
    taskIds: ReadonlyArray<string> | undefined,
  ) => Effect.Effect<ReadonlyMap<string, KnownTask>, StoreUnavailable>
  /** What the user asked for and is not done yet, oldest first. */
  readonly pendingActs: (
    owner: Owner,
    provider: Provider,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Act>, StoreUnavailable>
  /** Compare-and-set on the version before `commit.connection.version`; 0 makes the connection. */
  readonly commit: (owner: Owner, commit: SyncCommit) => Effect.Effect<void, StaleVersion | StoreUnavailable>
  /**
   * Takes up to `limit` users whose sync is due, earliest first, and puts their next one off by `claimMs`: another
   * scheduler does not take them too, and one whose process dies comes round again.
   */
  readonly claimDue: (
    nowMs: number,
    claimMs: number,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Owner>, StoreUnavailable>
  readonly connections: (owner: Owner) => Effect.Effect<ReadonlyArray<Connection>, StoreUnavailable>
}>()("tipstream/actors/UserSyncStore") {}
