/** What an operator does with `tipstream streams apply`. */
import { jetstreamManager } from "@nats-io/jetstream"
import { brokerContract } from "../../src/streams/contracts.ts"
import { withNats } from "./brokerView.ts"
import { chaosConsumers } from "./replica/options.ts"
import type { World } from "./World.ts"
import { worldDefaults } from "./worldDefaults.ts"

export const applyContracts = (
  { broker, partitions, attemptsMax }: Pick<World, "broker" | "partitions" | "attemptsMax">,
): Promise<void> =>
  withNats(broker.url, async (connection) => {
    const manager = await jetstreamManager(connection)
    const { ackWaitMs, batchMax } = worldDefaults
    const settings = { partitions, replicas: 1, ackWaitMs, attemptsMax, limits: [] }
    const contract = brokerContract(chaosConsumers(batchMax), settings)
    for (const stream of contract.streams) await manager.streams.add({ ...stream, subjects: [...stream.subjects] })
    for (const { stream, config } of contract.consumers) {
      await manager.consumers.add(stream, { ...config, deliver_policy: "all" })
    }
  })
