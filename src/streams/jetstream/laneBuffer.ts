/**
 * What one process has in hand of one lane: what the broker delivered and is not settled. Pure but for its own state;
 * knows no clock and no network.
 *
 * The broker delivers at least once and, after a fault, out of order. What comes out of here is in the order of the
 * stream, but for messages that were settled here before and come once more: those the inbox absorbs, wherever they
 * stand. A message is held back as long as one before it may have been delivered and lost on its way, or may be in
 * the hands of whoever read the lane before; it is known to be so from three facts:
 * - deliveries of a durable are numbered without holes, so a hole is a delivery that got lost;
 * - new messages are delivered in order, so a new one that is not past the `frontier` proves that nothing is lost;
 * - the broker counts what is outstanding: nothing is lost once that is no more than what is in hand.
 */
import type { LaneInfo, LaneMessage } from "./Broker.ts"
import * as Lanes from "../lane.ts"
import type { Lane } from "../lane.ts"
import { headers } from "../names.ts"

interface Entry {
  /** The latest delivery: its handle is the one the broker hears. */
  message: LaneMessage
  /** Of the interruption after which it came: what was delivered earlier the broker may not count any more. */
  era: number
  /** Position in the order it is worked off in; the sequence of the lane's state machine. */
  number: number
  /** Deliveries to whoever had it before this process. */
  readonly deliveredBefore: number
}

export interface Taken {
  readonly messages: ReadonlyArray<LaneMessage>
  /** Of the first, in this process; the others have one. */
  readonly attempt: number
  /** How often somebody else was handed it. Then it is alone here, because they may have died of it. */
  readonly deliveredBefore: number
}

export class LaneBuffer {
  #ready: Array<Entry> = []
  #held: Array<Entry> = []
  readonly #bySequence = new Map<number, Entry>()
  #lane: Lane = Lanes.laneAt(0)
  #lastNumber = 0
  #era = 0
  /** Number of the next delivery; undefined when the broker may have gone on, or back, unseen. */
  #expected: number | undefined
  /** Every message of the lane up to here was settled or came into hand. */
  #frontier = 0
  #lastDelivery = 0
  #isDoubting = false
  #doubts = 0

  /** The lane is about to be opened by the only reader there is; what is in hand stays. */
  begin(info: LaneInfo): void {
    this.#era++
    this.#expected = info.delivered.deliverySequence + 1
    this.#lastDelivery = info.delivered.deliverySequence
    this.#frontier = Math.max(
      this.#frontier,
      info.ackPending === 0 ? info.delivered.sequence : info.ackFloor.sequence,
    )
    this.#isDoubting = info.ackPending > 0
    this.#dropUncounted(info)
    if (this.#isDoubting) this.#doubts++
    else this.#release()
  }

  /** True when there is something new to hand out. */
  receive(message: LaneMessage): boolean {
    const { deliveryCount, deliverySequence, sequence } = message
    const isDense = this.#expected === deliverySequence
    this.#expected = deliverySequence + 1
    this.#lastDelivery = deliverySequence
    if (!isDense && !(deliveryCount === 1 && sequence <= this.#frontier)) this.#doubt()
    const known = this.#bySequence.get(sequence)
    if (known !== undefined && isSame(known.message, message)) {
      known.message = message
      known.era = this.#era
      return false
    }
    const entry = { message, era: this.#era, number: 0, deliveredBefore: deliveryCount - 1 }
    this.#bySequence.set(sequence, entry)
    if (this.#isDoubting && sequence > this.#frontier) {
      this.#held.push(entry)
      return false
    }
    this.#queue(entry)
    return this.#ready.length === 1
  }

  /** A message the broker will not deliver any more. False when it is in hand. */
  adopt(message: LaneMessage): boolean {
    if (this.#bySequence.has(message.sequence)) return false
    const entry = { message, era: this.#era, number: 0, deliveredBefore: message.deliveryCount }
    this.#bySequence.set(message.sequence, entry)
    this.#queue(entry)
    return true
  }

  /** Deliveries may have been lost, and the broker may have forgotten some it made. */
  interrupted(): void {
    this.#era++
    this.#expected = undefined
    this.#doubt()
  }

  get isDoubting(): boolean {
    return this.#isDoubting
  }

  /** Grows with every reason to doubt. */
  get doubts(): number {
    return this.#doubts
  }

  get lastDelivery(): number {
    return this.#lastDelivery
  }

  /** What is in hand from before the last interruption keeps the broker's count from saying anything. */
  get isComparable(): boolean {
    return this.#ready.every(({ era }) => era === this.#era) && this.#held.every(({ era }) => era === this.#era)
  }

  /** Ends the doubt when the broker has nothing outstanding that is not in hand. True when it did. */
  compare(info: LaneInfo): boolean {
    if (!this.#isDoubting) return false
    const { deliverySequence, sequence } = info.delivered
    const isCounted = ({ era, message }: Entry) => era === this.#era && message.deliverySequence <= deliverySequence
    const inHand = this.#ready.filter(isCounted).length + this.#held.filter(isCounted).length
    if (info.ackPending > inHand) return false
    this.#isDoubting = false
    this.#expected = Math.max(this.#expected ?? 0, deliverySequence + 1)
    this.#release()
    this.#frontier = Math.max(this.#frontier, sequence)
    return true
  }

  /** Hands out what is held back although the count does not agree: what is missing had all its time to come again. */
  giveUpDoubt(): void {
    this.#isDoubting = false
    this.#release()
  }

  /** How often somebody else was handed what comes next. */
  get headDeliveredBefore(): number {
    return this.#ready[0]?.deliveredBefore ?? 0
  }

  /** The next messages, oldest first; undefined when there are none now. */
  take(nowMs: number, batchMax: number): Taken | undefined {
    const head = this.#ready[0]
    if (head === undefined || Lanes.isResting(this.#lane, nowMs)) return undefined
    // What was delivered before may be what its holder died of: it is tried alone.
    const size = head.deliveredBefore > 0 ? 1 : Lanes.pullSize(this.#lane, batchMax)
    let count = 1
    while (count < size && this.#ready[count]?.deliveredBefore === 0) count++
    const entries = this.#ready.slice(0, count)
    const { lane, attempt } = Lanes.pulled(this.#lane, entries.map(({ number }) => number))
    this.#lane = lane
    return { messages: entries.map(({ message }) => message), attempt, deliveredBefore: head.deliveredBefore }
  }

  /** Of what was handed out, everything up to this message is done with: returned, for the broker to be told. */
  settle(sequence: number): ReadonlyArray<LaneMessage> {
    const index = this.#ready.findIndex(({ message, number }) =>
      message.sequence === sequence && number <= this.#lane.pulledUntil
    )
    if (index < 0) return []
    this.#lane = Lanes.settled(this.#lane, this.#ready[index]!.number)
    const done = this.#ready.splice(0, index + 1)
    for (const entry of done) {
      if (this.#bySequence.get(entry.message.sequence) === entry) this.#bySequence.delete(entry.message.sequence)
    }
    return done.map(({ message }) => message)
  }

  refuse(retryAtMs: number, counts: boolean): void {
    this.#lane = Lanes.refused(this.#lane, retryAtMs, counts)
  }

  /**
   * What the broker must not deliver again meanwhile. What is held back from before an interruption has to come again:
   * else the broker's count never says anything, and nothing ends the doubt.
   */
  get prolonged(): ReadonlyArray<LaneMessage> {
    return [...this.#ready, ...this.#held.filter(({ era }) => era === this.#era)].map(({ message }) => message)
  }

  /** Everything that is not settled, in order. */
  get inHand(): ReadonlyArray<LaneMessage> {
    return [...this.#ready, ...this.#held.toSorted(bySequence)].map(({ message }) => message)
  }

  /** Handed out and not settled. */
  get inFlight(): number {
    return this.#ready.filter(({ number }) => number <= this.#lane.pulledUntil).length
  }

  /** The head failed at least once and is being tried again. */
  get isRetrying(): boolean {
    return this.#lane.headAttempts > 1 && this.#lane.pulledUntil > this.#lane.cursor
  }

  #doubt(): void {
    this.#isDoubting = true
    this.#doubts++
  }

  /** What a durable that was made anew has not delivered comes again, and so does what it is held back for. */
  #dropUncounted({ delivered }: LaneInfo): void {
    const isCounted = ({ message }: Entry) => message.deliverySequence <= delivered.deliverySequence
    for (const entry of this.#held) {
      const { sequence } = entry.message
      if (!isCounted(entry) && this.#bySequence.get(sequence) === entry) this.#bySequence.delete(sequence)
    }
    this.#held = this.#held.filter(isCounted)
  }

  #release(): void {
    for (const entry of this.#held.toSorted(bySequence)) this.#queue(entry)
    this.#held = []
  }

  #queue(entry: Entry): void {
    entry.number = ++this.#lastNumber
    this.#ready.push(entry)
    this.#frontier = Math.max(this.#frontier, entry.message.sequence)
  }
}

const bySequence = (one: Entry, other: Entry): number => one.message.sequence - other.message.sequence

/** A stream that lost its end may give a number again, to another event. */
const isSame = (one: LaneMessage, other: LaneMessage): boolean =>
  one.headers[headers.messageId] === other.headers[headers.messageId]
