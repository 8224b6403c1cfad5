/** Who consumes what. The broker's contract, the service and the commands all read this list. */
import type { Config } from "../config.ts"
import { learnerDurable } from "../recommender/Learning.ts"
import { projectorDurable } from "../recommender/Projector.ts"
import type { ConsumerContract } from "../streams/EventLog.ts"

export const projector = (batchMax: number): ConsumerContract => ({
  durable: projectorDurable,
  stream: "SIGNALS",
  ordering: "partition",
  batchMax,
})

export const learner = (batchMax: number): ConsumerContract => ({
  durable: learnerDurable,
  stream: "FEEDBACK",
  ordering: "stream",
  batchMax,
})

export const consumers = ({ consumerBatchMax }: Config): ReadonlyArray<ConsumerContract> => [
  projector(consumerBatchMax),
  learner(consumerBatchMax),
]
