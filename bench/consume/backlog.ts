/** What is consumed: a stream full of sealed events of one size, and as many JSON messages of it for the peer. */
import { jetstreamManager } from "@nats-io/jetstream"
import type { JetStreamManager } from "@nats-io/jetstream"
import { createInbox, headers } from "@nats-io/transport-node"
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { streamContracts } from "../../src/streams/contracts.ts"
import { seal } from "../../src/streams/envelope.ts"
import type { StoredMessage } from "../../src/streams/envelope.ts"
import { laneFilter } from "../../src/streams/names.ts"
import { ackWaitMs, partitions } from "./contenders.ts"

export const stream = "ACCOUNTS"
export const peerStream = "PEER"
export const peerSubject = "bench.peer"

/** So that every partition has a part of the messages. */
const users = 1_000

/** On their way at once; more is not faster. */
const windowMax = 512

interface Outgoing {
  readonly subject: string
  readonly payload: Uint8Array
  readonly headers?: MsgHdrs
}

export async function fillEvents(connection: NatsConnection, messages: number, payloadBytes: number): Promise<void> {
  await recreate(await jetstreamManager(connection), stream, laneFilter(stream, undefined))
  await publish(connection, messages, (index) => {
    const sealed = event(index, payloadBytes)
    const all = headers()
    for (const [name, value] of Object.entries(sealed.headers)) all.set(name, value)
    return { subject: sealed.subject, payload: sealed.payload, headers: all }
  })
}

export async function fillPeer(connection: NatsConnection, messages: number, payloadBytes: number): Promise<void> {
  await recreate(await jetstreamManager(connection), peerStream, peerSubject)
  const json = new TextEncoder().encode(JSON.stringify({ padding: "x".repeat(payloadBytes - '{"padding":""}'.length) }))
  await publish(connection, messages, () => ({ subject: peerSubject, payload: json }))
}

/** With the limits of our contract, whatever it holds. */
async function recreate(manager: JetStreamManager, name: string, subject: string): Promise<void> {
  const settings = { partitions, replicas: 1, ackWaitMs, attemptsMax: 5, limits: [] }
  const contract = streamContracts(settings).find((one) => one.name === stream)!
  await manager.streams.delete(name).catch(() => false)
  await manager.streams.add({ ...contract, name, subjects: [subject] })
}

async function publish(connection: NatsConnection, messages: number, make: (index: number) => Outgoing): Promise<void> {
  const inbox = createInbox()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let sent = 0
  let stored = 0
  const send = () => {
    for (; sent < messages && sent - stored < windowMax; sent++) {
      const { subject, payload, headers } = make(sent)
      connection.publish(subject, payload, { reply: inbox, ...(headers === undefined ? {} : { headers }) })
    }
  }
  const replies = connection.subscribe(inbox, {
    callback: (error, reply) => {
      if (error !== null || !reply.string().includes('"seq"')) return reject(error ?? new Error(reply.string()))
      stored++
      if (stored === messages) resolve()
      else send()
    },
  })
  send()
  await promise
  replies.unsubscribe()
}

/** An account opened by an issuer with as long a name as it takes. */
export function event(index: number, payloadBytes: number): StoredMessage {
  const sealed = (issuerLength: number) =>
    seal(
      accountOpened({
        id: `00000000-0000-7000-8000-${String(index).padStart(12, "0")}`,
        atMs: 1_700_000_000_000,
        correlationId: "bench",
        tenantId: defaultTenant,
        userId: UserId.make(`user${index % users}`),
      }, { issuer: "x".repeat(issuerLength) }),
      partitions,
    )
  // Lengths before the text grow with it, by a byte or two.
  let length = payloadBytes - sealed(0).payload.length
  let message = sealed(length)
  while (message.payload.length > payloadBytes) message = sealed(--length)
  return message
}
