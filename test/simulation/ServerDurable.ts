/**
 * One durable as nats-server keeps it (2.9.10, explicit acks, pull): what is delivered when, and to whom.
 *
 * Redeliveries go before new messages and are not held back by `max_ack_pending`. An ack wait runs from the delivery;
 * what timed out together comes again in order. A late acknowledgement counts. Beyond `max_deliver` a message is
 * silently not delivered any more, and only an advisory says so.
 */
import type { ConsumerConfig } from "../../src/streams/contracts.ts"
import type { LaneInfo } from "../../src/streams/jetstream/Broker.ts"
import { matcherOf } from "./subjects.ts"
import type { World } from "./World.ts"

export interface StoredMessage {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
  readonly atMs: number
}

/** The stream a durable reads, as far as it concerns it. */
export interface DurableStream {
  readonly lastSequence: number
  readonly get: (sequence: number) => StoredMessage | undefined
  readonly from: (sequence: number) => ReadonlyArray<StoredMessage>
  readonly firstFrom: (sequence: number, matches: (subject: string) => boolean) => StoredMessage | undefined
  readonly gaveUp: (durable: string, sequence: number, deliveries: number) => void
  /** At once, or when a frozen server goes on; never when it is dead by then. */
  readonly whenAwake: (task: () => void) => void
}

/** What one client gets of a delivery. */
export interface ServerDelivery {
  readonly message: StoredMessage
  readonly deliverySequence: number
  readonly deliveryCount: number
}

export type Opener = (delivery: ServerDelivery) => void

interface Pending {
  /** Of its first delivery. */
  readonly deliverySequence: number
  readonly atMs: number
}

/** What is on disk of a durable, sometimes some moments late. */
export interface DurableState {
  readonly nextSequence: number
  readonly nextDelivery: number
  readonly pending: ReadonlyMap<number, Pending>
  readonly counts: ReadonlyMap<number, number>
  readonly floor: { readonly deliverySequence: number; readonly sequence: number }
}

const fresh: DurableState = {
  nextSequence: 1,
  nextDelivery: 1,
  pending: new Map(),
  counts: new Map(),
  floor: { deliverySequence: 0, sequence: 0 },
}

const nanosPerMs = 1_000_000

/** After a start the server looks after what is pending soon, whatever its ack wait. */
const lookAfterStartMs = 100

export class ServerDurable {
  readonly openers: Array<Opener> = []
  private readonly matches: (subject: string) => boolean
  private readonly pending: Map<number, Pending>
  private readonly counts: Map<number, number>
  private readonly again: Array<number> = []
  private floor: { readonly deliverySequence: number; readonly sequence: number }
  private nextSequence: number
  private nextDelivery: number
  private isAlive = true
  private turn = 0
  private cancelLook: (() => void) | undefined

  private readonly world: World
  private readonly stream: DurableStream
  readonly config: ConsumerConfig

  constructor(world: World, stream: DurableStream, config: ConsumerConfig, state: DurableState = fresh) {
    this.world = world
    this.stream = stream
    this.config = config
    this.matches = matcherOf(config.filter_subject)
    this.pending = new Map(state.pending)
    this.counts = new Map(state.counts)
    this.floor = state.floor
    this.nextSequence = state.nextSequence
    this.nextDelivery = state.nextDelivery
    if (this.pending.size > 0) this.lookIn(lookAfterStartMs)
  }

  state(): DurableState {
    const { nextSequence, nextDelivery, floor } = this
    return { nextSequence, nextDelivery, floor, pending: new Map(this.pending), counts: new Map(this.counts) }
  }

  /** Of the server, or of the durable: nothing of it happens any more. */
  end() {
    this.isAlive = false
    this.openers.length = 0
    this.cancelLook?.()
  }

  info(): LaneInfo {
    const { nextSequence, nextDelivery, floor, pending, counts } = this
    return {
      delivered: { deliverySequence: nextDelivery - 1, sequence: nextSequence - 1 },
      ackFloor: floor,
      ackPending: pending.size,
      redelivered: counts.size,
      pending: this.stream.from(nextSequence).filter(({ subject }) => this.matches(subject)).length,
    }
  }

  open(opener: Opener) {
    this.openers.push(opener)
    this.work()
  }

  close(opener: Opener) {
    const at = this.openers.indexOf(opener)
    if (at >= 0) this.openers.splice(at, 1)
  }

  /** True when the message was waiting for it. */
  ack(sequence: number, deliverySequence: number): boolean {
    const known = this.pending.get(sequence)
    const wasFull = this.pending.size >= this.config.max_ack_pending
    this.pending.delete(sequence)
    this.counts.delete(sequence)
    const at = this.again.indexOf(sequence)
    if (at >= 0) this.again.splice(at, 1)
    const delivery = known?.deliverySequence ?? deliverySequence
    if (this.pending.size === 0) {
      this.floor = { deliverySequence: this.nextDelivery - 1, sequence: this.nextSequence - 1 }
    } else if (delivery === this.floor.deliverySequence + 1) {
      this.floor = { deliverySequence: delivery, sequence }
      for (let next = sequence + 1; next < this.nextSequence; next++) {
        const waiting = this.pending.get(next)
        if (waiting === undefined) continue
        this.floor = { deliverySequence: waiting.deliverySequence - 1, sequence: next - 1 }
        break
      }
    }
    if (wasFull) this.work()
    else this.look()
    return known !== undefined
  }

  nak(sequence: number, delayMs: number | undefined) {
    const waiting = this.pending.get(sequence)
    if (waiting === undefined) return
    if (delayMs !== undefined && delayMs > 0) {
      this.pending.set(sequence, { ...waiting, atMs: this.world.nowMs - this.ackWaitMs() + delayMs })
      this.look()
    } else {
      if (!this.again.includes(sequence)) this.again.push(sequence)
      this.work()
    }
  }

  working(sequence: number) {
    const waiting = this.pending.get(sequence)
    if (waiting !== undefined) this.pending.set(sequence, { ...waiting, atMs: this.world.nowMs })
  }

  /** Nothing happens, nor does anything count on, for a message that is not for it. */
  stored(subject: string) {
    if (this.matches(subject)) this.work()
  }

  /** Delivers whatever may be delivered now. */
  work() {
    while (this.isAlive && this.openers.length > 0) {
      const delivery = this.next()
      if (delivery === undefined) break
      // The longest waiting pull is served first: clients take turns.
      this.openers[this.turn++ % this.openers.length]!(delivery)
    }
    this.look()
  }

  private next(): ServerDelivery | undefined {
    while (this.again.length > 0) {
      const sequence = this.again.shift()!
      const message = this.stream.get(sequence)
      const waiting = this.pending.get(sequence)
      if (message === undefined || waiting === undefined) {
        this.pending.delete(sequence)
        continue
      }
      const count = (this.counts.get(sequence) ?? 1) + 1
      if (this.config.max_deliver > 0 && count > this.config.max_deliver) {
        this.pending.delete(sequence)
        this.counts.set(sequence, count)
        this.stream.gaveUp(this.config.durable_name, sequence, count - 1)
        continue
      }
      this.counts.set(sequence, count)
      this.pending.set(sequence, { ...waiting, atMs: this.world.nowMs })
      return { message, deliverySequence: this.nextDelivery++, deliveryCount: count }
    }
    if (this.pending.size >= this.config.max_ack_pending) return undefined
    const message = this.stream.firstFrom(this.nextSequence, this.matches)
    this.nextSequence = message === undefined
      ? Math.max(this.nextSequence, this.stream.lastSequence + 1)
      : message.sequence + 1
    if (message === undefined) return undefined
    const deliverySequence = this.nextDelivery++
    this.pending.set(message.sequence, { deliverySequence, atMs: this.world.nowMs })
    return { message, deliverySequence, deliveryCount: 1 }
  }

  /** Looks again when the next ack wait is over. */
  private look() {
    let firstMs = Infinity
    for (const [sequence, { atMs }] of this.pending) {
      if (!this.again.includes(sequence)) firstMs = Math.min(firstMs, atMs)
    }
    if (firstMs === Infinity) this.cancelLook?.()
    else this.lookIn(firstMs + this.ackWaitMs() - this.world.nowMs)
  }

  private lookIn(delayMs: number) {
    this.cancelLook?.()
    if (!this.isAlive) return
    this.cancelLook = this.world.after(delayMs, () => this.stream.whenAwake(() => this.expire()))
  }

  private expire() {
    if (!this.isAlive) return
    const deadline = this.world.nowMs - this.ackWaitMs() + 1e-6
    const expired = [...this.pending].filter(([sequence, { atMs }]) =>
      atMs <= deadline && !this.again.includes(sequence)
    )
    this.again.push(...expired.map(([sequence]) => sequence).sort((a, b) => a - b))
    this.work()
  }

  private ackWaitMs() {
    return this.config.ack_wait / nanosPerMs
  }
}
