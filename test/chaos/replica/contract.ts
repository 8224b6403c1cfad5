/** What the replicas of the fault suite need on the broker. */
import { brokerContract } from "../../../src/streams/contracts.ts"
import type { ConsumerContract } from "../../../src/streams/EventLog.ts"
import type { ReplicaOptions } from "./options.ts"

/** Both kinds of order over the same stream, so that each fault meets both. */
export const chaosConsumers = (batchMax: number): ReadonlyArray<ConsumerContract> => [
  { durable: "chaos_by_user", stream: "SIGNALS", ordering: "partition", batchMax },
  { durable: "chaos_in_order", stream: "SIGNALS", ordering: "stream", batchMax },
]

export const contractOf = (
  options: Pick<ReplicaOptions, "ackWaitMs" | "attemptsMax" | "batchMax" | "partitions">,
) => brokerContract(chaosConsumers(options.batchMax), { ...options, replicas: 1, limits: [] })
