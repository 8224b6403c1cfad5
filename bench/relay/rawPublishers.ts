/** What the relay's publisher is measured against: the least a client can do, and the client's own publish. */
import { createInbox, headers } from "@nats-io/transport-node"
import type { NatsConnection } from "@nats-io/transport-node"
import type { JetStreamClient } from "@nats-io/jetstream"

const windowMax = 256

/** No message ids, no expectations, acknowledgements counted and not read: a bound for what is possible. */
export const countAcknowledgements = (
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  count: number,
): Promise<void> =>
  new Promise((resolve) => {
    const reply = createInbox()
    let [sent, acknowledged] = [0, 0]
    const send = () => {
      while (sent < count && sent - acknowledged < windowMax) {
        sent++
        connection.publish(subject, payload, { reply })
      }
    }
    const subscription = connection.subscribe(reply, {
      callback: () => {
        if (++acknowledged < count) return send()
        subscription.unsubscribe()
        resolve()
      },
    })
    send()
  })

/** The client's own, with a message id each, as many in flight. */
export const publishEach = async (
  client: JetStreamClient,
  subject: string,
  payload: Uint8Array,
  ids: ReadonlyArray<string>,
): Promise<void> => {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < ids.length; index = next++) {
      const given = headers()
      given.set("tenant-id", "acme")
      await client.publish(subject, payload, { msgID: ids[index]!, headers: given })
    }
  }
  await Promise.all(Array.from({ length: windowMax }, worker))
}
