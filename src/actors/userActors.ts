/** The port over an engine: what is the same whichever engine runs the users' actors. */
import { Effect } from "effect"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { ActorBusy, Actors } from "./Actors.ts"
import type { AskError, SyncReport, UserMessage } from "./Actors.ts"
import type { ActorSystem } from "./ActorSystem.ts"
import { behaviour } from "./UserSync.ts"

export interface UserActorsOptions {
  readonly syncIntervalMs: number
  /** Longest time one round trip to the tool may take. */
  readonly connectorTimeoutMs: number
}

export const engineOptions = ({ connectorTimeoutMs, syncIntervalMs }: UserActorsOptions) => {
  // Two reads of up to two round trips, the acts between them and a refresh, at the limit of the tool's patience.
  const handleMaxMs = 6 * connectorTimeoutMs
  return {
    name: "UserSync",
    behaviour: (id: string) => behaviour({ syncIntervalMs, handleMaxMs }, ownerOf(id)),
    // Messages of one user are alike: a few waiting syncs say no more than one.
    mailboxCapacity: 16,
    idleMs: 60_000,
    // The longest work on one message, and the wait for the one before.
    askTimeoutMs: 2 * handleMaxMs,
    // A few kilobytes each; a user beyond the bound is told to come back, and the due queue brings them back.
    actorsMax: 100_000,
    restart: { baseMs: 100, capMs: 5_000, restartsMax: 5, coolDownMs: 60_000 },
  }
}

export const actorsOver = (engine: ActorSystem<UserMessage, SyncReport, AskError>) =>
  Actors.of({
    ask: (owner, message) =>
      engine.ask(idOf(owner), message).pipe(
        Effect.catchTag(
          ["MailboxFull", "ActorStopped", "AskTimeout"],
          (error) => Effect.fail(new ActorBusy({ detail: error.message })),
        ),
      ),
    snapshot: engine.snapshot,
    drain: engine.drain,
  })

/** Ids hold no slash (schemas/ids.ts). */
const idOf = ({ tenantId, userId }: Owner): string => `${tenantId}/${userId}`

const ownerOf = (id: string): Owner => {
  const [tenantId, userId] = id.split("/") as [string, string]
  return { tenantId: TenantId.make(tenantId), userId: UserId.make(userId) }
}
