/**
 * The end of a connection: wiped here first, then taken back at the tool.
 *
 * The wipe hangs on nobody else. What it leaves is a sealed copy of the credential with a short life of its own, in
 * case the tool does not answer: `Revoker.ts` asks it again until then.
 */
import { Clock, Effect } from "effect"
import { newUuid } from "../../schemas/uuid.ts"
import { noConnection, notConnected } from "./noConnection.ts"
import { takeBack } from "./takeBack.ts"
import { wiped } from "./UserSyncState.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { SyncReport } from "./Actors.ts"
import type { SyncCommit } from "./UserSyncStore.ts"
import { commit } from "./Work.ts"
import type { Work } from "./Work.ts"

/** Long enough for a tool's outage; a token kept longer than that is a token kept. */
const revocationMaxMs = 24 * 3_600_000

export const disconnect = Effect.fn("UserSync.disconnect")(function* (work: Work) {
  if (work.connection.status === "disconnected") return notConnected
  const sealed = work.connection.sealedToken
  const revocationId = yield* newUuid
  yield* wipe(work, revocationId)
  const { owner } = work.lease
  const { provider } = work.connection
  const revocation = sealed === null
    ? "none" as const
    : yield* takeBack(work.connector, { owner, provider, revocationId, sealed })
  return {
    status: "disconnected",
    changes: work.changes,
    syncedAtMs: null,
    lastEventId: work.lastEventId,
    revocation,
  } satisfies SyncReport as SyncReport
})

/** A credential nobody will use again; null where there is none. */
export const owedFor = (sealed: Uint8Array | null, revocationId: string, nowMs: number): SyncCommit["revocation"] =>
  sealed === null ? null : { revocationId, sealed, expiresAtMs: nowMs + revocationMaxMs }

/** Everything of it but the row itself, whose version goes on rising. The revocation is owed from then on. */
export const wipe = Effect.fnUntraced(function* (work: Work, revocationId: string) {
  const store = yield* UserSyncStore
  const { owner } = work.lease
  const { provider, sealedToken } = work.connection
  const nowMs = yield* Clock.currentTimeMillis
  yield* commit(work, {
    connection: { ...work.connection, ...noConnection },
    changes: wiped(yield* store.tasks(owner, provider, undefined)),
    state: "disconnected",
    revocation: owedFor(sealedToken, revocationId, nowMs),
  })
})
