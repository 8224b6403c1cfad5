import { Layer } from "effect"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { suite } from "../streams/DeadLetters.contract.ts"
import { contractPartitions as partitions } from "../streams/EventLog.contract.ts"
import * as LogSignals from "./LogSignals.ts"
import * as SqlDeadLetters from "./SqlDeadLetters.ts"
import * as SqlEventLog from "./SqlEventLog.ts"
import * as SqlInbox from "./SqlInbox.ts"
import * as SqlOutbox from "./SqlOutbox.ts"

const layer = () =>
  Layer.mergeAll(
    SqlEventLog.layer({ partitions, holder: "one" }),
    SqlDeadLetters.layer,
    SqlInbox.layer,
    SqlOutbox.layer({ partitions }),
  ).pipe(
    Layer.provide(LogSignals.layer),
    Layer.provideMerge(MigratedDatabase.layer),
  )

suite("sql", layer)
