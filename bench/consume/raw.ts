/** The client alone: `consume` with a callback that acknowledges, on one connection. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { batchMax } from "./contenders.ts"
import { consumerOf, makeDurables } from "./durables.ts"
import type { Consume } from "./worker.ts"

export const consumeRaw = (ordering: ConsumerContract["ordering"]): Consume => async (plan, handled, finished) => {
  const connection = await connect({ servers: plan.url })
  const durables = await makeDurables(await jetstreamManager(connection), consumerOf(plan.run, ordering))
  const client = jetstream(connection)
  for (const { name, stream } of durables) {
    const consumer = await client.consumers.get(stream, name)
    await consumer.consume({
      max_messages: 2 * batchMax,
      callback: (message) => {
        message.ack()
        handled(1)
      },
    })
  }
  await finished
  await connection.close()
  return durables
}
