/**
 * The client alone: `consume` with a callback that acknowledges, on one connection. It reads neither headers nor
 * bodies, unless it is told to open the events as our consumer does.
 */
import type { JsMsg } from "@nats-io/jetstream"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { open, Undecodable } from "../../src/streams/envelope.ts"
import { batchMax, type Consume } from "./contenders.ts"
import { consumerOf, makeDurables } from "./durables.ts"

export const consumeRaw = (
  ordering: ConsumerContract["ordering"],
  look: (message: JsMsg) => void,
): Consume =>
async (plan, handled, finished) => {
  const connection = await connect({ servers: plan.url })
  const durables = await makeDurables(await jetstreamManager(connection), consumerOf(plan.run, ordering))
  const client = jetstream(connection)
  for (const { name, stream } of durables) {
    const consumer = await client.consumers.get(stream, name)
    await consumer.consume({
      max_messages: 2 * batchMax,
      callback: (message) => {
        look(message)
        message.ack()
        handled(1)
      },
    })
  }
  await finished
  await connection.close()
  return durables
}

/** The same bytes and checks as in our consumer, from what the client makes of a message. */
export const openEvent = (message: JsMsg): void => {
  const headers: Record<string, string> = {}
  if (message.headers !== undefined) { for (const [name, [value = ""]] of message.headers) headers[name] = value }
  const event = open({ subject: message.subject, headers, payload: message.data })
  if (event instanceof Undecodable) throw event
}
