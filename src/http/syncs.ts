/** How syncing goes, for operators: by tool, and who is late. Ids of users, and nothing of what they have. */
import { Clock, Effect } from "effect"
import { Actors } from "../actors/Actors.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { LateUser, SyncSummary } from "../actors/UserSyncStore.ts"
import { Connectors } from "../connectors/Connector.ts"
import type { ProviderCircuit } from "../connectors/Connector.ts"
import type { Provider } from "../../schemas/Task.ts"
import { instantOrNull } from "./answers.ts"

/** Every tool there is, also one that nobody uses. */
export const syncsByProvider = Effect.gen(function* () {
  const { all } = yield* Connectors
  const { summary } = yield* UserSyncStore
  const known = yield* summary(yield* Clock.currentTimeMillis)
  return yield* Effect.forEach(
    all,
    ({ provider, circuit }) =>
      Effect.map(circuit, (now) => bodyOf(provider, now, known.find((one) => one.provider === provider))),
  )
})

const bodyOf = (provider: Provider, { state, retryAtMs }: ProviderCircuit, known: SyncSummary | undefined) => ({
  provider,
  circuit: state,
  retryAt: instantOrNull(retryAtMs),
  connected: known?.connected ?? 0,
  needsReconnect: known?.needsReconnect ?? 0,
  failing: known?.failing ?? 0,
  due: known?.due ?? 0,
  lagMs: known?.lagMs ?? 0,
  problems: known?.problems ?? {},
})

export const lateSyncs = Effect.fnUntraced(function* (limit: number) {
  const { late } = yield* UserSyncStore
  return (yield* late(yield* Clock.currentTimeMillis, limit)).map(lateBody)
})

const lateBody = ({ owner, problemCode, lastProblem, syncedAtMs, nextSyncAtMs, ...rest }: LateUser) => ({
  tenantId: owner.tenantId,
  userId: owner.userId,
  provider: rest.provider,
  status: rest.status,
  lastSyncAt: instantOrNull(syncedAtMs),
  nextSyncAt: instantOrNull(nextSyncAtMs),
  failures: rest.failures,
  code: problemCode,
  problem: lastProblem,
})

/** Live actors of this process: how many in each state, and up to `limit` of them, those in trouble first. */
export const liveActors = Effect.fnUntraced(function* (limit: number) {
  const all = yield* (yield* Actors).snapshot
  const counts: Record<string, number> = {}
  for (const { state } of all) counts[state] = (counts[state] ?? 0) + 1
  const shown = all.toSorted((one, other) =>
    Number(one.state === "running") - Number(other.state === "running") || other.queued - one.queued
  ).slice(0, limit)
  return { counts, shown }
})

/** What is wrong with whole tools, as sentences for the health report. */
export const providerProblems = Effect.gen(function* () {
  const { all } = yield* Connectors
  const states = yield* Effect.forEach(
    all,
    ({ provider, circuit }) => Effect.map(circuit, ({ state }) => ({ provider, state })),
  )
  return states.flatMap(({ provider, state }) => {
    if (state === "gone") return [`${provider} ended the version of its API that this release speaks`]
    return state === "open" ? [`${provider} does not answer, and is left alone for a while`] : []
  })
})
