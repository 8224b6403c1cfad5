/**
 * Publishes the outbox: every committed event gets onto the broker once, in commit order, per stream without gaps.
 *
 * The outbox knows what was committed, the broker what was stored; the relay believes nothing else, and looks at both
 * whenever they may differ: when it begins, after a reconnection, after an unexpected answer, and once a minute. So it
 * may die at any point, run twice at once, or talk to a broker that was set back. Streams do not wait for each other.
 *
 * A message that the broker will never take is put aside as a dead letter of the durable `relay`.
 */
import { Cause, Clock, Context, Effect, Layer, Metric, Random } from "effect"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { DeadLetters } from "../DeadLetters.ts"
import { streamNames } from "../names.ts"
import type { StreamName } from "../names.ts"
import { OutboxRows } from "../OutboxRows.ts"
import type { Wakeup } from "../Wakeup.ts"
import { Broker } from "./Broker.ts"
import { reconcile } from "./reconcile.ts"
import { problemsOf } from "./relayState.ts"
import type { RelayState } from "./relayState.ts"
import { relayRound } from "./relayRound.ts"
import type { RelayStream, RoundEnd } from "./relayRound.ts"

export class Relay extends Context.Service<Relay, {
  /** As last looked at: a second ago, or some, when so much waits that counting it takes long. Asks no network. */
  readonly state: Effect.Effect<RelayState>
}>()("tipstream/streams/jetstream/Relay") {}

export interface RelayOptions {
  /** Events were committed to the outbox by this process. */
  readonly appended: Wakeup
  /** The broker was away and is back. */
  readonly reconnected: Wakeup
  /** Rows that wait beyond which it says so. */
  readonly alarmRows: number
}

/** Events of other processes are noticed by looking: a tenth of a second that nobody waits for. */
const pollMs = 100

/** A transaction older than the waiting events still runs; it rarely takes longer to end. Doubled while it does. */
const heldBackMs = 5

/** What is appended so soon after is published together: on a busy log a round costs as much as a request. */
const paceMs = 5

const reconcileEveryMs = 60_000

/** A fifth of the lease. */
const leadEveryMs = 1_000
const observeEveryMs = 1_000

/** Of the time that counting what waits took: a million events are counted in some hundred milliseconds. */
const observeRest = 20

/** Doubled with every failure in a row. */
const backoffMs = 100
const backoffMaxMs = 5_000

const waitingEvents = Metric.gauge("outbox_waiting_events", { description: "Committed events not on the broker yet" })
const oldestMs = Metric.gauge("outbox_oldest_ms", { description: "Age of the oldest event not on the broker yet" })

export const layer = (options: RelayOptions) =>
  Layer.effect(
    Relay,
    Effect.gen(function* () {
      const outbox = yield* OutboxRows
      yield* outbox.carriedByBroker
      const streams = streamNames.map(newStream)
      const shared = { isLeading: false }
      const backlog = { waiting: 0, oldestAgeMs: 0 }
      yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(outbox.resign, 2_000)))
      yield* Effect.forkScoped(every(leadEveryMs, lead(shared)))
      yield* Effect.forkScoped(every(observeEveryMs, observe(backlog), observeRest))
      for (const stream of streams) yield* Effect.forkScoped(publishing(stream, shared, options))
      return Relay.of({
        state: Effect.sync(() => {
          const state = {
            isLeading: shared.isLeading,
            ...backlog,
            streams: streams.map(({ stream, blocked, found }) => ({ stream, blocked, ...found })),
          }
          return { ...state, problems: problemsOf(state, options.alarmRows) }
        }),
      })
    }),
  )

const newStream = (stream: StreamName): RelayStream => ({
  stream,
  last: undefined,
  given: 0,
  hasLeapt: false,
  blocked: undefined,
  found: { foreign: 0, publishedAgain: 0, lost: 0, unpublishable: 0 },
})

/** A failure is the database's, which has said so itself. `rest`: a pause of so many times what the task took. */
const every = <R>(pauseMs: number, task: Effect.Effect<void, StoreUnavailable, R>, rest = 0) =>
  Effect.forever(Effect.gen(function* () {
    const begunAtMs = yield* Clock.currentTimeMillis
    yield* Effect.ignore(task)
    const tookMs = (yield* Clock.currentTimeMillis) - begunAtMs
    yield* Effect.sleep(Math.max(pauseMs, rest * tookMs))
  }))

/** A process that does not reach the broker leaves the lead to one that may. */
const lead = Effect.fnUntraced(function* (shared: { isLeading: boolean }) {
  const outbox = yield* OutboxRows
  const { isUp } = yield* (yield* Broker).state
  if (!isUp && shared.isLeading) yield* outbox.resign
  shared.isLeading = isUp && (yield* outbox.lead)
})

const observe = Effect.fnUntraced(function* (backlog: { waiting: number; oldestAgeMs: number }) {
  const { rows, oldestAtMs } = yield* (yield* OutboxRows).backlog
  const nowMs = yield* Clock.currentTimeMillis
  backlog.waiting = rows
  backlog.oldestAgeMs = oldestAtMs === null ? 0 : Math.max(0, nowMs - oldestAtMs)
  yield* Metric.update(waitingEvents, backlog.waiting)
  yield* Metric.update(oldestMs, backlog.oldestAgeMs)
})

/** One stream, for as long as the relay lives. */
const publishing = Effect.fnUntraced(function* (
  state: RelayStream,
  shared: { readonly isLeading: boolean },
  { appended, reconnected }: RelayOptions,
): Effect.fn.Return<never, never, OutboxRows | Broker | DeadLetters> {
  let failures = 0
  let heldBack = 0
  let lookedAtMs = 0
  let connections = reconnected.count()
  while (true) {
    const seen = appended.count()
    if (!shared.isLeading) {
      state.last = undefined
      state.blocked = undefined
      yield* Effect.sleep(pollMs)
      continue
    }
    const nowMs = yield* Clock.currentTimeMillis
    const isDue = nowMs - lookedAtMs >= reconcileEveryMs || connections !== reconnected.count()
    connections = reconnected.count()
    const end: RoundEnd = yield* Effect.gen(function* () {
      if (isDue || state.last === undefined) {
        lookedAtMs = nowMs
        const problem = yield* reconcile(state)
        if (problem !== undefined) return problem
      }
      return yield* relayRound(state)
    }).pipe(
      Effect.catchCause((cause) => Effect.succeed<RoundEnd>({ is: "failed", reason: reasonOf(cause), cause })),
    )
    if (end.is === "failed") {
      if (end.reason !== state.blocked) yield* sayBlocked(state, end)
      state.blocked = end.reason
      state.last = undefined
      const pauseMs = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(failures++, 10))
      const jitter = yield* Random.nextBetween(0.5, 1)
      yield* reconnected.after(connections).pipe(Effect.timeoutOption(pauseMs * jitter))
      continue
    }
    failures = 0
    state.blocked = undefined
    heldBack = end.is === "held-back" ? heldBack + 1 : 0
    if (end.is === "more") continue
    if (end.is === "some") yield* Effect.sleep(paceMs)
    else {
      const pauseMs = heldBack === 0 ? pollMs : Math.min(pollMs, heldBackMs * 2 ** Math.min(heldBack - 1, 10))
      yield* appended.after(seen).pipe(Effect.timeoutOption(pauseMs))
    }
  }
})

/** Which question failed, of the database or of the broker. */
const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof StoreUnavailable ? `no answer to "${error.operation}"` : "a failure, which the log tells of"
}

const sayBlocked = ({ stream }: RelayStream, { reason, cause }: Extract<RoundEnd, { is: "failed" }>) =>
  Effect.logWarning(`relay: ${stream} takes no events for now: ${reason}`, ...(cause === undefined ? [] : [cause]))
