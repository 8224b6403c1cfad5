/** One sync of one connection: read, carry out what the user asked for, read what that led to. */
import { Clock, Effect, Random } from "effect"
import { AccountPace } from "../connectors/AccountPace.ts"
import { actsMax, IsCallerFailing } from "../connectors/Connector.ts"
import type { ActOutcome, ConnectorError } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { ConnectionRejected, SyncFailed } from "./Actors.ts"
import type { SyncReason } from "./Actors.ts"
import { speaking, usableCredential } from "./credentials.ts"
import { notConnected } from "./noConnection.ts"
import { claimMs } from "./providerQueue.ts"
import { readSignals, StopReading } from "./readSignals.ts"
import { dueKey, retryAtMs } from "./UserSyncState.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { Connection, PendingAct } from "./UserSyncStore.ts"
import { commit, reportOf } from "./Work.ts"
import type { Work } from "./Work.ts"

type Reason = SyncReason | "webhook"

/** Many recommends at once ask on the same old data: those that waited behind the first have what they asked for. */
const justSyncedMs = 1_000

export const syncConnection = Effect.fn("UserSync.sync")(function* (
  work: Work,
  reason: Reason,
  completedForSure: ReadonlySet<string>,
) {
  const { connection } = work
  const { sealedToken, syncedAtMs } = connection
  if (connection.status !== "connected" || sealedToken === null) return notConnected
  const nowMs = yield* Clock.currentTimeMillis
  if (reason === "stale" && syncedAtMs !== null && nowMs - syncedAtMs < justSyncedMs) return reportOf(work)
  if (mustWait(connection, reason, nowMs)) return yield* refusedFor(connection)
  yield* paced(work, reason)
  return yield* steps(work, sealedToken, reason, completedForSure).pipe(
    Effect.provideService(IsCallerFailing, connection.failures > 0),
    Effect.map(() => reportOf(work)),
    Effect.catchTag(["TokenUnreadable", "TokenRejected"], (error) => rejected(work, error._tag)),
    Effect.catchTag("StopReading", () => rejected(work, "DifferentAccount")),
    Effect.catchTag(failureTags, (error) => failed(work, reason, error)),
  )
})

const failureTags = ["ScopeMissing", "RateLimited", "ProviderUnavailable", "ProviderRefused", "ProviderGone"] as const

/**
 * After a failure the tool is left alone until the time it asked for, or the backoff, has passed. Only the due queue,
 * which keeps that time, and the user in person may call; and nobody, when the tool itself named a time.
 */
const mustWait = ({ failures, nextSyncAtMs, problemCode }: Connection, reason: Reason, nowMs: number): boolean =>
  failures > 0 && nextSyncAtMs !== null && nextSyncAtMs > nowMs + (reason === "due" ? claimedWithinMs : 0) &&
  (reason !== "asked" || problemCode === "RateLimited")

/**
 * A claim puts the next sync off by `claimMs`, and who claimed may have another clock. A time beyond was set since:
 * another sync of the user went before, and failed.
 */
const claimedWithinMs = 2 * claimMs

const refusedFor = ({ lastProblem, problemCode, nextSyncAtMs }: Connection) =>
  new SyncFailed({
    problem: lastProblem ?? "the last sync failed",
    code: problemCode ?? "unknown",
    retryAtMs: nextSyncAtMs,
  })

/** Keeps the account below the tool's own limits, whoever of us asks: other apps of the user share them. */
const paced = Effect.fnUntraced(function* (work: Work, reason: Reason) {
  const { provider, accountId, cursor } = work.connection
  const pace = yield* AccountPace
  const turn = yield* pace.take(provider, accountId, cursor === null ? "full" : "partial", reason === "asked")
  if (turn._tag === "Go") return
  yield* commit(work, { connection: { ...work.connection, nextSyncAtMs: turn.untilMs } })
  return yield* new SyncFailed({
    problem: "this account was asked often enough for now",
    code: "Paced",
    retryAtMs: turn.untilMs,
  })
})

const steps = Effect.fnUntraced(function* (
  work: Work,
  sealed: Uint8Array,
  reason: Reason,
  completedForSure: ReadonlySet<string>,
) {
  const store = yield* UserSyncStore
  const { owner } = work.lease
  const { provider } = work.connection
  let credential = yield* usableCredential(work, sealed)
  // Of a tool that can only be read too: its connector answers, and what was asked does not come round again.
  const pending = work.hasPendingActs ? yield* store.pendingActs(owner, provider, actsMax) : []
  // What the user saw of a recurring task is compared with what it is now, so it is read first.
  const mayActAtOnce = reason === "acts" && pending.length > 0 && pending.every((act) => act.expectedDue === null)
  if (!mayActAtOnce) credential = yield* read(work, credential, pending, completedForSure)
  if (pending.length === 0) return
  const carried = yield* carryOut(work, credential, pending)
  // Where nothing was done at the tool, there is nothing new to read there.
  if (mayActAtOnce || carried.isAny) yield* read(work, carried.credential, pending, completedForSure)
})

const read = (
  work: Work,
  credential: Credential,
  pending: ReadonlyArray<PendingAct>,
  completedForSure: ReadonlySet<string>,
) => {
  const known = work.connection.accountId
  return speaking<void, Exclude<ReadError, { _tag: "TokenRejected" }>, UserSyncStore>(
    work,
    credential,
    (usable) =>
      readSignals(work, usable, {
        since: work.connection.cursor,
        pending,
        completedForSure,
        state: undefined,
        replaced: null,
        onAccount: (accountId) =>
          known === null || accountId === null || accountId === known
            ? Effect.undefined
            : Effect.fail(new StopReading()),
        isSecondLook: false,
      }),
  ).pipe(Effect.map((spoken) => spoken.credential))
}

type ReadError = Effect.Error<ReturnType<typeof readSignals>>

/**
 * Sends what still makes sense, and commits what became of each. Without an answer none is settled, and the same ids
 * are sent again by the next sync.
 */
const carryOut = Effect.fnUntraced(function* (work: Work, credential: Credential, pending: ReadonlyArray<PendingAct>) {
  const store = yield* UserSyncStore
  const recurring = pending.filter((act) => act.expectedDue !== null).map(({ taskId }) => taskId)
  const known = recurring.length === 0
    ? new Map()
    : yield* store.tasks(work.lease.owner, work.connection.provider, recurring)
  const judged = pending.map((act) => ({ act, outcome: beforehand(act, known) }))
  const acts = judged.filter(({ outcome }) => outcome === undefined).map(({ act }) => act)
  // A process that was stopped since its last write finds out here, and not by what it does at the tool.
  if (acts.length > 0) {
    yield* store.sending(work.lease, acts.map(({ actId }) => actId), yield* Clock.currentTimeMillis)
  }
  const { result, credential: used } = yield* speaking(
    work,
    credential,
    (usable) =>
      acts.length === 0 ? Effect.succeed([]) : work.connector.act({ credential: usable, acts }).pipe(
        // The grant lives and does not cover it: the user may grant more, and the tasks go on being read.
        Effect.catchTag(
          "ScopeMissing",
          () => Effect.succeed(acts.map(({ actId }): ActOutcome => ({ actId, outcome: "forbidden" }))),
        ),
      ),
  )
  const acted = [...judged.flatMap(({ outcome }) => outcome ?? []), ...result]
  yield* commit(work, { connection: work.connection, acted })
  return { credential: used, isAny: result.some(({ outcome }) => outcome === "done") }
})

/**
 * A recurring task that moved on is not completed for a date the user never saw. If it was sent before, without an
 * answer, it moved by that: sent again it would be the next occurrence's turn at a tool that forgot the id.
 */
const beforehand = (
  { actId, expectedDue, isSent, taskId }: PendingAct,
  known: ReadonlyMap<string, { readonly task: { readonly due: Parameters<typeof dueKey>[0] } }>,
): ActOutcome | undefined => {
  if (expectedDue === null) return undefined
  const now = known.get(taskId)
  if (now !== undefined && dueKey(now.task.due) === expectedDue) return undefined
  if (isSent) return { actId, outcome: "done", detail: "seen done" }
  return now === undefined ? { actId, outcome: "missing" } : { actId, outcome: "conflict", detail: "moved on" }
}

/** The tool does not know the credential any more: stop asking, and say so to the user. */
const rejected = Effect.fnUntraced(function* (work: Work, code: string) {
  const problem = code === "DifferentAccount"
    ? "the token belongs to another account now: connect again"
    : "the access was ended at the tool, or cannot be read any more: connect again"
  yield* commit(work, {
    connection: {
      ...work.connection,
      status: "needs-reconnect",
      nextSyncAtMs: null,
      failures: 0,
      lastProblem: problem,
      problemCode: code,
    },
    state: "needs-reconnect",
  })
  return yield* new ConnectionRejected({ provider: work.connection.provider })
})

/** Nothing is sent to that tool until a restart (HostCircuit.ts). Users are looked at by the hour meanwhile. */
const goneRetryMs = 3_600_000

/**
 * A call that was not made says nothing of the user: they come round when the circuit lets calls through again. Nor
 * does somebody who tries in person during an outage put off by that the try that was planned.
 */
const failed = Effect.fnUntraced(function* (
  work: Work,
  reason: Reason,
  error: Exclude<ConnectorError, { _tag: "TokenRejected" }>,
) {
  const { connection } = work
  const nowMs = yield* Clock.currentTimeMillis
  const isUntried = error._tag === "ProviderUnavailable" && error.reason === "circuit-open"
  const isByHand = reason === "asked" && connection.failures > 0
  const failures = isUntried || isByHand ? Math.max(1, connection.failures) : connection.failures + 1
  const asked = error._tag === "ProviderGone" ? goneRetryMs : "retryAfterMs" in error ? error.retryAfterMs : null
  const drawn = retryAtMs(nowMs, isUntried ? untriedAs : failures, asked, yield* Random.next)
  const planned = connection.nextSyncAtMs
  const next = isByHand && asked === null && planned !== null && planned > nowMs ? Math.min(planned, drawn) : drawn
  yield* Effect.logWarning(`sync failed, ${failures} in a row: ${error.message}`)
  yield* commit(work, {
    connection: {
      ...connection,
      failures,
      nextSyncAtMs: next,
      lastProblem: error.message,
      problemCode: error._tag,
    },
  })
  return yield* new SyncFailed({ problem: error.message, code: error._tag, retryAtMs: next })
})

/** As after so many failures: within some ten seconds, which is as long as a circuit stays open at first. */
const untriedAs = 4
