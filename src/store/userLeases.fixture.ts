/** Processes over one database, whose time passes by hand: what is held until some time ends that much sooner. */
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { UserLease } from "../actors/UserSyncStore.ts"
import * as SqlUserSyncStore from "./SqlUserSyncStore.ts"
import { fresh } from "./syncStore.fixture.ts"
import { nowMs } from "./store.fixture.ts"

/** Far longer than a test takes, so that time passes only by hand. */
export const leaseMs = 1_000_000

export type Node = UserSyncStore["Service"]

export const node = (holder: string) =>
  Effect.map(
    Layer.build(Layer.fresh(SqlUserSyncStore.layer({ holder, leaseMs }))),
    (context) => Context.get(context, UserSyncStore),
  )

export const passTime = (ms: number) =>
  SqlClient.SqlClient.use((sql) => sql`UPDATE user_leases SET held_until_ms = held_until_ms - ${ms}`)

/** Writes who wrote it into the cursor. */
export const write = (one: Node, lease: UserLease, version: number, cursor: string) =>
  one.commit(lease, {
    connection: { ...fresh, version, cursor },
    changes: [],
    acted: [],
    timeZone: null,
    events: [],
    nowMs,
    revocation: null,
  })
