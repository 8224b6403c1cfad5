/**
 * The composition root: every port meets its adapter here, and nowhere else.
 *
 * Built from the bottom up and released from the top down: on stop the listener finishes its requests first, then
 * consumers and actors finish what they hold, then the pool of connections closes.
 */
import { Clock, Effect, Layer } from "effect"
import type { Redacted } from "effect"
import { Actors } from "../actors/Actors.ts"
import * as LocalActors from "../actors/LocalActors.ts"
import type { UserActorsOptions } from "../actors/userActors.ts"
import * as Webhooks from "../actors/Webhooks.ts"
import type { Config } from "../config.ts"
import * as AccountPace from "../connectors/AccountPace.ts"
import { HttpSettings } from "../http/HttpSettings.ts"
import * as Lifecycle from "../http/Lifecycle.ts"
import * as Server from "../http/server.ts"
import * as Feedback from "../recommender/Feedback.ts"
import { policyNamed } from "../recommender/policies.ts"
import * as Recommender from "../recommender/Recommender.ts"
import * as ServingStates from "../recommender/ServingStates.ts"
import * as LogSignals from "../store/LogSignals.ts"
import { migrate } from "../store/migrate.ts"
import * as PostgresClient from "../store/PostgresClient.ts"
import * as SqlAccounts from "../store/SqlAccounts.ts"
import * as SqlCandidates from "../store/SqlCandidates.ts"
import * as SqlDatabaseProbe from "../store/SqlDatabaseProbe.ts"
import * as SqlDeadLetters from "../store/SqlDeadLetters.ts"
import * as SqlDecisions from "../store/SqlDecisions.ts"
import * as SqlInbox from "../store/SqlInbox.ts"
import * as SqlOutbox from "../store/SqlOutbox.ts"
import * as SqlOAuthAttempts from "../store/SqlOAuthAttempts.ts"
import * as SqlPolicyStates from "../store/SqlPolicyStates.ts"
import * as SqlSessions from "../store/SqlSessions.ts"
import * as SqlUserSyncStore from "../store/SqlUserSyncStore.ts"
import * as SqlVaultRecords from "../store/SqlVaultRecords.ts"
import * as Background from "./background.ts"
import * as Connectors from "./connectors.ts"
import { eventLog } from "./eventLog.ts"
import * as Freshness from "./freshness.ts"
import * as Projected from "./Projected.ts"
import type { TodoistAddresses } from "./todoistAddresses.ts"
import * as VaultService from "./vaultService.ts"

/** What was found out on the way up. */
export interface Surroundings {
  readonly databaseUrl: Redacted.Redacted<string>
  readonly vaultKeys: Redacted.Redacted<string>
  /** Name of this process as holder of lanes of the log; fixed where only one process can exist. */
  readonly holder: string
  readonly todoist: TodoistAddresses
  readonly syncIntervalMs: number
  readonly syncStartDelayMs: number
  readonly demo: boolean
  readonly simulator: { readonly url: string; readonly token: string } | undefined
  readonly version: string
  readonly runtime: string
}

/** Adapters over one database, whose tables are brought up to date first. */
const stores = (config: Config, around: Surroundings) => {
  const { partitions, sessionIdleMs, databasePoolMax: poolMax } = config
  const client = PostgresClient.layer({ url: around.databaseUrl, poolMax, applicationName: "tipstream" })
  const database = Layer.effectDiscard(
    Effect.tap(migrate, (names) => names.length === 0 ? Effect.void : Effect.logInfo(`migrated: ${names.join(", ")}`)),
  ).pipe(Layer.provideMerge(client))
  return Layer.mergeAll(
    SqlAccounts.layer,
    SqlCandidates.layer,
    SqlDatabaseProbe.layer,
    SqlDecisions.layer({ partitions }),
    SqlInbox.layer,
    SqlPolicyStates.layer,
    SqlSessions.layer({ idleMs: sessionIdleMs }),
    SqlOAuthAttempts.layer,
    SqlUserSyncStore.layer({ holder: around.holder }),
    SqlVaultRecords.layer,
    eventLog(config, around.holder),
  ).pipe(
    Layer.provideMerge(Layer.merge(SqlOutbox.layer({ partitions }), SqlDeadLetters.layer)),
    Layer.provide(LogSignals.layer),
    Layer.provideMerge(database),
  )
}

const engine = (config: Config, options: UserActorsOptions) =>
  config.actors === "local" ? LocalActors.layer(options) : Layer.unwrap(Effect.promise(async () => {
    const { layer } = await import("./clusterActors.ts")
    return layer(options, { host: config.clusterHost, port: config.clusterPort })
  }))

/** The actors, and what they need to speak with tools. */
const actors = (config: Config, around: Surroundings) =>
  Webhooks.layer.pipe(
    Layer.provideMerge(
      engine(config, {
        syncIntervalMs: around.syncIntervalMs,
        connectorTimeoutMs: config.todoistTimeoutMs,
      }),
    ),
    Layer.provideMerge(
      Layer.mergeAll(
        Connectors.layer({ config, todoist: around.todoist }).pipe(Layer.provideMerge(AccountPace.layer)),
        VaultService.layer(around.vaultKeys),
      ),
    ),
  )

const actsWaiting = Layer.effect(
  Feedback.ActsWaiting,
  Effect.gen(function* () {
    const { ask } = yield* Actors
    const scope = yield* Effect.scope
    return Feedback.ActsWaiting.of({
      // A failure puts the next try into the due queue; the act waits in the store.
      notify: (owner) =>
        Effect.asVoid(
          Effect.forkIn(Effect.ignore(ask(owner, { _tag: "SyncNow", provider: null, reason: "acts" })), scope),
        ),
    })
  }),
)

const recommender = (config: Config) => {
  const policy = policyNamed(config.policy, { epsilon: config.policyEpsilon })
  return Layer.mergeAll(
    Recommender.layer({ policy, tipWindowMs: config.tipWindowMs, freshMs: config.freshMs }).pipe(
      Layer.provide(Freshness.layer(config.freshBudgetMs)),
    ),
    Feedback.layer.pipe(Layer.provide(actsWaiting)),
  ).pipe(Layer.provideMerge(ServingStates.layer))
}

const httpSettings = (config: Config, around: Surroundings) =>
  Layer.effect(
    HttpSettings,
    Effect.map(Clock.currentTimeMillis, (startedAtMs) =>
      HttpSettings.of({
        demo: around.demo,
        ...(config.publicUrl === undefined ? {} : { publicHost: new URL(config.publicUrl).host }),
        secureCookies: config.publicUrl?.startsWith("https:") ?? false,
        adminToken: config.adminToken,
        bodyMaxBytes: config.httpBodyMaxBytes,
        version: around.version,
        runtime: around.runtime,
        startedAtMs,
        simulator: around.simulator,
      })),
  )

/** The whole service, listening. Offers what the commands ask of it. */
export const layer = (config: Config, around: Surroundings) => {
  const domain = recommender(config).pipe(
    Layer.provideMerge(actors(config, around)),
    Layer.provideMerge(stores(config, around)),
    Layer.provideMerge(Projected.layer),
  )
  const running = Background.layer({
    batchMax: config.consumerBatchMax,
    attemptsMax: config.consumerAttemptsMax,
    drainMaxMs: config.shutdownGraceMs,
    outboxKeepMs: config.outboxKeepMs,
    sync: {
      concurrency: config.syncConcurrency,
      rateMax: config.syncRateMax,
      startDelayMs: around.syncStartDelayMs,
    },
  }).pipe(Layer.provideMerge(domain))
  return Server.layer.pipe(
    Layer.provideMerge(
      Server.layerListener({ host: config.host, port: config.port, graceMs: config.shutdownGraceMs }),
    ),
    Layer.provideMerge(Layer.merge(Lifecycle.layer, httpSettings(config, around))),
    Layer.provideMerge(running),
  )
}
