/**
 * One stream as nats-server keeps it: numbers that only grow, a window in which an id is stored once whatever the
 * message, an expected last sequence that is looked at after that, and limits.
 */
import type { ConsumerConfig, StreamConfig } from "../../src/streams/contracts.ts"
import type { PublishEnd } from "../../src/streams/jetstream/Broker.ts"
import { headers as names } from "../../src/streams/names.ts"
import type { DurableState, StoredMessage } from "./ServerDurable.ts"
import { ServerDurable } from "./ServerDurable.ts"
import { matcherOf } from "./subjects.ts"
import type { World } from "./World.ts"

export type Stored = { readonly sequence: number } | { readonly end: PublishEnd; readonly detail: string }

/** What is on disk of a stream. */
export interface StreamState {
  readonly config: StreamConfig
  readonly createdAtMs: number
  readonly messages: ReadonlyArray<StoredMessage>
  readonly lastSequence: number
  readonly durables: ReadonlyArray<{ readonly config: ConsumerConfig; readonly state: DurableState }>
}

export interface StreamServer {
  readonly world: World
  /** As 2.15 does; 2.9 looks at the message id first. */
  readonly looksAtNumberFirst: boolean
  /** At once, or when a frozen server goes on; never when it is dead by then. */
  readonly whenAwake: (task: () => void) => void
  /** What the server itself publishes. */
  readonly advise: (subject: string, body: unknown) => void
}

const nanosPerMs = 1_000_000

export class ServerStream {
  readonly config: StreamConfig
  readonly durables = new Map<string, ServerDurable>()
  readonly takes: (subject: string) => boolean
  readonly createdAtMs: number
  lastSequence: number
  /** The disk, or a limit that refuses what is new. */
  isFull = false
  private readonly messages: Array<StoredMessage>
  private readonly ids = new Map<string, { readonly sequence: number; readonly atMs: number }>()
  private readonly server: StreamServer

  /** What is known of ids is read from what is stored. */
  constructor(server: StreamServer, stored: StreamState) {
    const { config, createdAtMs, messages, lastSequence, durables } = stored
    this.server = server
    this.config = config
    this.createdAtMs = createdAtMs
    this.messages = [...messages]
    this.lastSequence = lastSequence
    const takes = config.subjects.map(matcherOf)
    this.takes = (subject) => takes.some((matches) => matches(subject))
    for (const { headers, sequence, atMs } of messages) {
      const id = headers[names.messageId]
      if (id !== undefined) this.ids.set(id, { sequence, atMs })
    }
    for (const durable of durables) this.addDurable(durable.config, durable.state)
  }

  addDurable(config: ConsumerConfig, state?: DurableState): ServerDurable {
    const durable = new ServerDurable(this.server.world, this, config, state)
    this.durables.set(config.durable_name, durable)
    return durable
  }

  publish(subject: string, headers: Readonly<Record<string, string>>, payload: Uint8Array): Stored {
    const { nowMs } = this.server.world
    const id = headers[names.messageId]
    const known = id === undefined ? undefined : this.ids.get(id)
    const expected = headers["Nats-Expected-Last-Sequence"]
    const expectedId = headers["Nats-Expected-Last-Msg-Id"]
    const isWrong = (expected !== undefined && Number(expected) !== this.lastSequence) ||
      (expectedId !== undefined && expectedId !== this.messages.at(-1)?.headers[names.messageId])
    const wrong = { end: "wrong-last-sequence", detail: `wrong last sequence: ${this.lastSequence}` } as const
    if (isWrong && this.server.looksAtNumberFirst) return wrong
    if (known !== undefined && nowMs - known.atMs < this.config.duplicate_window / nanosPerMs) {
      return { sequence: known.sequence }
    }
    if (isWrong) return wrong
    const { discard, max_msgs: max } = this.config
    if (this.isFull || (discard === "new" && max >= 0 && this.messages.length >= max)) {
      return { end: "full", detail: "maximum messages exceeded" }
    }
    const message = { sequence: ++this.lastSequence, subject, headers, payload, atMs: nowMs }
    this.messages.push(message)
    if (id !== undefined) this.ids.set(id, { sequence: message.sequence, atMs: nowMs })
    if (max >= 0 && this.messages.length > max) this.messages.splice(0, this.messages.length - max)
    for (const durable of this.durables.values()) durable.stored(subject)
    return { sequence: message.sequence }
  }

  get(sequence: number): StoredMessage | undefined {
    const at = sequence - this.firstSequence
    return this.messages[at]
  }

  /** Streams of ours have no holes: nobody deletes single messages. */
  from(sequence: number): ReadonlyArray<StoredMessage> {
    return this.messages.slice(Math.max(0, sequence - this.firstSequence))
  }

  firstFrom(sequence: number, matches: (subject: string) => boolean): StoredMessage | undefined {
    for (let at = Math.max(0, sequence - this.firstSequence); at < this.messages.length; at++) {
      if (matches(this.messages[at]!.subject)) return this.messages[at]
    }
    return undefined
  }

  get firstSequence(): number {
    return this.messages[0]?.sequence ?? this.lastSequence + 1
  }

  get size(): number {
    return this.messages.length
  }

  /** All before this number; an empty stream goes on with it. */
  purge(sequence: number) {
    const kept = this.messages.filter((message) => message.sequence >= sequence)
    this.messages.splice(0, this.messages.length, ...kept)
    if (kept.length === 0) this.lastSequence = Math.max(this.lastSequence, sequence - 1)
  }

  state(): StreamState {
    const { config, createdAtMs, lastSequence, durables } = this
    return {
      config,
      createdAtMs,
      lastSequence,
      messages: [...this.messages],
      durables: [...durables.values()].map((durable) => ({ config: durable.config, state: durable.state() })),
    }
  }

  end() {
    for (const durable of this.durables.values()) durable.end()
  }

  whenAwake(task: () => void) {
    this.server.whenAwake(task)
  }

  gaveUp(durable: string, sequence: number, deliveries: number) {
    const { name } = this.config
    this.server.advise(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.${durable}`, {
      type: "io.nats.jetstream.advisory.v1.max_deliver",
      stream: name,
      consumer: durable,
      stream_seq: sequence,
      deliveries,
    })
  }
}
