/** What an operator does with `tipstream streams apply` when streams are missing. */
import { Effect, Layer, Redacted, References } from "effect"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import * as SqlLanePositions from "../../src/store/SqlLanePositions.ts"
import * as NatsConnection from "../../src/streams/jetstream/NatsConnection.ts"
import { ensure } from "../../src/streams/jetstream/verifyContracts.ts"
import { LanePositions } from "../../src/streams/LanePositions.ts"
import { urlOf } from "../support/nats.ts"
import { contractOf } from "./replica/contract.ts"
import type { World } from "./World.ts"
import { worldDefaults } from "./worldDefaults.ts"

export const applyContracts = ({ attemptsMax, broker, databaseUrl, partitions }: World): Promise<void> => {
  const contract = contractOf({ ...worldDefaults, attemptsMax, partitions })
  const database = PostgresClient.layer({ url: Redacted.make(databaseUrl), poolMax: 2, applicationName: "operator" })
  const connection = { url: urlOf(broker), credentials: undefined, name: "operator", waitMs: 5_000 }
  return Effect.runPromise(
    Effect.gen(function* () {
      const { read } = yield* LanePositions
      yield* ensure(yield* NatsConnection.Nats, contract, yield* read)
    }).pipe(
      Effect.provide([NatsConnection.layer(connection), SqlLanePositions.layer.pipe(Layer.provide(database))]),
      // What it would warn of is the fault itself.
      Effect.provideService(References.MinimumLogLevel, "None"),
    ),
  )
}
