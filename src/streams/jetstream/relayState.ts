/**
 * What the relay makes of what it sees. Pure.
 *
 * The broker ends at L, and the outbox has marked everything up to A. Events keep the number they once had: consumers
 * and models remember positions by number.
 */
import type { OutboxRow } from "../OutboxRows.ts"
import { headers, standInSubject } from "../names.ts"
import type { StreamName } from "../names.ts"
import type { NewMessage } from "./Broker.ts"

/** A number, and the id of the event or message that has it. */
export interface Numbered {
  readonly sequence: number
  readonly eventId: string
}

/**
 * The last number of a page under which outbox and broker have the same event, and whether they differ under a later
 * one. A number that one of the two has nothing under, or nothing any more, says nothing.
 */
export const lastAlike = (
  rows: ReadonlyArray<Numbered>,
  messages: ReadonlyArray<Numbered>,
): { readonly alike: number | undefined; readonly differs: boolean } => {
  const stored = new Map(messages.map(({ eventId, sequence }) => [sequence, eventId]))
  let differs = false
  for (const { eventId, sequence } of rows.toSorted((one, other) => other.sequence - one.sequence)) {
    if (stored.get(sequence) === eventId) return { alike: sequence, differs }
    differs ||= stored.has(sequence)
  }
  return { alike: undefined, differs }
}

/** One message to publish, and the row it is of; none for a stand-in. */
export interface Outgoing {
  readonly message: NewMessage
  readonly row: OutboxRow | undefined
}

export type Batch =
  | { readonly do: "publish"; readonly outgoing: ReadonlyArray<Outgoing> }
  /** The first row has a number that is taken: the outbox and the broker have to be compared first. */
  | { readonly do: "look" }
  /** The first row, or the first new number, is not the next: an empty stream can be told to go on there. */
  | { readonly do: "leap"; readonly nextSequence: number }

/**
 * The messages that come next when the stream ends at `last` and numbers up to `given` were given before.
 *
 * A row with a number gets it, and a row without one gets none that was given. Numbers nobody has a row for any more
 * get a stand-in, at most `standInsMax` in one batch; where the batch would begin with one, `leap` says so first,
 * unless `hasLeapt`.
 */
export const nextBatch = (
  stream: StreamName,
  rows: ReadonlyArray<OutboxRow>,
  at: { readonly last: number; readonly given: number; readonly hasLeapt: boolean },
): Batch => {
  const outgoing: Array<Outgoing> = []
  let last = at.last
  for (const row of rows) {
    const number = row.sequence ?? Math.max(last, at.given) + 1
    if (number <= last) return outgoing.length === 0 ? { do: "look" } : { do: "publish", outgoing }
    if (number > last + 1 && outgoing.length === 0 && !at.hasLeapt) return { do: "leap", nextSequence: number }
    while (last + 1 < number) {
      if (outgoing.length >= standInsMax) return { do: "publish", outgoing }
      outgoing.push({ row: undefined, message: standIn(stream, ++last) })
    }
    outgoing.push({ row, message: messageOf(row) })
    last = number
  }
  return { do: "publish", outgoing }
}

/** As many as rows of one batch: some hundred kilobytes. */
const standInsMax = 1_000

const messageOf = ({ eventId, subject, headers: given, payload }: OutboxRow): NewMessage => ({
  subject,
  payload,
  headers: { ...given, [headers.messageId]: eventId },
})

const standInPrefix = "lost:"

const standIn = (stream: StreamName, sequence: number): NewMessage => ({
  subject: standInSubject(stream),
  payload: new Uint8Array(),
  headers: { [headers.messageId]: `${standInPrefix}${stream}:${sequence}` },
})

export const isStandIn = (messageId: string): boolean => messageId.startsWith(standInPrefix)

/** What the relay knows of one stream, for operators. */
export interface StreamRelay {
  readonly stream: StreamName
  /** Why nothing of it is published now; undefined when all is well. */
  readonly blocked: string | undefined
  /** Totals since this process started. */
  readonly foreign: number
  readonly publishedAgain: number
  readonly lost: number
  readonly unpublishable: number
}

export interface RelayState {
  readonly isLeading: boolean
  /** Committed events that are not on the broker; of all processes. */
  readonly waiting: number
  /** 0 when none waits. */
  readonly oldestAgeMs: number
  readonly streams: ReadonlyArray<StreamRelay>
  /** One sentence each; empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

/** Half a minute of retries and a deploy fit in; people notice stale tips after about that time. */
const oldestMaxMs = 60_000

export const problemsOf = (
  state: Omit<RelayState, "problems">,
  alarmRows: number,
): ReadonlyArray<string> => {
  const { waiting, oldestAgeMs, streams } = state
  const isLate = waiting > alarmRows || oldestAgeMs > oldestMaxMs
  return [
    ...(isLate ? [`${waiting} events wait for NATS, the oldest for ${Math.floor(oldestAgeMs / 1_000)} s`] : []),
    ...streams.flatMap(({ stream, blocked }) => blocked === undefined ? [] : [`${stream} takes no events: ${blocked}`]),
  ]
}
