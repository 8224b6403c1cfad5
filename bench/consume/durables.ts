/** The durables of one run, made as the contract of our consumers says, for every contender alike. */
import type { JetStreamManager } from "@nats-io/jetstream"
import { laneContract } from "../../src/streams/contracts.ts"
import { lanesOf } from "../../src/streams/EventLog.ts"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { stream } from "./backlog.ts"
import { ackWaitMs, batchMax, type Durable, partitions } from "./contenders.ts"

/** More than a bench ever fails. */
export const attemptsMax = 5

export const consumerOf = (run: string, ordering: ConsumerContract["ordering"]): ConsumerContract => ({
  durable: run,
  stream,
  ordering,
  batchMax,
})

export async function makeDurables(
  manager: JetStreamManager,
  consumer: ConsumerContract,
): Promise<ReadonlyArray<Durable>> {
  const made: Array<Durable> = []
  for (const lane of lanesOf(consumer, partitions)) {
    const { config } = laneContract(consumer, lane, { partitions, ackWaitMs, attemptsMax })
    await manager.consumers.add(stream, { ...config, deliver_policy: "all" })
    made.push({ stream, name: config.durable_name })
  }
  return made
}
