/** The state of the service and of what it depends on. Asked by probes, so it is bounded in time and never fails. */
import { Clock, Effect } from "effect"
import { EventLog } from "../streams/EventLog.ts"
import { DatabaseProbe } from "./DatabaseProbe.ts"
import { HttpSettings } from "./HttpSettings.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { providerProblems } from "./syncs.ts"

/** Orchestrators give a probe a second. */
const answerMs = 800
/** Beyond this a consumer is behind, not busy: at the targeted rate it is a second of work. */
const lagAlarm = 10_000

export const healthReport = Effect.gen(function* () {
  const log = yield* EventLog
  const settings = yield* HttpSettings
  const phase = yield* (yield* Lifecycle).phase
  const { answers } = yield* DatabaseProbe
  const [isDatabaseUp, consumers] = yield* Effect.all([
    answers,
    log.consumers.pipe(Effect.timeout(answerMs), Effect.catchCause(() => Effect.succeed(undefined))),
  ], { concurrency: 2 })
  const state = yield* log.state
  // A log that stands elsewhere says itself when it does not answer, and not at the first hiccup.
  const isLogSilent = consumers === undefined && state.kind === "embedded" && isDatabaseUp
  const problems = [
    ...(phase === "running" ? [] : [`the service is ${phase}`]),
    ...(isDatabaseUp ? [] : ["the database does not answer"]),
    ...(isLogSilent ? ["the event log does not answer"] : []),
    ...state.problems,
    ...(yield* providerProblems),
    ...(consumers ?? []).flatMap(({ durable, lag, retrying }) => [
      ...(lag > lagAlarm ? [`${durable} is ${lag} events behind`] : []),
      ...(retrying > 0 ? [`${durable} is trying a failed event again`] : []),
    ]),
  ]
  const ready = phase === "running" && isDatabaseUp && !isLogSilent && state.isUp
  return {
    status: problems.length === 0 ? "ok" as const : "degraded" as const,
    ready,
    problems,
    version: settings.version,
    runtime: settings.runtime,
    uptimeMs: (yield* Clock.currentTimeMillis) - settings.startedAtMs,
    database: isDatabaseUp ? "up" as const : "down" as const,
    log: state.kind,
    waiting: state.waiting,
    consumers: (consumers ?? []).map(({ durable, lag, retrying }) => ({ durable, lag, retrying })),
  }
})
