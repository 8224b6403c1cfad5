/**
 * Makes events. One constructor per event, past tense; the type is `<class>.<entity>.<event>`.
 *
 * The caller gives the id: a UUIDv7 for something that happened here, the UUIDv5 of the source change for
 * something observed elsewhere, so that observing it twice is one event.
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { create } from "@bufbuild/protobuf"
import { timestampFromMs } from "@bufbuild/protobuf/wkt"
import type { AccountOpenedSchema } from "./gen/tipstream/events/v1/accounts_pb.ts"
import type { TipServedSchema } from "./gen/tipstream/events/v1/decisions_pb.ts"
import type { Envelope } from "./gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "./gen/tipstream/events/v1/envelope_pb.ts"
import type { ReactionRecordedSchema, TipExpiredSchema } from "./gen/tipstream/events/v1/feedback_pb.ts"
import type { TaskChangedSchema } from "./gen/tipstream/events/v1/signals_pb.ts"
import { ConnectionState, RemovalReason, SignalOrigin, TaskChange } from "./gen/tipstream/events/v1/signals_pb.ts"
import { ReactionKind } from "./gen/tipstream/events/v1/feedback_pb.ts"
import type { Owner } from "./ids.ts"
import type { Provider } from "./Task.ts"
import type { Reaction } from "./Tip.ts"

/** What every event carries beside its payload. */
export interface Occurrence extends Owner {
  readonly id: string
  readonly atMs: number
  readonly correlationId: string
  readonly causationId?: string
}

/** Version of all payload messages below; a payload that changes its meaning gets its own. */
const schemaVersion = 1

type Payload = Exclude<MessageInitShape<typeof EnvelopeSchema>["payload"], undefined>

const envelope = (occurrence: Occurrence, type: string, source: string, payload: Payload): Envelope =>
  create(EnvelopeSchema, {
    id: occurrence.id,
    type,
    source,
    time: timestampFromMs(occurrence.atMs),
    tenantId: occurrence.tenantId,
    userId: occurrence.userId,
    correlationId: occurrence.correlationId,
    causationId: occurrence.causationId ?? "",
    schemaVersion,
    payload,
  })

const taskChanges = {
  appeared: TaskChange.APPEARED,
  updated: TaskChange.UPDATED,
  completed: TaskChange.COMPLETED,
  removed: TaskChange.REMOVED,
  occurrence_completed: TaskChange.OCCURRENCE_COMPLETED,
  restored: TaskChange.RESTORED,
} as const

export type TaskChangeName = keyof typeof taskChanges

const origins = {
  observed: SignalOrigin.OBSERVED,
  backfill: SignalOrigin.BACKFILL,
  "own-act": SignalOrigin.OWN_ACT,
} as const

export type SignalOriginName = keyof typeof origins

const removals = {
  deleted: RemovalReason.DELETED,
  withdrawn: RemovalReason.WITHDRAWN,
  unknown: RemovalReason.UNKNOWN,
  disconnected: RemovalReason.DISCONNECTED,
} as const

export type RemovalReasonName = keyof typeof removals

/** What is known of a change beside what changed. `removal` of a removed task only. */
export interface ChangeCircumstances {
  readonly origin: SignalOriginName
  readonly removal: RemovalReasonName | null
  readonly isInferred: boolean
}

/** Without circumstances it says nothing of them, as events did before there were any. */
export const taskChanged = (
  occurrence: Occurrence,
  change: TaskChangeName,
  value: Omit<
    MessageInitShape<typeof TaskChangedSchema>,
    "change" | "origin" | "removalReason" | "isInferred" | "$typeName"
  >,
  seen?: ChangeCircumstances,
): Envelope =>
  envelope(occurrence, `signals.task.${change}`, "tipstream/actors/UserSync", {
    case: "taskChanged",
    value: {
      ...value,
      change: taskChanges[change],
      origin: seen === undefined ? SignalOrigin.UNSPECIFIED : origins[seen.origin],
      removalReason: seen === undefined || seen.removal === null ? RemovalReason.UNSPECIFIED : removals[seen.removal],
      isInferred: seen?.isInferred ?? false,
    },
  })

const connectionStates = {
  connected: ConnectionState.CONNECTED,
  "needs-reconnect": ConnectionState.NEEDS_RECONNECT,
  disconnected: ConnectionState.DISCONNECTED,
} as const

export type ConnectionStateName = keyof typeof connectionStates

export const connectionChanged = (occurrence: Occurrence, provider: Provider, state: ConnectionStateName): Envelope =>
  envelope(occurrence, `signals.connection.${state}`, "tipstream/actors/UserSync", {
    case: "connectionChanged",
    value: { provider, state: connectionStates[state] },
  })

export const tipServed = (occurrence: Occurrence, value: MessageInitShape<typeof TipServedSchema>): Envelope =>
  envelope(occurrence, "decisions.tip.served", "tipstream/recommender/Recommender", { case: "tipServed", value })

export const reactionKinds = {
  done: ReactionKind.DONE,
  snooze: ReactionKind.SNOOZE,
  dismiss: ReactionKind.DISMISS,
  acknowledge: ReactionKind.ACKNOWLEDGE,
  save: ReactionKind.SAVE,
  undo: ReactionKind.UNDO,
} as const satisfies Record<Reaction, ReactionKind>

/** Undefined for a kind this version does not know. */
export const reactionOfKind = (kind: ReactionKind): Reaction | undefined =>
  (Object.keys(reactionKinds) as Array<Reaction>).find((reaction) => reactionKinds[reaction] === kind)

export const reactionRecorded = (
  occurrence: Occurrence,
  value: MessageInitShape<typeof ReactionRecordedSchema>,
): Envelope =>
  envelope(occurrence, "feedback.reaction.recorded", "tipstream/recommender/Feedback", {
    case: "reactionRecorded",
    value,
  })

export const tipExpired = (occurrence: Occurrence, value: MessageInitShape<typeof TipExpiredSchema>): Envelope =>
  envelope(occurrence, "feedback.tip.expired", "tipstream/recommender/Expiry", { case: "tipExpired", value })

export const accountOpened = (occurrence: Occurrence, value: MessageInitShape<typeof AccountOpenedSchema>): Envelope =>
  envelope(occurrence, "accounts.user.opened", "tipstream/identity/Accounts", { case: "accountOpened", value })
