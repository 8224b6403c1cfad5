/**
 * Deliveries of one durable, by a pull that is always open.
 *
 * Written on the core connection rather than with the client's `consume`: that one drops what is on its way when it is
 * stopped, and every dropped delivery would cost its next reader a whole ack wait; and it makes several objects and
 * calls of each message, where this path has to carry more than a hundred thousand a second.
 */
import { createInbox } from "@nats-io/transport-node"
import type { Msg, MsgHdrs } from "@nats-io/transport-node"
import { Effect } from "effect"
import type { Broker, LaneMessage, LaneSink } from "./Broker.ts"
import { ask, ifThere } from "./asking.ts"
import type { Nats } from "./NatsConnection.ts"
import { headersOf } from "./natsHeaders.ts"

/** The server says that it is there, when it has nothing to deliver. Twice this long without a word is a loss. */
const heartbeatMs = 2_000

/** A request of a process that died is forgotten after this. */
const expiresMs = 30_000

/** Each takes a round trip; without a server there is nothing to wait for. */
const closeMaxMs = 2_000
const sweepMaxMs = 1_000

const nsPerMs = 1_000_000

export const openLane = (nats: Nats["Service"]): Broker["Service"]["openLane"] =>
  Effect.fn("Broker.openLane")(function* (lane: { readonly stream: string; readonly durable: string }, sink: LaneSink) {
    const look = ask(
      nats,
      `open lane ${lane.durable}`,
      () => nats.manager.consumers.info(lane.stream, lane.durable),
    )
    const { config } = yield* look
    const pull = new Pull(nats, lane, config.max_ack_pending ?? 1, sink)
    yield* Effect.acquireRelease(
      Effect.sync(() => pull.open()),
      () => Effect.timeoutOption(Effect.promise(() => pull.close()), closeMaxMs),
    )
    yield* Effect.forkScoped(watch(nats, pull, ifThere(look)))
  })

/** Asks again for what a lost connection or a restarted server forgot, and notices a durable that is gone. */
const watch = Effect.fnUntraced(function* (
  nats: Nats["Service"],
  pull: Pull,
  look: Effect.Effect<unknown, unknown>,
) {
  let connections = nats.reconnected.count()
  while (true) {
    yield* Effect.timeoutOption(nats.reconnected.after(connections), 2 * heartbeatMs)
    const isReconnected = nats.reconnected.count() !== connections
    connections = nats.reconnected.count()
    if (!isReconnected && pull.wasHeard()) continue
    pull.interrupted()
    const found = yield* Effect.exit(look)
    if (found._tag === "Failure") continue
    if (found.value === undefined) pull.gone()
    else pull.askAnew()
  }
})

class Pull {
  readonly #nats: Nats["Service"]
  readonly #sink: LaneSink
  readonly #batch: number
  readonly #requests: string
  readonly #inbox = createInbox()
  #subscription: { readonly drain: () => Promise<void>; readonly unsubscribe: () => void } | undefined
  /** Asked for and not delivered. */
  #outstanding = 0
  #isHeard = true

  constructor(
    nats: Nats["Service"],
    lane: { readonly stream: string; readonly durable: string },
    batch: number,
    sink: LaneSink,
  ) {
    this.#nats = nats
    this.#sink = sink
    this.#batch = batch
    this.#requests = `${nats.jetstream.apiPrefix}.CONSUMER.MSG.NEXT.${lane.stream}.${lane.durable}`
  }

  open(): void {
    this.#subscription = this.#nats.connection.subscribe(this.#inbox, {
      callback: (error, message) => error === null ? this.#receive(message) : this.gone(),
    })
    this.#refill()
  }

  /** What is on its way still comes. Afterwards the server has no request of this lane left. */
  async close(): Promise<void> {
    const subscription = this.#subscription
    this.#subscription = undefined
    if (subscription === undefined || this.#nats.connection.isClosed()) return
    if (!this.#nats.isConnected() || !this.#nats.isUp()) return subscription.unsubscribe()
    await subscription.drain().catch(() => {})
    await this.#sweep()
  }

  /**
   * A server finds out that nobody waits for an answer to a request only when it is about to answer; 2.9 then loses
   * the redelivery it has in hand until the next ack wait. Another request, that ends at once, makes it look.
   */
  async #sweep(): Promise<void> {
    const inbox = createInbox()
    const request = JSON.stringify({ batch: 1, expires: nsPerMs })
    await new Promise<void>((resolve) => {
      const subscription = this.#nats.connection.subscribe(inbox, {
        timeout: sweepMaxMs,
        callback: (error, message) => {
          if (error === null && isDelivery(message)) this.#sink.onMessage(new Delivered(this.#nats, message))
          subscription.unsubscribe()
          resolve()
        },
      })
      said(() => this.#nats.connection.publish(this.#requests, request, { reply: inbox }))
    })
  }

  wasHeard(): boolean {
    const isHeard = this.#isHeard
    this.#isHeard = false
    return isHeard
  }

  interrupted(): void {
    this.#sink.onTrouble("interrupted")
  }

  gone(): void {
    this.#sink.onTrouble("gone")
  }

  /** The server may still have the last request: `max_ack_pending` bounds both together. */
  askAnew(): void {
    this.#outstanding = 0
    this.#refill()
  }

  #refill(): void {
    // Half of it is still on its way when the server gets the next request.
    if (this.#outstanding * 2 > this.#batch || this.#subscription === undefined) return
    const batch = this.#batch - this.#outstanding
    this.#outstanding = this.#batch
    const times = { expires: expiresMs * nsPerMs, idle_heartbeat: heartbeatMs * nsPerMs }
    said(() =>
      this.#nats.connection.publish(this.#requests, JSON.stringify({ batch, ...times }), { reply: this.#inbox })
    )
  }

  #receive(message: Msg): void {
    this.#isHeard = true
    if (!isDelivery(message)) return this.#hear(message.headers)
    this.#outstanding--
    this.#sink.onMessage(new Delivered(this.#nats, message))
    this.#refill()
  }

  #hear(status: MsgHdrs | undefined): void {
    const code = status?.code ?? 0
    if (code === heartbeatCode) return
    if (code === conflictCode && /consumer deleted/i.test(status?.description ?? "")) return this.gone()
    // No responders: the server is there, and what should answer is not, or not yet.
    if (code === noRespondersCode) {
      this.#isHeard = false
      return
    }
    this.#outstanding = Math.max(0, this.#outstanding - Number(status?.get("Nats-Pending-Messages") || this.#batch))
    // A request that was refused as one too many is not repeated before the next silence.
    if (code === timeoutCode || code === emptyCode) this.#refill()
  }
}

/** What can be acknowledged; the rest says something of a request. */
const isDelivery = (message: Msg): boolean => message.reply !== undefined && message.reply !== ""

const heartbeatCode = 100
const emptyCode = 404
const timeoutCode = 408
const conflictCode = 409
const noRespondersCode = 503

const encoder = new TextEncoder()
const acknowledgement = encoder.encode("+ACK")
const refusal = encoder.encode("-NAK")
const end = encoder.encode("+TERM")
const progress = encoder.encode("+WPI")

/** Headers are read when they are asked for, numbers once: the buffer looks at them. */
class Delivered implements LaneMessage {
  readonly sequence: number
  readonly deliverySequence: number
  readonly deliveryCount: number
  readonly #nats: Nats["Service"]
  readonly #message: Msg
  #headers: Readonly<Record<string, string>> | undefined

  constructor(nats: Nats["Service"], message: Msg) {
    this.#nats = nats
    this.#message = message
    // `$JS.ACK.<stream>.<consumer>.<count>.<stream sequence>.<delivery sequence>.<time>.<pending>`, or with a domain
    // and an account after `ACK`.
    const tokens = message.reply!.split(".")
    const first = tokens.length === 9 ? 4 : 6
    this.deliveryCount = Number(tokens[first])
    this.sequence = Number(tokens[first + 1])
    this.deliverySequence = Number(tokens[first + 2])
  }

  get subject(): string {
    return this.#message.subject
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers ??= headersOf(this.#message)
  }

  get payload(): Uint8Array {
    return this.#message.data
  }

  ack(): void {
    this.#say(acknowledgement)
  }

  nak(delayMs?: number): void {
    this.#say(delayMs === undefined ? refusal : encoder.encode(`-NAK {"delay": ${Math.round(delayMs * nsPerMs)}}`))
  }

  /** Plain: servers before 2.10.4 ignore one with a reason, and the message comes again. */
  term(): void {
    this.#say(end)
  }

  working(): void {
    this.#say(progress)
  }

  #say(word: Uint8Array): void {
    said(() => this.#nats.connection.publish(this.#message.reply!, word))
  }
}

/** The client throws on a connection that is closed for good; what is not heard is delivered again. */
const said = (say: () => void): void => {
  try {
    say()
  } catch {
    return
  }
}
