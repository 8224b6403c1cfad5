/** What became of scheduled syncs: a line for people now and then, and metrics. */
import { Effect, Exit, Metric } from "effect"
import type { Provider } from "../../schemas/Task.ts"
import type { AskError, SyncReport } from "./Actors.ts"

/**
 * - `failed`: the tool, the credential or the store did not let it happen; the next try is in the queue.
 * - `skipped`: nothing was asked of the tool: there is no connection any more, or somebody else is at it.
 */
export interface SyncOutcome {
  readonly outcome: "ok" | "failed" | "skipped"
  readonly code: string
}

/** The answer of an actor; undefined when it was not waited for any longer. */
export const outcomeOf = (exit: Exit.Exit<SyncReport, AskError> | undefined): SyncOutcome => {
  if (exit === undefined) return { outcome: "skipped", code: "Slow" }
  if (Exit.isSuccess(exit)) {
    return exit.value.status === "synced"
      ? { outcome: "ok", code: "ok" }
      : { outcome: "skipped", code: exit.value.status }
  }
  const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  if (failure === undefined) return { outcome: "failed", code: "Defect" }
  const { error } = failure
  if (error._tag === "ActorBusy") return { outcome: "skipped", code: error._tag }
  if (error._tag !== "SyncFailed") return { outcome: "failed", code: error._tag }
  return { outcome: error.code === "Paced" ? "skipped" : "failed", code: error.code }
}

const syncs = Metric.counter("syncs_total", {
  incremental: true,
  description: "Scheduled syncs, by what became of them and why",
})
const lag = Metric.gauge("sync_lag_ms", { description: "How long the user waits who waits longest for a due sync" })
const due = Metric.gauge("sync_due", { description: "Users whose sync is due and not taken" })
const inFlight = Metric.gauge("syncs_in_flight", { description: "Scheduled syncs under way in this process" })

export const measureQueue = Effect.fnUntraced(function* (
  { provider, due: users, lagMs }: { readonly provider: Provider; readonly due: number; readonly lagMs: number },
) {
  yield* Metric.update(Metric.withAttributes(due, { provider }), users)
  yield* Metric.update(Metric.withAttributes(lag, { provider }), lagMs)
})

/** So many since the last line are news; fewer are told to whoever looks closely. */
const busyMin = 10

export interface SyncTally {
  readonly begun: (lagMs: number) => Effect.Effect<void>
  readonly ended: (outcome: SyncOutcome) => Effect.Effect<void>
  /** Says what became of syncs since it was called last; nothing when there were none. */
  readonly report: Effect.Effect<void>
}

export const make = (provider: Provider): SyncTally => {
  let count = { ok: 0, failed: 0, skipped: 0 }
  let lagMaxMs = 0
  let underWay = 0
  const showUnderWay = Effect.suspend(() => Metric.update(Metric.withAttributes(inFlight, { provider }), underWay))
  return {
    begun: (lagMs) =>
      Effect.suspend(() => {
        underWay += 1
        lagMaxMs = Math.max(lagMaxMs, lagMs)
        return showUnderWay
      }),
    ended: ({ outcome, code }) =>
      Effect.suspend(() => {
        underWay -= 1
        count[outcome] += 1
        return Effect.andThen(
          Metric.update(Metric.withAttributes(syncs, { provider, outcome, code }), 1),
          showUnderWay,
        )
      }),
    report: Effect.suspend(() => {
      const { ok, failed, skipped } = count
      const line = `${provider}: synced ${ok} ok, ${failed} failed, ${skipped} skipped, lag ${lagMaxMs} ms`
      const total = ok + failed + skipped
      count = { ok: 0, failed: 0, skipped: 0 }
      lagMaxMs = 0
      if (total === 0) return Effect.void
      return total < busyMin ? Effect.logDebug(line) : Effect.logInfo(line)
    }),
  }
}
