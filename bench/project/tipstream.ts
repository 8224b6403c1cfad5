/** Our consumer with everything it has in the service: leases, inbox, guard and dead letters in the same Postgres. */
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as LogSignals from "../../src/store/LogSignals.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlDeadLetters from "../../src/store/SqlDeadLetters.ts"
import * as SqlInbox from "../../src/store/SqlInbox.ts"
import * as SqlLaneAttempts from "../../src/store/SqlLaneAttempts.ts"
import * as SqlLaneLeases from "../../src/store/SqlLaneLeases.ts"
import { type ReceivedEvent, run } from "../../src/streams/Consumer.ts"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
import { ackWaitMs } from "../consume/contenders.ts"
import { attemptsMax, consumerOf, makeDurables } from "../consume/durables.ts"
import { eventLog } from "../consume/tipstream.ts"
import { type Plan, poolMax } from "./contenders.ts"
import { type ProjectedRow, upsert } from "./projection.ts"

export const rowOf = ({ envelope, sequence }: ReceivedEvent): ProjectedRow => ({
  event_id: envelope.id,
  tenant_id: envelope.tenantId,
  user_id: envelope.userId,
  issuer: envelope.payload.case === "accountOpened" ? envelope.payload.value.issuer : "",
  sequence,
})

const project = (events: ReadonlyArray<ReceivedEvent>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(upsert, [JSON.stringify(events.map(rowOf))]))

export const projectByTipstream =
  (ordering: ConsumerContract["ordering"]) =>
  async (plan: Plan, handled: (messages: number) => void, finished: Promise<unknown>): Promise<void> => {
    const consumer = consumerOf(plan.run, ordering)
    const connection = await connect({ servers: plan.natsUrl })
    await makeDurables(await jetstreamManager(connection), consumer)
    await connection.close()
    const leaseMs = 4 * ackWaitMs
    const store = Layer.mergeAll(
      SqlDeadLetters.layer,
      SqlInbox.layer,
      SqlLaneAttempts.layer,
      SqlLaneLeases.layer({ holder: plan.run, leaseMs, ackWaitMs, renewMs: ackWaitMs }),
    ).pipe(
      Layer.provide(LogSignals.layer),
      Layer.provideMerge(PostgresClient.layer({
        url: Redacted.make(plan.databaseUrl),
        poolMax,
        applicationName: "tipstream bench",
      })),
    )
    const handle = run({
      consumer,
      attemptsMax,
      handle: (events) => Effect.tap(project(events), Effect.sync(() => handled(events.length))),
    })
    await Effect.runPromise(
      Effect.raceFirst(handle, Effect.promise(() => finished)).pipe(
        Effect.provide(Layer.provideMerge(eventLog(plan.natsUrl, [consumer]), store)),
      ),
    )
  }
