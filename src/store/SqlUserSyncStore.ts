/** Connections, tasks and acts as rows. One step of a sync is one transaction, fenced by lease and version. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import { Outbox } from "../streams/Outbox.ts"
import { connectionReads } from "./connectionRows.ts"
import { dueQueue } from "./dueQueue.ts"
import { revocations } from "./revocations.ts"
import { syncCommit } from "./syncCommit.ts"
import { syncReads } from "./syncReads.ts"
import { syncReport } from "./syncReport.ts"
import { userLeases } from "./userLeases.ts"

export interface SqlUserSyncStoreOptions {
  /** Names this process among all that share the database; no two that run at once have the same. */
  readonly holder: string
  readonly leaseMs?: number
}

/** Outlives the longest call of a tool (15 s) and a renewal lost; a user whose node died waits no longer than this. */
const leaseDefaultMs = 30_000

export const layer = ({ holder, leaseMs = leaseDefaultMs }: SqlUserSyncStoreOptions) =>
  Layer.effect(
    UserSyncStore,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const lease = { holder, leaseMs }
      return UserSyncStore.of({
        leaseMs,
        ...userLeases(sql, lease),
        ...connectionReads(sql),
        ...syncReads(sql),
        commit: syncCommit(sql, outbox, lease),
        ...dueQueue(sql),
        ...revocations(sql),
        ...syncReport(sql),
      })
    }),
  )
