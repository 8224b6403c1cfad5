/**
 * Stores messages one directly after the other, many of them on their way at once.
 *
 * Each message names the number it expects before it (`Nats-Expected-Last-Sequence`), and all but the first the id they
 * expect there (`Nats-Expected-Last-Msg-Id`). The number alone is not enough: when another publisher is some messages
 * ahead, the first of ours is refused, and one of those behind it finds just the number it expects.
 *
 * Servers differ in what they look at first, the message's own id (2.9) or the expectations (2.15): a repeated message
 * is a duplicate under its old number there, and an error here. The number tells both apart from success.
 *
 * Written with plain callbacks on the core connection: a promise, a timer and an inbox per message, as the client's own
 * `publish` has them, cost some times the sending itself (`npm run bench relay`).
 */
import { createInbox } from "@nats-io/transport-node"
import type { Msg, MsgHdrs } from "@nats-io/transport-node"
import { Effect } from "effect"
import { headers as names } from "../names.ts"
import type { Broker, NewMessage, Published } from "./Broker.ts"
import type { Nats } from "./NatsConnection.ts"
import { readPublishReply } from "./publishReply.ts"

/** Beyond this a loopback server gets no faster, and a larger window is more to send again after a disconnection. */
const windowMax = 256

/** A server that does not acknowledge the oldest message for so long is not counted on any more. */
const silenceMaxMs = 5_000

/** How soon a lost connection is noticed; a fiftieth of the patience above. */
const watchMs = 100

const expectedSequence = "Nats-Expected-Last-Sequence"
const expectedId = "Nats-Expected-Last-Msg-Id"

export const publishInOrder = (nats: Nats["Service"]): Broker["Service"]["publishInOrder"] => {
  const inbox = createInbox()
  const batches = new Map<string, Batch>()
  let made = 0
  let isListening = false

  /** One subscription for as long as the connection, so that a batch costs no round trip of its own. */
  const listen = () => {
    if (isListening) return
    isListening = true
    nats.connection.subscribe(`${inbox}.*.*`, {
      callback: (error, reply) => {
        if (error !== null) return
        const [batch, index] = addressOf(reply, inbox.length + 1)
        batches.get(batch)?.onReply(index, reply)
      },
    })
  }

  return (messages, expectedLastSequence) =>
    Effect.suspend(() => {
      if (messages.length === 0) return Effect.succeed({ sequences: [], end: undefined, detail: "" })
      if (!nats.isConnected()) return Effect.succeed(unknown([], "not connected to NATS"))
      listen()
      const id = String(made++)
      const batch = new Batch(nats, messages, expectedLastSequence, `${inbox}.${id}.`)
      batches.set(id, batch)
      return Effect.callback<Published>((resume) => batch.start((published) => resume(Effect.succeed(published)))).pipe(
        Effect.raceFirst(watch(nats, batch)),
        Effect.ensuring(Effect.sync(() => batches.delete(id))),
      )
    })
}

/** One timer for all that is on its way: only the oldest matters, for nothing behind it counts before it does. */
const watch = Effect.fnUntraced(function* (nats: Nats["Service"], batch: Batch) {
  const connections = nats.reconnected.count()
  let acknowledged = 0
  let silentMs = 0
  while (true) {
    yield* Effect.sleep(watchMs)
    if (!nats.isConnected() || nats.reconnected.count() !== connections) {
      return unknown(batch.stop(), "the connection to NATS was lost")
    }
    silentMs = batch.acknowledged() > acknowledged ? 0 : silentMs + watchMs
    acknowledged = batch.acknowledged()
    if (silentMs >= silenceMaxMs) return unknown(batch.stop(), `no acknowledgement for ${silenceMaxMs} ms`)
  }
})

const unknown = (sequences: ReadonlyArray<number>, detail: string): Published => ({ sequences, end: "unknown", detail })

/** `<inbox>.<batch>.<index>`, without making an array of it. */
const addressOf = ({ subject }: Msg, start: number): readonly [batch: string, index: number] => {
  const dot = subject.indexOf(".", start)
  return [subject.slice(start, dot), Number(subject.slice(dot + 1))]
}

class Batch {
  readonly #nats: Nats["Service"]
  readonly #messages: ReadonlyArray<NewMessage>
  readonly #expected: number
  readonly #replyPrefix: string
  /** By index; the server acknowledges in order, but nothing here rests on that. */
  readonly #isStored: Uint8Array
  #sent = 0
  #stored = 0
  /** Of the first message that was not taken: nothing from there on is sent or waited for. */
  #limit: number
  #failure: Omit<Published, "sequences"> | undefined
  #done: ((published: Published) => void) | undefined

  constructor(nats: Nats["Service"], messages: ReadonlyArray<NewMessage>, expected: number, replyPrefix: string) {
    this.#nats = nats
    this.#messages = messages
    this.#expected = expected
    this.#replyPrefix = replyPrefix
    this.#isStored = new Uint8Array(messages.length)
    this.#limit = messages.length
  }

  acknowledged(): number {
    return this.#stored
  }

  start(done: (published: Published) => void): void {
    this.#done = done
    this.#advance()
  }

  /** Sends nothing more; the numbers acknowledged so far. */
  stop(): ReadonlyArray<number> {
    this.#done = undefined
    return Array.from({ length: this.#stored }, (_, index) => this.#expected + 1 + index)
  }

  onReply(index: number, message: Msg): void {
    if (this.#done === undefined || index >= this.#limit) return
    const reply = readPublishReply(message)
    if (!("sequence" in reply)) this.#fail(index, reply)
    else if (reply.sequence === this.#expected + 1 + index) this.#isStored[index] = 1
    else {
      const detail = `the stream has this message as ${reply.sequence}`
      this.#fail(index, { end: "wrong-last-sequence", detail, storedAs: reply.sequence })
    }
    this.#advance()
  }

  #advance(): void {
    while (this.#stored < this.#limit && this.#isStored[this.#stored] === 1) this.#stored++
    while (this.#sent < this.#limit && this.#sent - this.#stored < windowMax) this.#send(this.#sent++)
    const done = this.#done
    if (this.#stored === this.#limit) done?.({ sequences: this.stop(), ...(this.#failure ?? delivered) })
  }

  #fail(index: number, failure: Omit<Published, "sequences">): void {
    if (index >= this.#limit) return
    this.#limit = index
    this.#failure = failure
  }

  #send(index: number): void {
    const { subject, headers, payload } = this.#messages[index]!
    const { connection } = this.#nats
    const before = this.#messages[index - 1]?.headers[names.messageId]
    const head = encodeHeaders(headers, this.#expected + index, before)
    const sizeMax = connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    const problem = head === undefined
      ? "a header holds a line break"
      : !isConcrete(subject)
      ? "its subject is not one to publish to"
      : head.length + payload.length > sizeMax
      ? `it is larger than the server takes: ${head.length + payload.length} bytes of ${sizeMax}`
      : undefined
    if (head === undefined || problem !== undefined) return this.#fail(index, { end: "refused", detail: problem! })
    try {
      connection.publish(subject, payload, {
        reply: this.#replyPrefix + index,
        headers: encoded(head),
      })
    } catch (cause) {
      // Thrown for a connection that is closed for good or being drained.
      this.#fail(index, { end: "unknown", detail: String(cause) })
    }
  }
}

const delivered = { end: undefined, detail: "" } as const

/** The server would take a wildcard for a name, and answers nothing to an empty token. */
const isConcrete = (subject: string): boolean => /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)

const encoder = new TextEncoder()

/** @see https://docs.nats.io/reference/reference-protocols/nats-protocol#hpub */
const encodeHeaders = (
  headers: NewMessage["headers"],
  lastSequence: number,
  lastId: string | undefined,
): Uint8Array | undefined => {
  let text = `NATS/1.0\r\n${expectedSequence}: ${lastSequence}\r\n`
  if (lastId !== undefined) text += `${expectedId}: ${lastId}\r\n`
  for (const name in headers) {
    const value = headers[name]!
    if (lineBreak.test(value) || lineBreak.test(name)) return undefined
    text += `${name}: ${value}\r\n`
  }
  return encoder.encode(`${text}\r\n`)
}

const lineBreak = /[\r\n]/

/** The client asks its own header object for nothing but the bytes, and takes several times as long to make them. */
const encoded = (bytes: Uint8Array): MsgHdrs => ({ encode: () => bytes }) as unknown as MsgHdrs
