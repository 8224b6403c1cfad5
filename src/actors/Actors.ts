/**
 * The actors of the service, whatever runs them: one per user, messages in order, each answered.
 * Asking for a user wakes their actor; an idle one goes back to being rows.
 */
import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Provider } from "../../schemas/Task.ts"

/** Why somebody wants fresh data. Decides what may be put off: a person waiting is not, a timer is. */
export const SyncReason = Schema.Literals([
  /** The due queue. */
  "due",
  /** A recommend found old data. */
  "stale",
  /** Something is to be carried out. */
  "acts",
  /** The user pressed the button. */
  "asked",
])
export type SyncReason = typeof SyncReason.Type

/**
 * Proves the credential by a first full read, then keeps it. It comes sealed: a message may cross the network between
 * nodes, and wait in memory. `replaces`: the user agreed that another account of theirs takes the place of the
 * connected one, whose data is wiped first.
 */
const Connect = Schema.TaggedStruct("Connect", {
  provider: Provider,
  sealed: Schema.Uint8Array,
  replaces: Schema.Boolean,
})

/** `provider` null: all that are connected. */
const SyncNow = Schema.TaggedStruct("SyncNow", { provider: Schema.NullOr(Provider), reason: SyncReason })

/** The tool says that something changed. Only ids are taken from it: what changed is read from the tool itself. */
const Webhook = Schema.TaggedStruct("Webhook", {
  provider: Provider,
  /** Tasks of which the tool says that the user completed them: certainty a read alone cannot give. */
  completedTaskIds: Schema.Array(Schema.String),
})

/** Wipes credential and tasks here, whatever the tool says to the revocation. */
const Disconnect = Schema.TaggedStruct("Disconnect", { provider: Provider })

export const UserMessage = Schema.Union([Connect, SyncNow, Webhook, Disconnect])
export type UserMessage = typeof UserMessage.Type

export const SyncReport = Schema.Struct({
  status: Schema.Literals(["synced", "not-connected", "disconnected"]),
  changes: Schema.Int,
  syncedAtMs: Schema.NullOr(Schema.Int),
  /** Id of the last event this committed, to wait for its effect; null when nothing changed. */
  lastEventId: Schema.NullOr(Schema.String),
  /** Of a disconnection: the tool was told, it did not answer and is asked again, or it has nothing to be told. */
  revocation: Schema.optionalKey(Schema.Literals(["done", "pending", "none"])),
})
export type SyncReport = typeof SyncReport.Type

/** The tool does not take the token: connect again with another. */
export class ConnectionRejected extends Schema.TaggedError<ConnectionRejected>()("ConnectionRejected", {
  provider: Schema.String,
}) {
  override get message() {
    return `${this.provider} does not accept this token`
  }
}

/** The credential belongs to another account of the tool than the connected one. Nothing changed; ask the user. */
export class DifferentAccount extends Schema.TaggedError<DifferentAccount>()("DifferentAccount", {
  provider: Schema.String,
}) {
  override get message() {
    return `this is another ${this.provider} account than the one connected`
  }
}

/** The sync failed and will be tried again by itself at `retryAtMs`. `problem` may be shown to the user. */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  problem: Schema.String,
  /** The same for programs: the tag of the connector's error, or `Paced` when we asked often enough ourselves. */
  code: Schema.String,
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

/** What a user's actor itself may answer. */
export const ActorError = Schema.Union([ConnectionRejected, DifferentAccount, SyncFailed, ActorBusy, StoreUnavailable])
export type AskError = typeof ActorError.Type

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
