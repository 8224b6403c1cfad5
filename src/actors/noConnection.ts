/** What is known of a tool that is not connected. */
import type { SyncReport } from "./Actors.ts"
import type { Connection } from "./UserSyncStore.ts"

/** Nothing of the user, of their account or of what was read: also what is left of a connection that is wiped. */
export const noConnection = {
  status: "disconnected",
  sealedToken: null,
  familyId: null,
  scopes: null,
  expiresAtMs: null,
  accountId: null,
  cursor: null,
  syncedAtMs: null,
  nextSyncAtMs: null,
  failures: 0,
  lastProblem: null,
  problemCode: null,
} satisfies Omit<Connection, "provider" | "version" | "connectedAtMs">

export const notConnected: SyncReport = { status: "not-connected", changes: 0, syncedAtMs: null, lastEventId: null }
