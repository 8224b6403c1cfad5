/**
 * Brings the database to the version of this code. Safe with several processes starting at once: the migrator takes a
 * table lock. Migrations are only ever added.
 */
import { Effect } from "effect"
import { Migrator } from "effect/sql"
import eventLog from "./migrations/0001_event_log.ts"
import usersAndTips from "./migrations/0002_users_and_tips.ts"
import reactionsOfDecisions from "./migrations/0003_reactions_of_decisions.ts"
import jetstream from "./migrations/0004_jetstream.ts"
import relay from "./migrations/0005_relay.ts"
import syncAtScale from "./migrations/0006_sync_at_scale.ts"
import dueApart from "./migrations/0007_due_apart.ts"
import vaultWitness from "./migrations/0008_vault_witness.ts"

/** Completes with the names of the migrations that were run now. */
export const migrate = Migrator.make({})({
  table: "migrations",
  loader: Migrator.fromRecord({
    "0001_event_log": eventLog,
    "0002_users_and_tips": usersAndTips,
    "0003_reactions_of_decisions": reactionsOfDecisions,
    "0004_jetstream": jetstream,
    "0005_relay": relay,
    "0006_sync_at_scale": syncAtScale,
    "0007_due_apart": dueApart,
    "0008_vault_witness": vaultWitness,
  }),
}).pipe(Effect.map((done) => done.map(([, name]) => name)))
