import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { EventLog } from "../streams/EventLog.ts"
import { Outbox } from "../streams/Outbox.ts"
import { suite } from "../streams/Replay.contract.ts"
import * as LogSignals from "./LogSignals.ts"
import * as SqlEventLog from "./SqlEventLog.ts"
import * as SqlOutbox from "./SqlOutbox.ts"

const partitions = 8

const layer = Layer.merge(SqlEventLog.layer({ partitions, holder: "test" }), SqlOutbox.layer({ partitions })).pipe(
  Layer.provide(LogSignals.layer),
  Layer.provideMerge(MigratedDatabase.layer),
)

suite(
  "sql",
  Effect.gen(function* () {
    const services = yield* Layer.build(Layer.fresh(layer))
    return yield* Effect.provideContext(
      Effect.gen(function* () {
        const log = yield* EventLog
        const outbox = yield* Outbox
        const sql = yield* SqlClient.SqlClient
        return {
          ...log,
          append: outbox.append,
          forget: (sequence: number) => sql`DELETE FROM outbox WHERE stream = 'ACCOUNTS' AND sequence <= ${sequence}`,
          leftovers: Effect.succeed([]),
        }
      }),
      services,
    )
  }),
)
