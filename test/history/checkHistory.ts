/**
 * Judges a run: every committed event stands in its stream once and in order, and has one effect per durable, in the
 * order of its user, or one dead letter with a cause. Pure; knows nothing of how the run was made.
 */
import { eventIdOf } from "./history.ts"
import type { History, HistoryRecord } from "./history.ts"

export interface Expectations {
  /** Every durable, and the stream it has to work through. */
  readonly consumers: ReadonlyArray<{ readonly durable: string; readonly stream: string }>
  /** Whether this message may be given up by this durable. Foreign messages always may. */
  readonly mayDie: (durable: string, eventId: string) => boolean
  /** The faults make the broker deliver again: a run without one has tested nothing. */
  readonly expectsDuplicates?: boolean
  /** Somebody else publishes too: unknown messages in the stream are not ours to judge. */
  readonly allowsForeign?: boolean
  /**
   * Foreign messages took numbers, and the store was set back: events behind them get others, and a stream that is made
   * anew begins behind the numbers of those that were lost.
   */
  readonly allowsRenumbering?: boolean
  /** Highest delivery count a message may reach. */
  readonly deliveryCountMax?: number
}

export const violationKinds = [
  "lost from the stream",
  "duplicated in the stream",
  "gap in the stream",
  "order broken in the stream",
  "renumbered",
  "foreign message",
  "no effect",
  "double effect",
  "more than one effect of a redrive",
  "order broken for a user",
  "effect of nothing",
  "foreign tenant",
  "dead letter without cause",
  "dead letter twice",
  "dead letter and effect",
  "settled before it had an effect",
  "unsettled at the end",
  "delivered too often",
  "no duplicate delivery",
] as const

export type ViolationKind = (typeof violationKinds)[number]

export interface Violation {
  readonly kind: ViolationKind
  readonly detail: string
}

export interface Verdict {
  readonly violations: ReadonlyArray<Violation>
  readonly counts: {
    readonly events: number
    readonly effects: number
    readonly deliveries: number
    /** Deliveries of a message to a durable that had it before. */
    readonly duplicateDeliveries: number
    readonly deliveryCountMax: number
    readonly deadLetters: number
    readonly redrives: number
    readonly faults: number
  }
}

type Of<Kind extends HistoryRecord["kind"]> = Extract<HistoryRecord, { readonly kind: Kind }>
type Placed<Kind extends HistoryRecord["kind"]> = Of<Kind> & { readonly index: number }

/** The history by kind, each record with its place in it. */
interface View {
  readonly of: <Kind extends HistoryRecord["kind"]>(kind: Kind) => ReadonlyArray<Placed<Kind>>
  readonly events: ReadonlyMap<string, Of<"appended">>
  /** By durable and event. */
  readonly effects: ReadonlyMap<string, ReadonlyArray<Placed<"effect">>>
  readonly letters: ReadonlyMap<string, ReadonlyArray<Placed<"deadLetter">>>
  /** By event, in the order they were made. */
  readonly redrives: ReadonlyMap<string, ReadonlyArray<Placed<"redriven">>>
  readonly stored: ReadonlyMap<string, ReadonlyArray<Of<"stored">>>
}

type Check = (view: View, expectations: Expectations) => ReadonlyArray<Violation>

export const checkHistory = (history: History, expectations: Expectations): Verdict => {
  const view = viewOf(history)
  const deliveries = view.of("delivered")
  const seen = new Set<string>()
  const again = deliveries.filter((one) => {
    const key = pair(one.durable, placeOf(one), one.messageId)
    if (!seen.has(key)) return (seen.add(key), one.deliveryCount > 1)
    return true
  })
  const counts = {
    events: view.events.size,
    effects: view.of("effect").length,
    deliveries: deliveries.length,
    duplicateDeliveries: again.length,
    deliveryCountMax: deliveries.reduce((max, one) => Math.max(max, one.deliveryCount), 0),
    deadLetters: view.of("deadLetter").length,
    redrives: view.of("redriven").length,
    faults: view.of("fault").length,
  }
  const violations = checks.flatMap((check) => check(view, expectations))
  if (expectations.expectsDuplicates === true && again.length === 0) {
    violations.push({ kind: "no duplicate delivery", detail: `${deliveries.length} deliveries, each the only one` })
  }
  return { violations, counts }
}

const streamHoldsEveryEvent: Check = ({ of, events, stored }) => {
  const found: Array<Violation> = []
  const inStream = new Map([...stored].map(([stream, messages]) => [stream, idsOf(messages)]))
  const wanted = [
    ...[...events.values()].map(({ stream, eventId }) => ({ stream, messageId: eventId })),
    ...of("redriven").flatMap(({ eventId, messageId }) => {
      const event = events.get(eventId)
      return event === undefined ? [] : [{ stream: event.stream, messageId }]
    }),
  ]
  for (const { stream, messageId } of wanted) {
    if (inStream.get(stream)?.has(messageId) !== true) {
      found.push({ kind: "lost from the stream", detail: `${messageId} is not in ${stream}` })
    }
  }
  return found
}

const streamIsDense: Check = ({ events, stored }, { allowsForeign, allowsRenumbering }) =>
  [...stored].flatMap(([stream, messages]) => {
    const found: Array<Violation> = []
    const at = new Map<string, number>()
    const sorted = messages.toSorted((a, b) => a.sequence - b.sequence)
    let committed = 0
    for (const [index, message] of sorted.entries()) {
      const { sequence, messageId } = message
      const previous = sorted[index - 1]?.sequence ?? 0
      if (sequence > previous + 1 && !(index === 0 && allowsRenumbering === true)) {
        found.push({
          kind: "gap in the stream",
          detail: `nothing in ${stream} from ${previous + 1} to ${sequence - 1}`,
        })
      }
      const event = events.get(eventIdOf(messageId))
      if (event === undefined || event.stream !== stream) {
        if (allowsForeign !== true) {
          found.push({ kind: "foreign message", detail: `${placeOf(message)} (${messageId})` })
        }
        continue
      }
      const before = at.get(messageId)
      if (before !== undefined) {
        found.push({ kind: "duplicated in the stream", detail: `${messageId} is ${stream} ${before} and ${sequence}` })
      }
      at.set(messageId, sequence)
      if (messageId !== event.eventId) continue // a redrive stands where it stands
      if (before === undefined && event.committed < committed) {
        found.push({ kind: "order broken in the stream", detail: `${placeOf(message)} was committed earlier` })
      }
      committed = Math.max(committed, event.committed)
    }
    return found
  })

const numbersStay: Check = ({ of }, { allowsRenumbering }) => {
  if (allowsRenumbering === true) return []
  const numbers = new Map<string, number>()
  return [...of("published"), ...of("stored")].flatMap(({ stream, sequence, messageId }): ReadonlyArray<Violation> => {
    const key = pair(stream, messageId)
    const before = numbers.get(key)
    if (before === undefined) numbers.set(key, sequence)
    return messageId === "" || before === undefined || before === sequence
      ? []
      : [{ kind: "renumbered", detail: `${messageId} was ${stream} ${before} and is ${sequence}` }]
  })
}

const everyEventEnds: Check = ({ events, effects, letters, redrives }, { consumers }) =>
  consumers.flatMap(({ durable, stream }) =>
    [...events.values()].flatMap((event): ReadonlyArray<Violation> => {
      if (event.stream !== stream) return []
      const key = pair(durable, event.eventId)
      const last = redrives.get(event.eventId)?.at(-1)?.messageId ?? event.eventId
      const hasEffect = effects.has(key)
      const died = letters.get(key) ?? []
      if (hasEffect || died.some((letter) => letter.messageId === last)) return []
      return [{ kind: "no effect", detail: `${durable} has neither effect nor dead letter of ${last}` }]
    })
  )

const effectsAreSingle: Check = ({ events, effects, redrives }) =>
  [...effects].flatMap(([key, made]) => {
    const found: Array<Violation> = []
    const [first] = made
    const { durable, eventId, tenantId, userId } = first!
    const event = events.get(eventId)
    if (made.length > 1) {
      const kind = redrives.has(eventId) ? "more than one effect of a redrive" : "double effect"
      found.push({ kind, detail: `${key}: ${made.map(({ replica }) => replica).join(", ")}` })
    }
    if (event === undefined) {
      found.push({ kind: "effect of nothing", detail: `${durable}: ${eventId} was not appended` })
    } else if (made.some((one) => one.tenantId !== event.tenantId || one.userId !== event.userId)) {
      found.push({ kind: "foreign tenant", detail: `${key} is of another than ${tenantId}/${userId}` })
    }
    return found
  })

/** Effects of one user in the order of the commits. What came back by a redrive is late by an operator's will. */
const usersAreInOrder: Check = ({ of, events, redrives, letters }) => {
  const last = new Map<string, { readonly committed: number; readonly eventId: string }>()
  return of("effect").flatMap(({ durable, eventId }): ReadonlyArray<Violation> => {
    const event = events.get(eventId)
    if (event === undefined) return []
    if (redrives.has(eventId) && letters.has(pair(durable, eventId))) return []
    const key = pair(durable, event.stream, event.tenantId, event.userId)
    const before = last.get(key)
    if (before !== undefined && before.eventId !== eventId && before.committed > event.committed) {
      return [{ kind: "order broken for a user", detail: `${durable}: ${eventId} after ${before.eventId}` }]
    }
    last.set(key, event)
    return []
  })
}

const lettersAreDeserved: Check = ({ of, events, effects, redrives }, { mayDie, allowsRenumbering }) => {
  const at = new Set<string>()
  return of("deadLetter").flatMap((letter) => {
    const found: Array<Violation> = []
    const { durable, messageId, index } = letter
    const eventId = eventIdOf(messageId)
    const key = pair(durable, messageId === "" ? placeOf(letter) : messageId)
    const detail = `${durable} gave up ${placeOf(letter)} (${messageId})`
    // Under another number it is delivered again, and dies of the same again.
    if (at.has(key) && allowsRenumbering !== true) found.push({ kind: "dead letter twice", detail })
    at.add(key)
    if (!events.has(eventId)) return found
    if (!mayDie(durable, eventId)) found.push({ kind: "dead letter without cause", detail })
    const redriven = redrives.get(eventId)?.find((one) => one.index > index)
    const made = effects.get(pair(durable, eventId)) ?? []
    if (made.some((effect) => redriven === undefined || effect.index < redriven.index)) {
      found.push({ kind: "dead letter and effect", detail })
    }
    return found
  })
}

const settledIsDone: Check = ({ of, events, effects, letters }) =>
  of("settled").flatMap(({ durable, messageId, index }): ReadonlyArray<Violation> => {
    const eventId = eventIdOf(messageId)
    if (!events.has(eventId)) return []
    const ends = [...effects.get(pair(durable, eventId)) ?? [], ...letters.get(pair(durable, eventId)) ?? []]
    return ends.some((end) => end.index < index)
      ? []
      : [{ kind: "settled before it had an effect", detail: `${durable}: ${messageId}` }]
  })

const nothingRemains: Check = ({ of }) =>
  of("remaining").flatMap(({ durable, messages }): ReadonlyArray<Violation> =>
    messages === 0 ? [] : [{ kind: "unsettled at the end", detail: `${messages} messages of ${durable}` }]
  )

const deliveriesAreBounded: Check = ({ of }, { deliveryCountMax = Infinity }) =>
  of("delivered").flatMap((one): ReadonlyArray<Violation> =>
    one.deliveryCount <= deliveryCountMax
      ? []
      : [{ kind: "delivered too often", detail: `${one.durable}: ${placeOf(one)}, ${one.deliveryCount} times` }]
  )

const checks: ReadonlyArray<Check> = [
  streamHoldsEveryEvent,
  streamIsDense,
  numbersStay,
  everyEventEnds,
  effectsAreSingle,
  usersAreInOrder,
  lettersAreDeserved,
  settledIsDone,
  nothingRemains,
  deliveriesAreBounded,
]

const viewOf = (history: History): View => {
  const placed = history.map((record, index) => ({ ...record, index }))
  const of = <Kind extends HistoryRecord["kind"]>(kind: Kind) =>
    placed.filter((record): record is Placed<Kind> => record.kind === kind)
  return {
    of,
    // An id appended twice happened once.
    events: new Map(of("appended").toReversed().map((one) => [one.eventId, one])),
    effects: Map.groupBy(of("effect"), ({ durable, eventId }) => pair(durable, eventId)),
    letters: Map.groupBy(of("deadLetter"), ({ durable, messageId }) => pair(durable, eventIdOf(messageId))),
    redrives: Map.groupBy(of("redriven"), ({ eventId }) => eventId),
    stored: Map.groupBy(of("stored"), ({ stream }) => stream),
  }
}

const idsOf = (messages: ReadonlyArray<{ readonly messageId: string }>) =>
  new Set(messages.map(({ messageId }) => messageId))

const pair = (...parts: ReadonlyArray<string>) => parts.join(" / ")

const placeOf = ({ stream, sequence }: { readonly stream: string; readonly sequence: number }) =>
  `${stream}#${sequence}`
