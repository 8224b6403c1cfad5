/** Makes the outbox and the broker agree on what one stream holds, whichever of the two was set back or overtaken. */
import { Effect, Metric } from "effect"
import { headers } from "../names.ts"
import type { StreamName } from "../names.ts"
import { OutboxRows } from "../OutboxRows.ts"
import { Broker } from "./Broker.ts"
import { isStandIn, lastAlike } from "./relayState.ts"
import type { RelayStream, RoundEnd } from "./relayRound.ts"

/** A round of questions; with the largest messages it is as many megabytes. */
const pageSize = 64

const foreignMessages = Metric.counter("relay_foreign_messages_total", {
  incremental: true,
  description: "Messages on our streams that are no events of the outbox",
})
const publishedAgain = Metric.counter("relay_published_again_total", {
  incremental: true,
  description: "Events the broker lost and that were published once more",
})
const lostEvents = Metric.counter("relay_lost_events_total", {
  incremental: true,
  description: "Events the broker lost when the outbox did not have them any more",
})

/** Undefined when `state.last` is where the broker ends. The mark is read first: it can then only be behind. */
export const reconcile = Effect.fnUntraced(function* (state: RelayStream) {
  const broker = yield* Broker
  const outbox = yield* OutboxRows
  const { stream } = state
  const mark = yield* outbox.mark(stream)
  const info = yield* broker.streamInfo(stream)
  if (info === undefined) return { is: "failed", reason: "there is no such stream" } satisfies RoundEnd
  const common = yield* lastCommon(stream, info.firstSequence, Math.min(mark.publishedUntil, info.lastSequence))
  if (common < mark.publishedUntil) yield* setBack(state, common)
  // What the stream has dropped by age cannot be looked at, and waits nowhere.
  if (common < info.lastSequence) yield* look(state, Math.max(common + 1, info.firstSequence), info.lastSequence)
  state.last = info.lastSequence
  state.given = Math.max(mark.lastSequence, info.lastSequence)
  state.hasLeapt = false
  return undefined
})

/**
 * Up to where both hold the same. Mostly that is the end, told by one message; but a broker that was set back and then
 * given other messages ends anywhere, and what tells is only what stands under a number. What either has forgotten, or
 * an operator removed, tells nothing; before `begin` the stream has nothing any more.
 */
const lastCommon = Effect.fnUntraced(function* (stream: StreamName, begin: number, end: number) {
  const broker = yield* Broker
  const outbox = yield* OutboxRows
  const stored = (fromSequence: number, toSequence: number) =>
    Effect.map(
      broker.messages(stream, { fromSequence, toSequence, limit: pageSize }),
      (messages) => messages.map((one) => ({ sequence: one.sequence, eventId: one.headers[headers.messageId] ?? "" })),
    )
  let isParted = false
  const least = Math.max(1, begin)
  for (let upper = end; upper >= least; upper -= pageSize) {
    const lower = Math.max(least, upper - pageSize + 1)
    const rows = yield* outbox.numbered(stream, lower, upper)
    if (rows.length === 0) return isParted ? upper : end
    const last = Math.max(...rows.map(({ sequence }) => sequence))
    if (upper === end && lastAlike(rows, yield* stored(last, last)).alike === last) return end
    const { alike, differs } = lastAlike(rows, yield* stored(lower, upper))
    isParted ||= differs
    if (alike !== undefined) return isParted ? alike : end
  }
  return isParted ? least - 1 : end
})

const look = Effect.fnUntraced(function* (state: RelayStream, fromSequence: number, toSequence: number) {
  const broker = yield* Broker
  const outbox = yield* OutboxRows
  let foreign = 0
  for (let next = fromSequence; next <= toSequence;) {
    const page = yield* broker.messages(state.stream, { fromSequence: next, toSequence, limit: pageSize })
    const until = page.length < pageSize ? toSequence : page.at(-1)!.sequence
    const named = page.map(({ headers: given, sequence }) => ({ eventId: given[headers.messageId] ?? "", sequence }))
    const own = yield* outbox.found(state.stream, named, until)
    foreign += page.length - own - named.filter(({ eventId }) => isStandIn(eventId)).length
    next = until + 1
  }
  if (fromSequence > toSequence) yield* outbox.found(state.stream, [], toSequence)
  if (foreign === 0) return
  state.found.foreign += foreign
  yield* Metric.update(foreignMessages, foreign)
  yield* Effect.logWarning(
    `relay: ${foreign} messages on ${state.stream} up to ${toSequence} are no events of the outbox: ` +
      "somebody else publishes to it",
  )
})

const setBack = Effect.fnUntraced(function* ({ stream, found }: RelayStream, lastSequence: number) {
  const { rows, missing } = yield* (yield* OutboxRows).lost(stream, lastSequence)
  if (rows + missing === 0) return
  found.publishedAgain += rows
  found.lost += missing
  yield* Metric.update(publishedAgain, rows)
  yield* Metric.update(lostEvents, missing)
  yield* Effect.logWarning(`relay: the broker has lost ${stream} behind ${lastSequence}: ${rows} events go there again`)
  if (missing > 0) {
    yield* Effect.logError(
      `relay: ${missing} events of ${stream} that the broker lost were forgotten here already and are gone for good`,
    )
  }
})
