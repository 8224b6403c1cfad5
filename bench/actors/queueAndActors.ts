/** The scheduler, the due queue in Postgres and the actors of the service, around a sync that is only a call. */
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Actors, SyncFailed } from "../../src/actors/Actors.ts"
import type { AskError, SyncReport, UserMessage } from "../../src/actors/Actors.ts"
import * as LocalEngine from "../../src/actors/LocalEngine.ts"
import * as Scheduler from "../../src/actors/Scheduler.ts"
import { actorsOver, engineOptions } from "../../src/actors/userActors.ts"
import { Connectors } from "../../src/connectors/Connector.ts"
import type { ConnectorShape } from "../../src/connectors/Connector.ts"
import * as LogSignals from "../../src/store/LogSignals.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlOutbox from "../../src/store/SqlOutbox.ts"
import * as SqlUserSyncStore from "../../src/store/SqlUserSyncStore.ts"
import { numberOfUser } from "./crowdOfUsers.ts"
import { callTool } from "./fakeTool.ts"
import type { CrowdPlan, Turns } from "./turnsOfUsers.ts"

/** As many as the naive designs would need at most, and more than are ever under way here. */
const concurrency = 64
/** What is due, and something to catch up with. */
const rateHeadroom = 2

const connector = {
  provider: "todoist",
  circuit: Effect.succeed({ state: "closed", retryAtMs: null }),
} as const satisfies Partial<ConnectorShape>

const synced: SyncReport = { status: "synced", changes: 0, syncedAtMs: null, lastEventId: null }
const failed = new SyncFailed({ problem: "broken", code: "TokenRejected", retryAtMs: null })

const makeActors = (plan: CrowdPlan, turns: Turns) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const handle = Effect.fnUntraced(function* (n: number, userId: string) {
      const isWell = yield* Effect.promise(() => callTool(n, plan).then(() => true, () => false))
      const nextMs = Date.now() + plan.intervalMs
      // The one write a sync cannot do without: when to come again.
      yield* Effect.orDie(sql`UPDATE connections SET next_sync_at_ms = ${nextMs}, failures = ${isWell ? 0 : 1}
        WHERE tenant_id = 'default' AND user_id = ${userId} AND provider = 'todoist'`)
      turns.synced(n)
      turns.due(n, nextMs)
      return isWell ? synced : yield* failed
    })
    const engine = yield* LocalEngine.make<UserMessage, SyncReport, AskError, never>({
      ...engineOptions({ syncIntervalMs: plan.intervalMs, connectorTimeoutMs: 15_000 }),
      behaviour: (id) => {
        const userId = id.slice(id.indexOf("/") + 1)
        return Effect.succeed(() => handle(numberOfUser(userId), userId))
      },
    })
    return actorsOver(engine)
  })

/** Runs until interrupted. */
export const queueAndActors = (plan: CrowdPlan, turns: Turns) => {
  const client = PostgresClient.layer({
    url: Redacted.make(plan.databaseUrl),
    poolMax: 16,
    applicationName: "tipstream bench",
  })
  const store = SqlUserSyncStore.layer({ holder: "bench" }).pipe(
    Layer.provide(SqlOutbox.layer({ partitions: 8 })),
    Layer.provide(LogSignals.layer),
    Layer.provideMerge(client),
  )
  const all = [connector as unknown as ConnectorShape]
  const services = Layer.mergeAll(
    Layer.effect(Actors, makeActors(plan, turns)),
    Layer.succeed(Connectors, Connectors.of({ all, of: () => all[0] })),
  ).pipe(Layer.provideMerge(store))
  const rateMax = Math.ceil(rateHeadroom * plan.users * 1_000 / plan.intervalMs)
  return Scheduler.run({ concurrency, rateMax, startDelayMs: 0 }).pipe(Effect.provide(services))
}
