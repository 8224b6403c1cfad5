/**
 * Stops calling a provider whose host fails for everybody, and tries again with one call at a time.
 *
 * It opens when at least half of the last 20 calls failed by the host's fault: connection, timeout, 5xx, HTML. What a
 * host says of one user (401, 403, 429, any other 4xx) shows that it lives; a reply cut off or without its keys says
 * nothing. Nor does one more failure of a user whose last sync failed: a few who always fail call again and again, and
 * on a quiet day make half of all calls. It stays open for 10 s, each time twice as long, up to 5 minutes or what the
 * host asked for; then one call probes it. A host that ended the version of its API we speak (`ProviderGone`) is not
 * called again before a restart.
 *
 * One circuit per connector and process, never per user: a user's own failures are paced by the user's actor.
 */
import { Cause, Clock, Duration, Effect, Exit, Layer, Metric, Option, Schedule, type Scope, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import type { Provider } from "../../schemas/Task.ts"
import {
  type ConnectorError,
  IsCallerFailing,
  type ProviderCircuit,
  ProviderGone,
  ProviderUnavailable,
} from "./Connector.ts"

export interface HostCircuit {
  /** Runs the call if the circuit lets it through; if not, fails with `circuit-open` or `ProviderGone` without it. */
  readonly guard: <A, R>(call: Effect.Effect<A, ConnectorError, R>) => Effect.Effect<A, ConnectorError, R>
  readonly state: Effect.Effect<ProviderCircuit>
}

/** Fewer calls than `minimumCalls` tell a dead host from a bad minute no better than the actors' own backoff does. */
const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, minimumCalls: 10, size: 20 })

const openDuration = Schedule.min([Schedule.exponential("10 seconds", 2), Schedule.spaced("5 minutes")])

/** While another call probes the host: about as long as its answer may take. */
const probeMs = 15_000

const changes = Metric.counter("provider_circuit_changes_total", {
  incremental: true,
  description: "Changes of a provider's circuit, by what it changed to",
})

export const make = Effect.fnUntraced(function* (
  provider: Provider,
): Effect.fn.Return<HostCircuit, never, Scope.Scope> {
  const memory = yield* Layer.build(CircuitBreaker.layerStoreMemory())
  const breaker = yield* CircuitBreaker.make({ tripPolicy, openDuration, maxOpenDuration: "5 minutes" }).pipe(
    Effect.provideContext(memory),
  )
  let isGone = false
  const gone = new ProviderGone({ provider })

  const noteGone = Effect.suspend(() => {
    if (isGone) return Effect.void
    isGone = true
    return Effect.andThen(
      Metric.update(Metric.withAttributes(changes, { provider, to: "gone" }), 1),
      Effect.logError(`${gone.message}; nothing is sent to ${provider} until a restart`),
    )
  })

  yield* Effect.forkScoped(Stream.runForEach(breaker.transitions, (change) => told(provider, change)), {
    startImmediately: true,
  })

  const classifier = Effect.gen(function* () {
    if (!(yield* IsCallerFailing)) return outcomeOf
    const { _tag } = yield* Effect.orDie(breaker.state(provider))
    // Whoever probes a host that failed for everybody says how it is.
    return _tag === "Closed" ? outcomeOfFailing : outcomeOf
  })

  const guarded = <A, R>(call: Effect.Effect<A, ConnectorError, R>) =>
    Effect.flatMap(classifier, (classify) => breaker.execute(call, { key: provider, classify })).pipe(
      Effect.catchTag("CircuitBreakerError", ({ reason }) => Effect.fail(notTried(provider, reason))),
      Effect.tapErrorTag("ProviderGone", () => noteGone),
    )

  return {
    guard: (call) => Effect.suspend(() => isGone ? Effect.fail(gone) : guarded(call)),
    state: Effect.gen(function* () {
      if (isGone) return { state: "gone", retryAtMs: null }
      // The store in memory fails for nothing.
      const state = yield* Effect.orDie(breaker.state(provider))
      return toPort(state, yield* Clock.currentTimeMillis)
    }),
  }
})

const hostFailures: ReadonlySet<ProviderUnavailable["reason"]> = new Set([
  "connection",
  "timeout",
  "server-error",
  "html",
])

const outcomeOf = <A>(exit: Exit.Exit<A, ConnectorError>): CircuitBreaker.Outcome => {
  if (Exit.isSuccess(exit)) return CircuitBreaker.success
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error === undefined) return CircuitBreaker.ignored
  // A token that cannot even be sent says nothing, either.
  if (error._tag === "TokenRejected" && error.status === null) return CircuitBreaker.ignored
  if (error._tag !== "ProviderUnavailable") return CircuitBreaker.success
  if (!hostFailures.has(error.reason)) return CircuitBreaker.ignored
  return CircuitBreaker.failure(error.retryAfterMs === null ? {} : { retryAfter: Duration.millis(error.retryAfterMs) })
}

const outcomeOfFailing = <A>(exit: Exit.Exit<A, ConnectorError>): CircuitBreaker.Outcome => {
  const outcome = outcomeOf(exit)
  return outcome._tag === "Failure" ? CircuitBreaker.ignored : outcome
}

const notTried = (provider: Provider, reason: CircuitBreaker.CircuitBreakerErrorReason) =>
  new ProviderUnavailable({
    provider,
    reason: "circuit-open",
    status: null,
    retryAfterMs: reason._tag === "CircuitOpen" ? Math.ceil(Duration.toMillis(reason.retryAfter)) : probeMs,
  })

const toPort = (state: CircuitBreaker.State, nowMs: number): ProviderCircuit => {
  if (state._tag === "Closed") return { state: "closed", retryAtMs: null }
  if (state._tag === "HalfOpen") return { state: "half-open", retryAtMs: null }
  const leftMs = Duration.toMillis(state.retryAfter)
  // Its time is over, and the next call is the probe.
  return leftMs <= 0 ? { state: "half-open", retryAtMs: null } : { state: "open", retryAtMs: nowMs + leftMs }
}

const names = { Open: "open", HalfOpen: "half-open", Closed: "closed" } as const

const told = (provider: Provider, change: CircuitBreaker.Transition) => {
  const to = names[change.to]
  const line = change.to === "Open"
    ? Effect.logWarning(`${provider} fails for everybody: no call for ${Duration.toMillis(change.retryAfter)} ms`)
    : change.to === "HalfOpen"
    ? Effect.logInfo(`${provider} is tried again with one call`)
    : Effect.logInfo(`${provider} answers again`)
  return Effect.andThen(Metric.update(Metric.withAttributes(changes, { provider, to }), 1), line)
}
