/**
 * What the broker has to hold for us: every stream and every consumer with every limit, as data; and what differs.
 * Pure. Names of fields and units are JetStream's own (nanoseconds), so that they compare with what the server says.
 */
import type { ConsumerContract } from "./EventLog.ts"
import { lanesOf } from "./EventLog.ts"
import { advisoryStream, deadLetterStream, laneDurable, laneFilter, streamNames } from "./names.ts"

/** Raise it when a consumer needs what no running durable can be changed to: the new one gets a new name. */
export const contractVersion = 1

export interface StreamConfig {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly retention: "limits"
  readonly storage: "file"
  readonly num_replicas: number
  /** Nanoseconds; 0 is for ever. */
  readonly max_age: number
  /** -1 is without bound, as in the next two. */
  readonly max_msgs: number
  readonly max_bytes: number
  readonly max_msg_size: number
  readonly max_msgs_per_subject: number
  readonly max_consumers: number
  readonly discard: "old" | "new"
  /** Nanoseconds. */
  readonly duplicate_window: number
  readonly deny_delete: boolean
  readonly deny_purge: boolean
  readonly allow_rollup_hdrs: boolean
}

export interface ConsumerConfig {
  readonly durable_name: string
  readonly filter_subject: string
  /** Where a durable begins is decided once, when it is made; afterwards it has a position of its own. */
  readonly ack_policy: "explicit"
  /** Nanoseconds. */
  readonly ack_wait: number
  readonly max_deliver: number
  readonly max_ack_pending: number
  readonly max_waiting: number
  readonly replay_policy: "instant"
  readonly num_replicas: number
  readonly headers_only: boolean
  readonly mem_storage: boolean
}

export interface LaneContract {
  readonly stream: string
  /** Name of the consumer it is a lane of, and which. */
  readonly durable: string
  readonly lane: number
  readonly config: ConsumerConfig
}

export interface BrokerContract {
  readonly streams: ReadonlyArray<StreamConfig>
  readonly consumers: ReadonlyArray<LaneContract>
}

/** One limit set by the operator: `{ stream: "SIGNALS", field: "max_msgs", value: 100000 }`. */
export interface LimitOverride {
  readonly stream: string
  readonly field: "max_age" | "max_msgs" | "max_bytes"
  /** In the unit of the field. */
  readonly value: number
}

export interface ContractSettings {
  readonly partitions: number
  readonly replicas: number
  readonly ackWaitMs: number
  readonly attemptsMax: number
  readonly limits: ReadonlyArray<LimitOverride>
}

const ms = 1_000_000
const day = 86_400_000 * ms

/** A deploy, a failover and a long garbage collection of each publisher fit in; longer outages are caught by number. */
const duplicateWindowMs = 120_000

/** The default of the server's `max_payload`: what is larger was never published. */
const messageSizeMax = 1_048_576

/**
 * Deliveries that are no attempts: what stands behind messages that end processes is delivered as often as these end.
 * Attempts are counted where effects are; this only ends what nobody could count.
 */
export const deliveriesSpare = 1_000

/** Batches of a lane that may be on their way: one that is handled, one that waits for its turn. */
export const batchesInFlight = 2

/** Pulls that wait at the server per lane: two replicas in the middle of a handover, twice. */
const waitingPullsMax = 8

export const brokerContract = (
  consumers: ReadonlyArray<ConsumerContract>,
  settings: ContractSettings,
): BrokerContract => ({
  streams: streamContracts(settings),
  consumers: consumers.flatMap((consumer) =>
    lanesOf(consumer, settings.partitions).map((lane) => laneContract(consumer, lane, settings))
  ),
})

export const streamContracts = ({ replicas, limits }: ContractSettings): ReadonlyArray<StreamConfig> => {
  const base = {
    retention: "limits",
    storage: "file",
    num_replicas: replicas,
    max_msgs: -1,
    max_bytes: -1,
    max_msg_size: messageSizeMax,
    max_msgs_per_subject: -1,
    max_consumers: -1,
    discard: "old",
    duplicate_window: duplicateWindowMs * ms,
    // An operator may erase one user's messages; nothing of ours does.
    deny_delete: false,
    deny_purge: false,
    allow_rollup_hdrs: false,
  } as const
  const ages: Record<(typeof streamNames)[number], number> = {
    SIGNALS: 7 * day,
    DECISIONS: 90 * day,
    FEEDBACK: 90 * day,
    ACCOUNTS: 90 * day,
  }
  const streams: ReadonlyArray<StreamConfig> = [
    ...streamNames.map((name) => ({
      ...base,
      name,
      subjects: [laneFilter(name, undefined)],
      max_age: ages[name],
      // Signals are known to the tools they came from, so they alone are bounded by number.
      max_msgs: name === "SIGNALS" ? 500_000 : -1,
    })),
    // Full is better than forgetful: a message whose letter cannot be written stays where it is.
    {
      ...base,
      name: deadLetterStream,
      subjects: ["tenant.*.dead.>"],
      max_age: 30 * day,
      max_msgs: 100_000,
      discard: "new",
    },
    // What was refused or given up is told of as well, by the hundred at a handover, and would push these out.
    {
      ...base,
      name: advisoryStream,
      subjects: ["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"],
      max_age: 7 * day,
      max_msgs: 100_000,
    },
  ]
  return streams.map((stream) => {
    const given = limits.filter((one) => one.stream === stream.name)
    const limited = { ...stream, ...Object.fromEntries(given.map((one) => [one.field, unlimited(one)])) }
    // A server refuses to remember ids longer than messages.
    return limited.max_age === 0
      ? limited
      : { ...limited, duplicate_window: Math.min(limited.duplicate_window, limited.max_age) }
  })
}

/** 0 is without limit for whoever sets it, and so for a server, which says -1 for it afterwards. */
const unlimited = ({ field, value }: LimitOverride): number => field !== "max_age" && value === 0 ? -1 : value

export const laneContract = (
  consumer: ConsumerContract,
  lane: number,
  { partitions, ackWaitMs, attemptsMax }: Pick<ContractSettings, "partitions" | "ackWaitMs" | "attemptsMax">,
): LaneContract => {
  const { durable, stream, ordering, batchMax } = consumer
  const partition = ordering === "stream" ? undefined : lane
  return {
    stream,
    durable,
    lane,
    config: {
      durable_name: laneDurable({ durable, stream, partition, partitions, version: contractVersion }),
      filter_subject: laneFilter(stream, partition),
      ack_policy: "explicit",
      ack_wait: ackWaitMs * ms,
      max_deliver: attemptsMax + deliveriesSpare,
      max_ack_pending: batchMax * batchesInFlight,
      max_waiting: waitingPullsMax,
      replay_policy: "instant",
      num_replicas: 0,
      headers_only: false,
      mem_storage: false,
    },
  }
}

export interface FieldDifference {
  readonly field: string
  readonly wanted: unknown
  readonly found: unknown
}

/**
 * Fields of the contract that the server does not have as wanted. A field it leaves out has its zero value; what it
 * knows beyond the contract and a contract never names is its own business, but for those that change what is read.
 */
export const differences = (
  wanted: StreamConfig | ConsumerConfig,
  found: Readonly<Record<string, unknown>>,
): ReadonlyArray<FieldDifference> => {
  const named = Object.entries(wanted).flatMap(([field, value]) =>
    isSame(value, found[field]) ? [] : [{ field, wanted: value, found: found[field] ?? null }]
  )
  const unnamed = changing.flatMap((field) =>
    field in wanted || isUnset(found[field]) ? [] : [{ field, wanted: null, found: found[field] }]
  )
  return [...named, ...unnamed]
}

/** Each of them makes a stream or a consumer something else than its contract says. */
const changing = [
  "sealed",
  "mirror",
  "sources",
  "republish",
  "subject_transform",
  "no_ack",
  "backoff",
  "deliver_subject",
  "deliver_group",
  "inactive_threshold",
  "filter_subjects",
  "max_batch",
  "max_expires",
  "max_bytes",
  "rate_limit_bps",
  "pause_until",
  "priority_policy",
  "discard_new_per_subject",
  "allow_msg_counter",
  "persist_mode",
]

/** Zero, empty, false, absent: how a server says that a field is not used. */
const isUnset = (value: unknown): boolean =>
  value === undefined || value === null || value === 0 || value === false || value === "" || value === "none" ||
  value === "default" ||
  (Array.isArray(value) && value.length === 0)

const isSame = (wanted: unknown, found: unknown): boolean => {
  if (Array.isArray(wanted)) return JSON.stringify(wanted) === JSON.stringify(found)
  return wanted === found || (isUnset(wanted) && isUnset(found))
}
