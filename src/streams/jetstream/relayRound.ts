/** One step of publishing one stream: read what waits, publish it, mark what was acknowledged. */
import type { Cause } from "effect"
import { Effect } from "effect"
import { DeadLetters } from "../DeadLetters.ts"
import type { StreamName } from "../names.ts"
import { OutboxRows } from "../OutboxRows.ts"
import type { OutboxRow } from "../OutboxRows.ts"
import { Broker } from "./Broker.ts"
import type { Published } from "./Broker.ts"
import { nextBatch } from "./relayState.ts"
import type { Outgoing, StreamRelay } from "./relayState.ts"

/** What the relay remembers of one stream. */
export interface RelayStream {
  readonly stream: StreamName
  /** Where the broker ends; undefined when it has to be looked at first. */
  last: number | undefined
  /** The highest number ever given. */
  given: number
  /** The stream cannot be told to go on at another number: it is not empty. */
  hasLeapt: boolean
  blocked: string | undefined
  readonly found: { -readonly [K in "foreign" | "publishedAgain" | "lost" | "unpublishable"]: StreamRelay[K] }
}

export type RoundEnd =
  | { readonly is: "more" | "some" | "idle" | "held-back" }
  /** Nothing more for now; the reason is one for operators. */
  | { readonly is: "failed"; readonly reason: string; readonly cause?: Cause.Cause<unknown> }

/** Some milliseconds of work for the database, the broker and us. */
const rowsMax = 1_000
/** Eight of the largest messages, or a thousand of the usual. */
const bytesMax = 8 * 1_048_576

export const relayRound = Effect.fnUntraced(function* (state: RelayStream) {
  const outbox = yield* OutboxRows
  const { rows, isHeldBack } = yield* outbox.waiting(state.stream, { rows: rowsMax, bytes: bytesMax })
  if (rows.length === 0) return ended(isHeldBack ? "held-back" : "idle")
  const last = state.last ?? 0
  const batch = nextBatch(state.stream, rows, { last, given: state.given, hasLeapt: state.hasLeapt })
  switch (batch.do) {
    case "look":
      return failed("another process has moved the numbers")
    case "leap":
      yield* leap(state, batch.nextSequence)
      return ended("more")
    case "publish":
      return yield* publish(state, last, batch.outgoing, rows.length === rowsMax)
  }
})

const ended = (is: "more" | "some" | "idle" | "held-back"): RoundEnd => ({ is })

/** An empty stream can be told its next number. Any other gets stand-ins, which consumers see as what they are. */
const leap = Effect.fnUntraced(function* (state: RelayStream, nextSequence: number) {
  const broker = yield* Broker
  const info = yield* broker.streamInfo(state.stream)
  if (info?.lastSequence !== state.last) state.last = undefined
  else if (info?.messages === 0) {
    yield* broker.beginAt(state.stream, nextSequence)
    yield* (yield* OutboxRows).published(state.stream, [], nextSequence - 1)
    state.last = nextSequence - 1
    yield* Effect.logInfo(`relay: ${state.stream} goes on at ${nextSequence} on an empty stream`)
  } else {
    state.hasLeapt = true
    const count = nextSequence - 1 - (state.last ?? 0)
    yield* Effect.logError(
      `relay: ${state.stream} ends at ${state.last} on the broker, and the outbox goes on at ${nextSequence}: ` +
        `${count} events are gone, and stand-ins are published in their places`,
    )
  }
})

const publish = Effect.fnUntraced(function* (
  state: RelayStream,
  last: number,
  outgoing: ReadonlyArray<Outgoing>,
  isFull: boolean,
) {
  const broker = yield* Broker
  const outbox = yield* OutboxRows
  const published = yield* broker.publishInOrder(outgoing.map(({ message }) => message), last)
  const stored = published.sequences.length
  if (stored > 0) {
    const until = last + stored
    const acknowledged = outgoing.slice(0, stored).flatMap(({ row }, index) =>
      row === undefined ? [] : [{ position: row.position, sequence: last + 1 + index }]
    )
    // Before the mark: if that fails, the next look finds what was stored.
    state.last = undefined
    yield* outbox.published(state.stream, acknowledged, until)
    state.last = until
    state.given = Math.max(state.given, until)
  }
  if (published.end === undefined) return ended(isFull ? "more" : "some")
  return yield* notAll(state, published, outgoing[stored]?.row)
})

/** `row` is of the first message that was not taken. */
const notAll = Effect.fnUntraced(function* (
  state: RelayStream,
  { end, detail, sequences, storedAs }: Published,
  row: OutboxRow | undefined,
) {
  state.last = undefined
  switch (end) {
    case "wrong-last-sequence":
      // Stored and dropped again before anybody looked: no look at the stream can find it any more.
      if (storedAs !== undefined && row !== undefined) {
        const outbox = yield* OutboxRows
        yield* outbox.found(state.stream, [{ eventId: row.eventId, sequence: storedAs }], 0)
        return ended("more")
      }
      return sequences.length > 0 ? ended("more") : failed(`the broker ends elsewhere than thought: ${detail}`)
    case "refused":
      if (row === undefined) return failed(`a stand-in was refused: ${detail}`)
      yield* putAside(state, row, detail)
      return ended("more")
    default:
      return failed(end === "unknown" ? `no acknowledgement: ${detail}` : `${end}: ${detail}`)
  }
})

const failed = (reason: string): RoundEnd => ({ is: "failed", reason })

/** Of the letters the relay itself writes. They have no number; the row's identity, negative, keeps them apart. */
const relayDurable = "relay"

const putAside = Effect.fnUntraced(function* (state: RelayStream, row: OutboxRow, detail: string) {
  const { position, eventId, sequence: _, ...message } = row
  const letters = yield* DeadLetters
  yield* letters.record(relayDurable, { ...message, sequence: -position, attempt: 1 }, {
    reason: "unpublishable",
    detail,
  })
  yield* (yield* OutboxRows).discard(position)
  state.found.unpublishable++
  yield* Effect.logError(`relay: event ${eventId} of ${state.stream} cannot be published and is put aside: ${detail}`)
})
