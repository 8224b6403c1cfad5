/** The contracts of the simulated installation: production's, for its consumers. */
import { brokerContract } from "../../src/streams/contracts.ts"
import type { ContractSettings } from "../../src/streams/contracts.ts"
import { ackWaitMs, attemptsMax, consumers, partitions } from "./replica.ts"

export const settings: ContractSettings = { partitions, replicas: 1, ackWaitMs, attemptsMax, limits: [] }

export const lanes = brokerContract(consumers, settings).consumers
