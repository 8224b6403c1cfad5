/**
 * The whole log in the memory of one process: outbox, inbox and event log. For tests and simulation; passes the same
 * contract suite as the real ones. Lives as long as the process, and keeps everything, so not for service.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { seal } from "./envelope.ts"
import { DeadLetter, DeadLetters } from "./DeadLetters.ts"
import type { DeathCause, LetterFilter, OpenedLetter, SettleOptions } from "./DeadLetters.ts"
import { EventLog } from "./EventLog.ts"
import type { ConsumerContract, ConsumerInfo, Delivery, StoredEvent } from "./EventLog.ts"
import { Inbox } from "./Inbox.ts"
import { tellDropped, tellRedriven } from "./letterAudit.ts"
import { baseOf, headersAgain, notOpen, planRedrive, redrivesOf, reportOf } from "./redriving.ts"
import * as Lanes from "./lane.ts"
import type { Lane } from "./lane.ts"
import { headers, parseSubject, streamNames } from "./names.ts"
import type { StreamName } from "./names.ts"
import { Outbox } from "./Outbox.ts"
import { replayPages } from "./replayPages.ts"
import * as Wakeup from "./Wakeup.ts"

interface Memory {
  readonly partitions: number
  readonly createdAtMs: number
  readonly events: Record<StreamName, Array<StoredEvent & { readonly storedAtMs: number }>>
  readonly eventIds: Set<string>
  readonly lanes: Map<string, { readonly consumer: ConsumerContract; readonly lane: number; state: Lane }>
  readonly handled: Set<string>
  letters: ReadonlyArray<OpenedLetter>
  lettersEver: number
  readonly appended: Wakeup.Wakeup
}

/** As long as the SQL log's, so that code waiting on either behaves alike. */
const pollMs = 1_000

export const layerMemory = (options: { readonly partitions: number }) =>
  Layer.effectContext(Effect.gen(function* () {
    const memory: Memory = {
      partitions: options.partitions,
      createdAtMs: yield* Clock.currentTimeMillis,
      events: { SIGNALS: [], DECISIONS: [], FEEDBACK: [], ACCOUNTS: [] },
      eventIds: new Set(),
      lanes: new Map(),
      handled: new Set(),
      letters: [],
      lettersEver: 0,
      appended: Wakeup.make(),
    }
    return Context.make(EventLog, eventLogOf(memory)).pipe(
      Context.add(Outbox, Outbox.of({ append: (events) => append(memory, events) })),
      Context.add(Inbox, inboxOf(memory)),
      Context.add(DeadLetters, deadLettersOf(memory)),
    )
  }))

const append = (memory: Memory, events: ReadonlyArray<Envelope>) =>
  Effect.map(Clock.currentTimeMillis, (storedAtMs) => {
    for (const event of events) {
      if (memory.eventIds.has(event.id)) continue
      memory.eventIds.add(event.id)
      const message = seal(event, memory.partitions)
      const stream = memory.events[message.stream]
      stream.push({ ...message, sequence: stream.length + 1, storedAtMs })
    }
  }).pipe(Effect.andThen(memory.appended.signal))

const inboxOf = (memory: Memory) =>
  Inbox.of({
    handled: (durable, eventId) => Effect.sync(() => memory.handled.has(`${durable}/${eventId}`)),
    once: (durable, eventIds, effect) =>
      Effect.suspend(() => {
        const fresh = new Set(eventIds.filter((id) => !memory.handled.has(`${durable}/${id}`)))
        if (fresh.size === 0) return Effect.void
        return Effect.tap(
          effect(fresh),
          () => Effect.sync(() => fresh.forEach((id) => memory.handled.add(`${durable}/${id}`))),
        )
      }),
  })

const record = (memory: Memory, durable: string, delivery: Delivery, cause: DeathCause) =>
  Effect.map(Clock.currentTimeMillis, (diedAtMs) => {
    const { stream, sequence, subject, attempt: attempts, payload } = delivery
    const messageId = delivery.headers[headers.messageId] ?? ""
    const isKnown = memory.letters.some(({ letter }) =>
      letter.durable === durable && letter.stream === stream && letter.sequence === sequence &&
      letter.messageId === messageId
    )
    if (isKnown) return
    const id = ++memory.lettersEver
    const fate = { attempts, diedAtMs, state: "open" as const, redrives: 0 }
    const letter = new DeadLetter({ id, durable, stream, sequence, subject, messageId, ...cause, ...fate })
    memory.letters = [...memory.letters, { letter, headers: delivery.headers, payload }]
  })

const deadLettersOf = (memory: Memory) => {
  const matching = (filter: LetterFilter) =>
    memory.letters.map(({ letter }) => letter).filter((letter) => matches(filter, letter))
  return DeadLetters.of({
    record: (durable, delivery, cause) => record(memory, durable, delivery, cause),
    list: (filter, { limit, beforeId = Infinity }) =>
      Effect.sync(() => matching(filter).filter(({ id }) => id < beforeId).toReversed().slice(0, limit)),
    count: (filter) => Effect.sync(() => matching(filter).length),
    find: (id) => Effect.sync(() => memory.letters.find(({ letter }) => letter.id === id)),
    redrive: (filter, options) => redrive(memory, filter, options),
    drop: (filter, { limit, dryRun }) =>
      Effect.suspend(() => {
        const ids = matching(filter).map(({ id }) => id).slice(0, limit)
        if (dryRun) return Effect.succeed(ids)
        memory.letters = memory.letters.filter(({ letter }) => !ids.includes(letter.id))
        return Effect.as(tellDropped(ids), ids)
      }),
  })
}

const redrive = Effect.fnUntraced(function* (
  memory: Memory,
  filter: Omit<LetterFilter, "state">,
  { limit, dryRun }: SettleOptions,
) {
  const storedAtMs = yield* Clock.currentTimeMillis
  const report = yield* Effect.sync(() => {
    const chosen = memory.letters.filter(({ letter }) => matches({ ...filter, state: "open" }, letter)).slice(0, limit)
    const highest = new Map<string, number>()
    for (const { letter } of memory.letters) {
      highest.set(baseOf(letter), Math.max(highest.get(baseOf(letter)) ?? 0, redrivesOf(letter)))
    }
    const { sendings, refused } = planRedrive(
      chosen.map(({ letter, payload }) => ({ letter, digest: Buffer.from(payload).toString("base64") })),
      { highest, taken: memory.eventIds },
      memory.partitions,
    )
    const others = chosen.length >= limit ? [] : (filter.ids ?? []).flatMap((id) => {
      if (chosen.some(({ letter }) => letter.id === id)) return []
      return notOpen(id, memory.letters.find(({ letter }) => letter.id === id)?.letter.state)
    })
    for (const { letterId, letterIds, messageId, partition, redrive } of dryRun ? [] : sendings) {
      const { letter, headers, payload } = chosen.find((one) => one.letter.id === letterId)!
      const stream = letter.stream as StreamName
      const message = { stream, subject: letter.subject, partition, headers: headersAgain(headers, messageId), payload }
      const events = memory.events[stream]
      memory.eventIds.add(messageId)
      events.push({ ...message, sequence: events.length + 1, storedAtMs })
      memory.letters = memory.letters.map((one) =>
        letterIds.includes(one.letter.id)
          ? { ...one, letter: new DeadLetter({ ...one.letter, state: "redriven", redrives: redrive }) }
          : one
      )
    }
    return reportOf(sendings, [...refused, ...others])
  })
  if (dryRun) return report
  yield* memory.appended.signal
  yield* tellRedriven(report)
  return report
})

const matches = (filter: LetterFilter, letter: DeadLetter): boolean => {
  const owner = parseSubject(letter.subject)
  return (filter.ids?.includes(letter.id) ?? true) &&
    (filter.durable ?? letter.durable) === letter.durable &&
    (filter.stream ?? letter.stream) === letter.stream &&
    (filter.reason ?? letter.reason) === letter.reason &&
    (filter.tenantId === undefined || filter.tenantId === owner?.tenantId) &&
    (filter.userId === undefined || filter.userId === owner?.userId) &&
    letter.diedAtMs >= (filter.diedFromMs ?? -Infinity) && letter.diedAtMs < (filter.diedToMs ?? Infinity) &&
    (filter.state === "any" || letter.state === (filter.state ?? "open"))
}

const eventLogOf = (memory: Memory) => {
  const laneOf = (consumer: ConsumerContract, lane: number) => {
    const key = `${consumer.durable}/${lane}`
    let entry = memory.lanes.get(key)
    if (entry === undefined) memory.lanes.set(key, entry = { consumer, lane, state: Lanes.laneAt(0) })
    return entry
  }
  const settle = (consumer: ConsumerContract, lane: number, sequence: number) =>
    Effect.sync(() => {
      const entry = laneOf(consumer, lane)
      entry.state = Lanes.settled(entry.state, sequence)
    })

  const read: EventLog["Service"]["read"] = (stream, afterSequence, limit) =>
    Effect.sync(() => memory.events[stream].slice(afterSequence, afterSequence + limit))

  return EventLog.of({
    partitions: memory.partitions,
    pull: (consumer, lane) =>
      Effect.map(Clock.currentTimeMillis, (nowMs): ReadonlyArray<Delivery> => {
        const entry = laneOf(consumer, lane)
        if (Lanes.isResting(entry.state, nowMs)) return []
        const messages = eventsAfter(memory, consumer, lane, entry.state.cursor)
          .slice(0, Lanes.pullSize(entry.state, consumer.batchMax))
        if (messages.length === 0) return []
        const { lane: state, attempt } = Lanes.pulled(entry.state, messages.map((message) => message.sequence))
        entry.state = state
        return messages.map((message) => ({ ...message, attempt }))
      }),
    awaitNew: () =>
      Effect.sync(() => {
        const seen = memory.appended.count()
        return memory.appended.after(seen).pipe(Effect.timeoutOption(pollMs), Effect.asVoid)
      }),
    settle,
    refuse: (consumer, lane, delayMs, counts) =>
      Effect.map(Clock.currentTimeMillis, (nowMs) => {
        const entry = laneOf(consumer, lane)
        entry.state = Lanes.refused(entry.state, nowMs + delayMs, counts)
      }),
    bury: (consumer, lane, delivery, cause) =>
      record(memory, consumer.durable, delivery, cause).pipe(
        Effect.andThen(settle(consumer, lane, delivery.sequence)),
      ),
    guard: () => Effect.void, // nobody else is there
    release: Effect.void,
    read,
    replay: (range) => replayPages(range, read),
    sequenceAt: (stream, atMs) =>
      Effect.sync(() => 1 + memory.events[stream].findLastIndex((event) => event.storedAtMs < atMs) + 1),
    streams: Effect.sync(() => streamNames.map((stream) => streamInfo(memory, stream))),
    consumers: Effect.sync(() => consumerInfo(memory)),
    state: Effect.succeed({ kind: "memory", isUp: true, problems: [], waiting: 0 }),
  })
}

const eventsAfter = (memory: Memory, consumer: ConsumerContract, lane: number, cursor: number) =>
  memory.events[consumer.stream].slice(cursor)
    .filter((event) => consumer.ordering === "stream" || event.partition === lane)

const streamInfo = (memory: Memory, stream: StreamName) => ({
  stream,
  firstSequence: 1,
  lastSequence: memory.events[stream].length,
  messages: memory.events[stream].length,
  createdAtMs: memory.createdAtMs,
})

const consumerInfo = (memory: Memory): ReadonlyArray<ConsumerInfo> =>
  [...Map.groupBy(memory.lanes.values(), (entry) => entry.consumer.durable)].map(([durable, entries]) => {
    const behind = entries.map(({ consumer, lane, state }) => ({
      state,
      events: eventsAfter(memory, consumer, lane, state.cursor),
    }))
    const total = (count: (one: (typeof behind)[number]) => number) => behind.reduce((sum, one) => sum + count(one), 0)
    return {
      durable,
      stream: entries[0]!.consumer.stream,
      lag: total(({ events }) => events.length),
      inFlight: total(({ events, state }) => events.filter((event) => event.sequence <= state.pulledUntil).length),
      retrying: total(({ state }) => Number(state.headAttempts > 1 && state.pulledUntil > state.cursor)),
    }
  })
