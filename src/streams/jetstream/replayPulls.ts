/**
 * The messages of one ephemeral consumer, by plain callbacks: this runs once a message, hundreds of thousands of times
 * a second. Never more than a window of messages is on its way or waiting for the reader, however slow that is.
 */
import { createInbox } from "@nats-io/transport-node"
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node"
import type { StoredEvent } from "../EventLog.ts"
import type { StreamName } from "../names.ts"
import { eventHeaders } from "./eventHeaders.ts"

/**
 * `flowing`: more comes. `reached`: the last message of the range is there, or is known not to be. `drained`: the
 * consumer has no more messages now. `lost`: messages are missing, or the consumer is gone.
 */
export type PullsState = "flowing" | "reached" | "drained" | "lost"

export interface Pulls {
  readonly state: () => PullsState
  /** All that arrived and was not taken yet; asks for more. */
  readonly take: () => ReadonlyArray<StoredEvent>
  /** Calls once, later, when there is enough to take, or all there will be now. */
  readonly wait: (then: () => void) => void
  readonly close: () => void
}

/** Messages of one request: what a server sends while this process is not given the processor for some milliseconds. */
const batchMax = 4_000

/** A reader is woken for no fewer, unless no more come. */
const pieceMin = 500

/** Two requests on their way, and as much as a third waiting for a reader that is busy. */
const windowMax = 3 * batchMax

/** Of one request, for streams of large messages; of a window three times as much. */
const batchBytesMax = 4 * 1024 * 1024

/** A server that lost us forgets our requests after this. */
const expiresNs = 30_000 * 1_000_000

export interface PullsOptions {
  readonly connection: NatsConnection
  /** Where the consumer takes requests. */
  readonly requestSubject: string
  readonly stream: StreamName
  readonly afterSequence: number
  readonly toSequence: number
}

export const openPulls = (options: PullsOptions): Pulls => {
  const { connection, requestSubject, stream, toSequence } = options
  // The largest message the server takes must fit, with subject and headers.
  const bytesMax = Math.max(batchBytesMax, 2 * (connection.info?.max_payload ?? 0))
  let events: Array<StoredEvent> = []
  let bytes = 0
  let state: PullsState = "flowing"
  let waiting: (() => void) | undefined
  let outstanding = 0
  let delivered = 0
  let lastSequence = options.afterSequence
  const parse = ackParser()

  const wake = () => {
    const then = waiting
    waiting = undefined
    then?.()
  }
  const finish = (now: PullsState) => {
    state = now
    wake()
  }

  const onStatus = (slot: Slot, headers: MsgHdrs | undefined) => {
    const code = headers?.code ?? 0
    if (code === 100) return
    const isSpent = code === 404 || code === 408 || (code === 409 && /maxbytes/i.test(headers?.description ?? ""))
    // A message larger than a whole request would be asked for again and again.
    if (!isSpent || (code === 409 && slot.left === slot.asked)) return finish("lost")
    outstanding -= slot.left
    slot.left = 0
    proceed()
  }

  const onMessage = (slot: Slot, message: Msg) => {
    if (state !== "flowing") return
    const { reply } = message
    if (reply === undefined || reply === "") return onStatus(slot, message.headers)
    parse(reply)
    slot.left--
    outstanding--
    if (parse.delivery !== ++delivered || parse.sequence <= lastSequence) return finish("lost")
    lastSequence = parse.sequence
    if (lastSequence > toSequence) return finish("reached")
    events.push(eventOf(stream, lastSequence, message))
    bytes += message.data.length
    if (lastSequence === toSequence) return finish("reached")
    if (parse.pending === 0) return finish("drained")
    proceed()
  }

  const slots = [0, 1].map((): Slot => {
    const inbox = createInbox()
    const slot: Slot = { inbox, left: 0, asked: 0, close: () => subscription.unsubscribe() }
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => error === null ? onMessage(slot, message) : finish("lost"),
    })
    return slot
  })

  const ask = (slot: Slot, batch: number) => {
    slot.left = slot.asked = batch
    outstanding += batch
    const request = JSON.stringify({ batch, max_bytes: bytesMax, expires: expiresNs })
    connection.publish(requestSubject, request, { reply: slot.inbox })
  }
  const refill = () => {
    for (const slot of slots) {
      if (slot.left > 0 || events.length + outstanding + batchMax > windowMax) continue
      const busy = outstanding > 0 ? 1 : 0
      if (bytes + (busy + 1) * bytesMax <= 3 * bytesMax) ask(slot, batchMax)
    }
  }
  const isEnough = () => events.length >= pieceMin || bytes >= bytesMax || outstanding === 0 || state !== "flowing"
  const proceed = () => {
    if (slots[0]!.left === 0 || slots[1]!.left === 0) refill()
    if (isEnough()) wake()
  }

  ask(slots[0]!, batchMax)
  // The server serves requests in turn: of equal size they would end together, and nothing be on its way.
  ask(slots[1]!, batchMax / 2)

  return {
    state: () => state,
    take: () => {
      const taken = events
      events = []
      bytes = 0
      if (state === "flowing") refill()
      return taken
    },
    wait: (then) => {
      waiting = then
      if (isEnough()) queueMicrotask(wake)
    },
    close: () => {
      state = "lost"
      for (const slot of slots) slot.close()
    },
  }
}

interface Slot {
  readonly inbox: string
  left: number
  asked: number
  readonly close: () => void
}

interface AckParser {
  (reply: string): void
  sequence: number
  delivery: number
  pending: number
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<times>.<stream sequence>.<delivery>.<nanoseconds>.<pending>`, or the longer form
 * with domain and account after `ACK`. What stands before the numbers is the same for all messages of a consumer.
 */
const ackParser = (): AckParser => {
  let start = 0
  let at = 0
  let text = ""
  const number = () => {
    let value = 0
    for (; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 48
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    at++
    return value
  }
  const parser = ((reply) => {
    if (start === 0) start = lengthOfFirst(reply, reply.split(".").length === 9 ? 4 : 6)
    text = reply
    at = start
    number()
    parser.sequence = number()
    parser.delivery = number()
    number()
    parser.pending = number()
  }) as AckParser
  parser.sequence = parser.delivery = parser.pending = 0
  return parser
}

const lengthOfFirst = (text: string, tokens: number): number =>
  text.split(".", tokens).reduce((length, token) => length + token.length + 1, 0)

const eventOf = (stream: StreamName, sequence: number, message: Msg): StoredEvent => {
  const { subject } = message
  return {
    stream,
    sequence,
    subject,
    partition: partitionIn(subject),
    headers: eventHeaders(message),
    payload: message.data,
  }
}

/** Its last token but one; 0 for what is no subject of ours, as nobody looks for it in a lane. */
const partitionIn = (subject: string): number => {
  const end = subject.lastIndexOf(".")
  return Number(subject.slice(subject.lastIndexOf(".", end - 1) + 1, end)) || 0
}
