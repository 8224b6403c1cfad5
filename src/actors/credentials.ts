/**
 * The credential a sync speaks with: opened, sealed anew when its seal is old, refreshed before it ends or when it is
 * refused.
 *
 * A rotating refresh token must not be used by two at once, nor be used and then forgotten. One actor at a time works
 * for a user (the lease), and the new pair is committed before its access token is used. A process that dies between
 * the tool's answer and that commit leaves the old pair: Todoist takes its refresh token for about a minute more, so
 * the next sync repairs it, and after that the user has to connect again.
 */
import { Clock, Effect, Random } from "effect"
import { TokenRejected } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import type { Connection } from "./UserSyncStore.ts"
import { commit } from "./Work.ts"
import type { Work } from "./Work.ts"

/** Ended while a request is under way, a token costs a round trip more. */
const refreshAheadMs = 60_000
/** Tokens given out at one time do not all come back at one time. */
const refreshSpreadMs = 30_000

/** What the columns beside the sealed credential say of it. */
export const sealedFields = (sealed: Uint8Array, credential: Credential) => ({
  sealedToken: sealed,
  familyId: credential.familyId,
  scopes: credential.scopes,
  expiresAtMs: credential.expiresAtMs,
})

/** The stored credential, fit to be used now. */
export const usableCredential = Effect.fnUntraced(function* (work: Work, sealed: Uint8Array) {
  const vault = yield* TokenVault
  const { owner } = work.lease
  const { familyId, provider } = work.connection
  const { credential, isOutdated } = yield* vault.open(owner, provider, sealed, familyId ?? undefined)
  const nowMs = yield* Clock.currentTimeMillis
  const aheadMs = refreshAheadMs + refreshSpreadMs * (yield* Random.next)
  const { expiresAtMs, refreshToken } = credential
  if (expiresAtMs !== null && refreshToken !== null && expiresAtMs - nowMs < aheadMs) {
    return yield* refreshed(work, credential)
  }
  if (isOutdated) {
    // Written with whatever this sync commits first.
    const anew = yield* vault.seal(owner, provider, credential)
    work.connection = { ...work.connection, ...sealedFields(anew, credential) }
  }
  return credential
})

/**
 * Another pair for this one, committed before anybody uses it. Begun, it comes to its end, whose time the tool's limit
 * bounds: whoever is moved to another node, or out of time, in between would lose the only pair that is good for long.
 */
const refreshed = Effect.fn("UserSync.refresh")(function* (work: Work, credential: Credential) {
  const vault = yield* TokenVault
  const next = yield* work.connector.refresh(credential).pipe(
    Effect.catchTag("GrantUnsupported", ({ provider }) => Effect.fail(new TokenRejected({ provider, status: null }))),
  )
  const sealed = yield* vault.seal(work.lease.owner, work.connection.provider, next)
  const connection: Connection = { ...work.connection, ...sealedFields(sealed, next) }
  yield* commit(work, { connection })
  return next
}, Effect.uninterruptible)

/**
 * Runs what speaks with the credential; when it is refused though nobody said it had ended, once more with a fresh one.
 */
export const speaking = <A, E, R>(
  work: Work,
  credential: Credential,
  run: (credential: Credential) => Effect.Effect<A, E | TokenRejected, R>,
) =>
  run(credential).pipe(
    Effect.map((result) => ({ result, credential })),
    Effect.catchIf(
      (error): error is TokenRejected => error instanceof TokenRejected && credential.refreshToken !== null,
      () =>
        Effect.flatMap(refreshed(work, credential), (next) =>
          Effect.map(run(next), (result) => ({ result, credential: next }))),
    ),
  )
