/**
 * The service's HTTP server with nothing behind it: listener, edge, router, sessions, checks and encoding are those of
 * production, and `POST /v1/recommend` answers one fixed tip. With `--insert` it first commits what a decision writes,
 * by bare postgres.js. `DATABASE_URL` names the service's database, from which both the tip and the rows are taken.
 */
import process from "node:process"
import { Console, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type { Tip } from "../../schemas/Tip.ts"
import { newUuid } from "../../schemas/uuid.ts"
import { Actors } from "../../src/actors/Actors.ts"
import { UserSyncStore } from "../../src/actors/UserSyncStore.ts"
import { Webhooks } from "../../src/actors/Webhooks.ts"
import { Connectors } from "../../src/connectors/Connector.ts"
import { OAuthAttempts } from "../../src/connectors/OAuthAttempts.ts"
import { TokenVault } from "../../src/connectors/TokenVault.ts"
import { DatabaseProbe } from "../../src/http/DatabaseProbe.ts"
import { HttpSettings } from "../../src/http/HttpSettings.ts"
import * as Lifecycle from "../../src/http/Lifecycle.ts"
import * as Server from "../../src/http/server.ts"
import { Accounts } from "../../src/identity/Accounts.ts"
import * as Logger from "../../src/observability/logger.ts"
import * as Tracing from "../../src/observability/tracing.ts"
import { Decisions } from "../../src/recommender/Decisions.ts"
import { Feedback } from "../../src/recommender/Feedback.ts"
import { type Recommendation, Recommender } from "../../src/recommender/Recommender.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlSessions from "../../src/store/SqlSessions.ts"
import { DeadLetters } from "../../src/streams/DeadLetters.ts"
import { EventLog } from "../../src/streams/EventLog.ts"
import { connect, type DecisionCopy, insertCopy, latestDecision } from "./decisionCopy.ts"

const url = process.env["DATABASE_URL"]!
const inserts = process.argv.includes("--insert")

const recommender = Layer.effect(
  Recommender,
  Effect.gen(function* () {
    const sql = yield* Effect.acquireRelease(
      Effect.sync(() => connect(url)),
      (pool) => Effect.promise(() => pool.end({ timeout: 1 })),
    )
    const copy = yield* Effect.promise(() => latestDecision(sql))
    const answer = fixedAnswer(copy)
    if (!inserts) return Recommender.of({ recommend: () => Effect.succeed(answer) })
    return Recommender.of({
      recommend: () =>
        Effect.flatMap(newUuid, (id) => Effect.promise(() => insertCopy(sql, copy, id).then(() => answer))),
    })
  }),
)

const fixedAnswer = (copy: DecisionCopy): Recommendation => ({
  tip: JSON.parse(copy.tip) as Tip,
  reason: null,
  servedAtMs: copy.served_at_ms,
  dataAgeMs: 0,
  policy: copy.policy,
  propensity: copy.propensity,
})

/** Asked by other routes only. */
const absent = Layer.mergeAll(
  Layer.mock(Accounts, {}),
  Layer.mock(Actors, {}),
  Layer.mock(DatabaseProbe, {}),
  Layer.mock(DeadLetters, {}),
  Layer.mock(Decisions, {}),
  Layer.mock(EventLog, { partitions: 1 }),
  Layer.mock(Feedback, {}),
  Layer.mock(OAuthAttempts, {}),
  Layer.mock(TokenVault, { activeKeyId: "", keyIds: [] }),
  Layer.mock(UserSyncStore, { leaseMs: 0 }),
  Layer.mock(Webhooks, { listensTo: () => false }),
  Layer.succeed(Connectors, { all: [], of: () => undefined }),
)

const settings = Layer.succeed(HttpSettings, {
  demo: true,
  secureCookies: false,
  adminToken: undefined,
  bodyMaxBytes: 65_536,
  version: "bench",
  runtime: "bench",
  startedAtMs: 0,
  simulator: undefined,
})

const sessions = SqlSessions.layer({ idleMs: 3_600_000 }).pipe(
  Layer.provide(PostgresClient.layer({ url: Redacted.make(url), poolMax: 2, applicationName: "bench" })),
)

const program = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  yield* Console.log(`listening on ${HttpServer.formatAddress(address)}`)
  return yield* Effect.never
})

program.pipe(
  Effect.provide(
    Server.layer.pipe(
      Layer.provideMerge(Server.layerListener({ host: "127.0.0.1", port: 0, graceMs: 1_000 })),
      Layer.provide([recommender, absent, settings, sessions, Lifecycle.layer]),
      Layer.provideMerge(
        Layer.merge(
          Logger.layer({ level: "info", format: "json" }),
          Tracing.layer({ otlpEndpoint: undefined, version: "bench" }),
        ),
      ),
    ),
  ),
  NodeRuntime.runMain,
)
