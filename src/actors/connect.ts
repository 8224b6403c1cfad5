/** The first read with a new credential. Nothing is stored of one that brought nothing. */
import { Clock, Effect, Redacted } from "effect"
import type { ConnectorError } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { newUuid } from "../../schemas/uuid.ts"
import { ConnectionRejected, DifferentAccount, SyncFailed } from "./Actors.ts"
import type { UserMessage } from "./Actors.ts"
import { sealedFields } from "./credentials.ts"
import { owedFor, wipe } from "./disconnect.ts"
import { readSignals, StopReading } from "./readSignals.ts"
import type { Connection } from "./UserSyncStore.ts"
import { reportOf } from "./Work.ts"
import type { Work } from "./Work.ts"

/** Longer than reading a large account takes. Should that break off in the middle, the due queue has the rest read. */
const pickUpMs = 60_000

export const connect = Effect.fn("UserSync.connect")(function* (
  work: Work,
  { provider, sealed, replaces }: Extract<UserMessage, { _tag: "Connect" }>,
) {
  const vault = yield* TokenVault
  const before = work.connection
  const { credential } = yield* vault.open(work.lease.owner, provider, sealed).pipe(
    Effect.catchTag("TokenUnreadable", () => Effect.fail(new ConnectionRejected({ provider }))),
  )
  const nowMs = yield* Clock.currentTimeMillis
  const fresh = (version: number, accountId: string | null): Connection => ({
    ...sealedFields(sealed, credential),
    provider,
    status: "connected",
    accountId,
    cursor: null,
    version,
    connectedAtMs: nowMs,
    syncedAtMs: null,
    nextSyncAtMs: nowMs + pickUpMs,
    failures: 0,
    lastProblem: null,
    problemCode: null,
  })
  const revocationId = yield* newUuid
  const replaced = yield* replacedBy(work, credential)
  work.connection = fresh(before.version, null)
  yield* readSignals(work, credential, {
    since: null,
    pending: [],
    completedForSure: new Set(),
    state: before.status === "connected" ? undefined : "connected",
    onAccount: Effect.fnUntraced(function* (accountId) {
      const isSame = before.status === "disconnected" || before.accountId === null || accountId === before.accountId
      if (isSame) return undefined
      if (!replaces) return yield* Effect.fail(new StopReading())
      // Two accounts' tasks never stand side by side: the old ones go first.
      work.connection = before
      yield* wipe(work, revocationId)
      work.connection = fresh(work.connection.version, null)
      return "connected" as const
    }),
    replaced: owedFor(replaced, revocationId, nowMs),
    isSecondLook: true,
  }).pipe(
    Effect.catchTag("StopReading", () => Effect.fail(new DifferentAccount({ provider }))),
    Effect.catchTag(
      ["TokenRejected", "ScopeMissing", "RateLimited", "ProviderUnavailable", "ProviderRefused", "ProviderGone"],
      (error) => problemOf(error, work.connection.version > before.version ? work.connection.nextSyncAtMs : null),
    ),
  )
  return reportOf(work)
})

/**
 * The credential kept until now, if it is another one and still worked: tools count the living, and nobody would hold
 * this one any more. Should a tool end all access of ours for the user with it, they connect once more, and what they
 * replace then is dead already. What cannot be opened cannot be taken back.
 */
const replacedBy = Effect.fnUntraced(function* ({ connection, lease }: Work, credential: Credential) {
  const { sealedToken, provider, familyId, status } = connection
  if (sealedToken === null || status !== "connected") return null
  const vault = yield* TokenVault
  return yield* vault.open(lease.owner, provider, sealedToken, familyId ?? undefined).pipe(
    Effect.map((kept) => isSameToken(kept.credential, credential) ? null : sealedToken),
    Effect.catchTag("TokenUnreadable", () => Effect.succeed(null)),
  )
})

const isSameToken = (one: Credential, other: Credential): boolean =>
  Redacted.value(one.accessToken) === Redacted.value(other.accessToken)

const problemOf = (
  error: ConnectorError,
  retryAtMs: number | null,
): Effect.Effect<never, ConnectionRejected | SyncFailed> =>
  error._tag === "TokenRejected"
    ? Effect.fail(new ConnectionRejected({ provider: error.provider }))
    : Effect.fail(new SyncFailed({ problem: error.message, code: error._tag, retryAtMs }))
