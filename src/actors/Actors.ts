/**
 * The actors of the service, whatever runs them: one per user, messages in order, each answered.
 * Asking for a user wakes their actor; an idle one goes back to being rows.
 */
import { Context, Schema } from "effect"
import type { Effect, Redacted } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"

export type UserMessage =
  /** Proves the token by a first full sync, then keeps it sealed. */
  | { readonly _tag: "Connect"; readonly provider: Provider; readonly token: Redacted.Redacted<string> }
  | { readonly _tag: "SyncNow"; readonly reason: "due" | "stale" | "acts" | "asked" }
  /** Forgets the token and all tasks. */
  | { readonly _tag: "Disconnect"; readonly provider: Provider }

export interface SyncReport {
  readonly status: "synced" | "not-connected" | "disconnected"
  readonly changes: number
  readonly syncedAtMs: number | null
}

/** The tool does not take the token: connect again with another. */
export class ConnectionRejected extends Schema.TaggedError<ConnectionRejected>()("ConnectionRejected", {
  provider: Schema.String,
}) {
  override get message() {
    return `${this.provider} does not accept this token`
  }
}

/** The sync failed and will be tried again by itself at `retryAtMs`. `problem` may be shown to the user. */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  problem: Schema.String,
  retryAtMs: Schema.NullOr(Schema.Int),
}) {
  override get message() {
    return this.problem
  }
}

/** The user's actor has too much to do, took too long, or is resting after repeated crashes. Try again later. */
export class ActorBusy extends Schema.TaggedError<ActorBusy>()("ActorBusy", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

export type AskError = ConnectionRejected | SyncFailed | ActorBusy | StoreUnavailable

export interface ActorView {
  readonly id: string
  readonly state: string
  readonly queued: number
  readonly restarts: number
}

export class Actors extends Context.Service<Actors, {
  readonly ask: (owner: Owner, message: UserMessage) => Effect.Effect<SyncReport, AskError>
  /** Live actors, for operators. */
  readonly snapshot: Effect.Effect<ReadonlyArray<ActorView>>
  /** Takes no new messages and finishes those it has. */
  readonly drain: Effect.Effect<void>
}>()("tipstream/actors/Actors") {}
