/** The broker as it is, asked with the plain client and behind the back of what is tested. */
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, nanos } from "@nats-io/transport-node"
import type { NatsConnection } from "@nats-io/transport-node"
import { consumerOf } from "./replica/recordingBroker.ts"

export interface RawMessage {
  readonly sequence: number
  readonly subject: string
  readonly messageId: string
  readonly storedAtMs: number
}

export interface LaneState {
  readonly durable: string
  /** Delivered or not, what is not settled. */
  readonly remaining: number
}

export const withNats = async <A>(url: string, use: (connection: NatsConnection) => Promise<A>): Promise<A> => {
  const connection = await connect({ servers: url, reconnect: false, timeout: 5_000 })
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

/** All that stands in a stream, oldest first. */
export const messagesOf = (url: string, stream: string): Promise<ReadonlyArray<RawMessage>> =>
  withNats(url, async (connection) => {
    const manager = await jetstreamManager(connection)
    const last = (await manager.streams.info(stream)).state
    if (last.messages === 0) return []
    const { name } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      inactive_threshold: nanos(30_000),
      mem_storage: true,
    })
    const consumer = await jetstream(connection).consumers.get(stream, name)
    const found: Array<RawMessage> = []
    while (found.length < last.messages) {
      const before = found.length
      for await (const message of await consumer.fetch({ max_messages: 500, expires: 2_000 })) {
        found.push({
          sequence: message.seq,
          subject: message.subject,
          messageId: message.headers?.get("Nats-Msg-Id") ?? "",
          storedAtMs: Number(message.timestampNanos / 1_000_000n),
        })
        if (found.length >= last.messages) break
      }
      if (found.length === before) break
    }
    await consumer.delete()
    return found
  })

/** Every durable of a stream: a message that is neither pending nor acknowledged is stuck, and remains too. */
export const lanesOf = (url: string, stream: string): Promise<ReadonlyArray<LaneState>> =>
  withNats(url, async (connection) => {
    const manager = await jetstreamManager(connection)
    const lanes: Array<LaneState> = []
    for await (const info of manager.consumers.list(stream)) {
      if (info.config.durable_name === undefined) continue
      const isStuck = info.num_ack_pending === 0 && info.ack_floor.consumer_seq < info.delivered.consumer_seq
      lanes.push({
        durable: consumerOf(info.name),
        remaining: info.num_pending + info.num_ack_pending + (isStuck ? 1 : 0),
      })
    }
    return lanes
  })

/** Settings of a stream and its durables, as text that compares. */
export const settingsOf = (url: string): Promise<string> =>
  withNats(url, async (connection) => {
    const manager = await jetstreamManager(connection)
    const found: Array<unknown> = []
    for await (const { config } of manager.streams.list()) {
      found.push(config)
      for await (const consumer of manager.consumers.list(config.name)) found.push(consumer.config)
    }
    return JSON.stringify(found.map((one) => JSON.stringify(one)).toSorted())
  })
