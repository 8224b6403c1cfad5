/**
 * Reads one lane from the broker for as long as this process holds its lease, and lets go of it in one of two ways:
 * hands over what it has not worked off, so that the next holder has it at once, or drops it, when the lease may be
 * somebody else's already; then the next holder gets it after the ack wait.
 *
 * Past the lease this process neither pulls nor prolongs anything, so whatever it still has in hand comes to the next
 * holder, whose buffer waits for it before it hands out anything newer. That, not the ack wait, is what keeps order.
 */
import { Clock, Deferred, Effect, Exit, Fiber } from "effect"
import type { Scope } from "effect"
import type { Broker, BrokerMessage, LaneMessage } from "./Broker.ts"
import { batchesInFlight } from "../contracts.ts"
import { LaneBuffer } from "./laneBuffer.ts"
import type { Taken } from "./laneBuffer.ts"
import type { ConsumerContract, Delivery } from "../EventLog.ts"
import type { LaneAttempts } from "../LaneAttempts.ts"
import type { LaneLease, LaneName } from "../LaneLeases.ts"
import * as Wakeup from "../Wakeup.ts"
import type { SuspectTurn } from "./suspectTurn.ts"

/** How soon a durable that was missing is found again, and an unreachable broker asked again. */
const lookAgainMs = 1_000

/** A server that starts says that nothing is there before it has read its files. */
const hiccupMs = 1_500

/** Beyond the ack wait, for what the broker redelivers late: its timers and a loaded machine. */
const redeliverySlackMs = 5_000

/** Pauses between two comparisons with the broker while a lane doubts: short first, as mostly nothing is lost. */
const compareFirstMs = 10
const compareMaxMs = 500

/** The longest a handover waits for a batch that is being handled; then that batch comes again elsewhere. */
const finishMaxMs = 10_000

/** A lane fills up, or runs empty, within some milliseconds. */
const quietLookMs = 5
const quietLooks = 50

/** A broker that takes longer is left to the lane's end, which has its own patience within that of a stop. */
const quietAnswerMaxMs = 500

export interface LaneReaderOptions {
  readonly broker: Broker["Service"]
  /** Without it every delivery counts as an attempt, of whatever was in hand. */
  readonly attempts: LaneAttempts["Service"] | undefined
  readonly consumer: ConsumerContract
  readonly name: LaneName
  /** Its name on the broker. */
  readonly durable: string
  readonly ackWaitMs: number
  /** Of the process. */
  readonly suspects: SuspectTurn
}

/**
 * Deliveries to others from which on a message is tried while no other suspect is: one is what every restart leaves
 * behind in many lanes, two are rare enough to be taken one by one.
 */
const suspectFrom = 2

export class LaneReader {
  readonly name: LaneName
  readonly durable: string
  readonly #options: LaneReaderOptions
  readonly #news = Wakeup.make()
  readonly #doubt = Wakeup.make()
  readonly #progress = Wakeup.make()
  #buffer = new LaneBuffer()
  #lease: LaneLease | undefined
  #heldUntilMs = 0
  /** Under which what is in flight was handed out. */
  #takenUnder: LaneLease | undefined
  /** Sequence of the message in flight whose attempt is counted outside. */
  #suspect: number | undefined
  #reading: Fiber.Fiber<never, never> | undefined
  #isLeaving = false
  #isRunning = false
  #goneSinceMs: number | undefined

  constructor(options: LaneReaderOptions) {
    this.#options = options
    this.name = options.name
    this.durable = options.durable
  }

  get lease(): LaneLease | undefined {
    return this.#lease
  }

  get takenUnder(): LaneLease | undefined {
    return this.#takenUnder
  }

  /** The durable or its stream is missing, and not only while a server starts. */
  isGone(nowMs: number): boolean {
    return this.#goneSinceMs !== undefined && nowMs - this.#goneSinceMs >= hiccupMs
  }

  get isLeaving(): boolean {
    return this.#isLeaving
  }

  get inFlight(): number {
    return this.#buffer.inFlight
  }

  get isRetrying(): boolean {
    return this.#buffer.isRetrying
  }

  /** Completes when there may be something that was not there when it was made. */
  readonly awaitNew = Effect.sync(() => {
    const seen = this.#news.count()
    return this.#news.after(seen)
  })

  /** The lease was given or renewed. One that is being handed over is not begun anew. */
  readonly held = Effect.fnUntraced(
    function* (this: LaneReader, lease: LaneLease, untilMs: number, scope: Scope.Scope) {
      const isSame = this.#lease?.epoch === lease.epoch
      if (this.#isLeaving && !isSame) return
      if (this.#lease !== undefined && !isSame) yield* this.drop
      this.#heldUntilMs = untilMs
      if (this.#lease !== undefined) return
      this.#lease = lease
      this.#reading = yield* Effect.forkIn(this.#read, scope)
    },
  )

  /** Lets go without a word: somebody else may read the lane by now. */
  readonly drop = Effect.suspend(() => {
    this.#lease = undefined
    return Effect.andThen(this.#close, Effect.sync(() => this.#forget()))
  })

  /**
   * Stops reading and gives back what is in hand; completes when the broker has heard it. Unless asked not to, waits
   * for the batch that is being handled. The lane is not read again before `handedOver`.
   */
  readonly handOver = Effect.fnUntraced(function* (this: LaneReader, waits: boolean) {
    this.#isLeaving = true
    const seen = this.#progress.count()
    if (waits && this.#isRunning) yield* Effect.timeoutOption(this.#progress.after(seen), finishMaxMs)
    yield* this.#quiet()
    yield* this.#close
    for (const message of this.#buffer.inHand) message.nak()
    this.#forget()
    // An answer on the same connection: what was said before it has been heard.
    yield* Effect.ignore(this.#options.broker.laneInfo(this.name.stream, this.durable))
  })

  /**
   * Waits until the broker has nothing more for this lane now, and all it had is here: what it is about to send when
   * the pull is closed would be lost, and would come to the next holder only after the ack wait.
   */
  readonly #quiet = Effect.fnUntraced(function* (this: LaneReader) {
    for (let look = 0; look < quietLooks; look++) {
      const info = yield* this.#options.broker.laneInfo(this.name.stream, this.durable).pipe(
        Effect.timeout(quietAnswerMaxMs),
        Effect.option,
      )
      if (info._tag === "None" || info.value === undefined) return
      const { ackPending, delivered, pending } = info.value
      const isIdle = pending === 0 || ackPending >= this.#options.consumer.batchMax * batchesInFlight
      if (isIdle && this.#buffer.lastDelivery >= delivered.deliverySequence) return
      yield* Effect.sleep(quietLookMs)
    }
  })

  handedOver(): void {
    this.#lease = undefined
    this.#isLeaving = false
  }

  /** What is in hand has its ack wait begun anew, for as long as the lease stands; lets go when it does not. */
  readonly prolong = Effect.fnUntraced(function* (this: LaneReader) {
    if (this.#lease === undefined) return
    if ((yield* Clock.currentTimeMillis) >= this.#heldUntilMs) {
      yield* Effect.logWarning(
        `the lease of lane ${this.name.lane} of ${this.name.durable} could not be renewed in time`,
      )
      return yield* this.drop
    }
    for (const message of this.#buffer.prolonged) message.working()
  })

  readonly take = Effect.fnUntraced(function* (this: LaneReader) {
    const nowMs = yield* Clock.currentTimeMillis
    const lease = this.#lease
    if (lease === undefined || this.#isLeaving || nowMs >= this.#heldUntilMs) return []
    if (this.#buffer.headDeliveredBefore >= suspectFrom) {
      if (!this.#options.suspects.take(this, () => Effect.runSync(this.#news.signal))) return []
    }
    const taken = this.#buffer.take(nowMs, this.#options.consumer.batchMax)
    if (taken === undefined) {
      this.#options.suspects.end(this)
      return []
    }
    this.#takenUnder = lease
    this.#isRunning = true
    const attempt = taken.deliveredBefore === 0 ? taken.attempt : yield* this.#again(lease, taken)
    return taken.messages.map((message, index) => deliveryOf(this.name, message, index === 0 ? attempt : 1))
  })

  /** Which attempt this is of a message that somebody had before. */
  readonly #again = Effect.fnUntraced(function* (this: LaneReader, lease: LaneLease, taken: Taken) {
    const { attempts } = this.#options
    const head = taken.messages[0]!
    if (head.deliverySequence === notDelivered) return head.deliveryCount
    if (attempts === undefined) return taken.attempt + taken.deliveredBefore
    this.#suspect = head.sequence
    const counted = yield* Effect.tapError(attempts.begin(lease, this.#suspect), () => this.refuse(0, false))
    // One for the batch it was in when it was first left behind.
    return 1 + counted
  })

  /** Tells the broker of each message up to this one; nothing when it is not in flight here. */
  readonly settle = Effect.fnUntraced(
    function* (this: LaneReader, sequence: number, tell: (message: LaneMessage) => void) {
      this.#buffer.settle(sequence).forEach(tell)
      this.#suspect = undefined
      yield* this.#finished()
    },
  )

  readonly refuse = Effect.fnUntraced(function* (this: LaneReader, delayMs: number, counts: boolean) {
    const nowMs = yield* Clock.currentTimeMillis
    const { attempts } = this.#options
    const suspect = this.#suspect
    this.#suspect = undefined
    this.#buffer.refuse(nowMs + delayMs, counts)
    yield* this.#finished()
    if (counts || suspect === undefined || attempts === undefined || this.#takenUnder === undefined) return
    yield* Effect.ignore(attempts.giveBack(this.#takenUnder, suspect))
  })

  /** Takes in a message that the broker gave up after so many deliveries. True when it is dealt with from here. */
  readonly adopt = Effect.fnUntraced(function* (this: LaneReader, message: BrokerMessage, deliveryCount: number) {
    if (this.#lease === undefined || this.#isLeaving) return false
    const { headers, payload, sequence, subject } = message
    const delivery = { deliveryCount, deliverySequence: notDelivered, ack: said, nak: said, term: said, working: said }
    this.#buffer.adopt({ headers, payload, sequence, subject, ...delivery })
    yield* this.#news.signal
    return true
  })

  #finished(): Effect.Effect<void> {
    this.#isRunning = false
    this.#options.suspects.end(this)
    return this.#progress.signal
  }

  #forget(): void {
    this.#buffer = new LaneBuffer()
    this.#isRunning = false
    this.#options.suspects.end(this)
    this.#goneSinceMs = undefined
  }

  readonly #close = Effect.suspend(() => {
    const reading = this.#reading
    this.#reading = undefined
    return reading === undefined ? Effect.void : Fiber.interrupt(reading)
  })

  /** Opens the lane, and opens it again whenever it ends. */
  readonly #read: Effect.Effect<never> = Effect.suspend(() =>
    Effect.scoped(this.#readOnce).pipe(
      Effect.catch((error) =>
        Effect.logDebug("lane cannot be opened", error).pipe(Effect.andThen(Effect.sleep(lookAgainMs)))
      ),
      Effect.forever,
    )
  )

  readonly #readOnce = Effect.suspend(() => this.#open()).pipe(
    Effect.flatMap((ended) =>
      ended === undefined ? Effect.sleep(lookAgainMs) : Effect.raceFirst(Deferred.await(ended), this.#compare)
    ),
  )

  /** Undefined when there is no such lane. */
  readonly #open = Effect.fnUntraced(function* (this: LaneReader) {
    const { broker } = this.#options
    const info = yield* broker.laneInfo(this.name.stream, this.durable)
    if (info === undefined) {
      this.#goneSinceMs ??= yield* Clock.currentTimeMillis
      return undefined
    }
    this.#goneSinceMs = undefined
    const ended = Deferred.makeUnsafe<void>()
    const buffer = this.#buffer
    buffer.begin(info)
    yield* this.#news.signal
    yield* broker.openLane({ stream: this.name.stream, durable: this.durable }, {
      onMessage: (message) => {
        const doubts = buffer.doubts
        if (buffer.receive(message)) Effect.runSync(this.#news.signal)
        if (buffer.doubts !== doubts) Effect.runSync(this.#doubt.signal)
      },
      onTrouble: (trouble) => {
        buffer.interrupted()
        Effect.runSync(this.#doubt.signal)
        // Opening it again finds out what there is.
        if (trouble === "gone") Deferred.doneUnsafe(ended, Exit.void)
      },
    })
    return ended
  })

  /** Ends every doubt: by what the broker says, or when what is missing had all its time to come again. */
  readonly #compare: Effect.Effect<never> = Effect.suspend(() => {
    const seen = this.#doubt.count()
    return this.#buffer.isDoubting ? this.#compareUntilSure : this.#doubt.after(seen)
  }).pipe(Effect.forever)

  readonly #compareUntilSure = Effect.gen({ self: this }, function* () {
    const buffer = this.#buffer
    let pauseMs = compareFirstMs
    let doubts = -1
    let sinceMs = 0
    while (buffer.isDoubting) {
      const info = buffer.isComparable
        ? yield* Effect.orElseSucceed(
          this.#options.broker.laneInfo(this.name.stream, this.durable),
          () => undefined,
        )
        : undefined
      if (info !== undefined && buffer.compare(info)) break
      const nowMs = yield* Clock.currentTimeMillis
      // Time without an answer is no time in which something could have come again.
      if (info === undefined || buffer.doubts !== doubts) sinceMs = nowMs
      doubts = buffer.doubts
      if (nowMs - sinceMs > this.#options.ackWaitMs + redeliverySlackMs) {
        yield* Effect.logWarning(`lane ${this.durable} goes on without messages the broker counts and does not deliver`)
        buffer.giveUpDoubt()
        break
      }
      yield* Effect.sleep(pauseMs)
      pauseMs = Math.min(compareMaxMs, pauseMs * 2)
    }
    yield* this.#news.signal
  })
}

/** Past every number a broker gives, so that comparing with its count leaves it out. */
const notDelivered = Number.POSITIVE_INFINITY

/** Of what the broker does not know as outstanding there is nothing to tell it. */
const said = () => {}

const deliveryOf = (name: LaneName, message: LaneMessage, attempt: number): Delivery => ({
  stream: name.stream,
  subject: message.subject,
  partition: name.isWhole ? partitionIn(message.subject) : name.lane,
  headers: message.headers,
  payload: message.payload,
  sequence: message.sequence,
  attempt,
})

/** Of a subject of ours; 0 for any other, which no handler ever sees. */
const partitionIn = (subject: string): number => {
  const end = subject.lastIndexOf(".")
  return Number(subject.slice(end - 2, end)) || 0
}
