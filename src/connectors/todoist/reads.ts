/**
 * Reads what changed since a cursor.
 *
 * A read makes one request. It makes a second when everything has to be read (the sync token is no longer known, or a
 * change of a project or of the user's zone moves tasks the reply does not hold), another when that snapshot was made
 * more than a minute before it was sent, and up to `againMax` for tasks that could not be understood before.
 */
import { Clock, Effect } from "effect"
import { AccountPace } from "../AccountPace.ts"
import type { FetchRequest } from "../Connector.ts"
import { ProviderRefused, RateLimited } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import { decodeCursor } from "./cursor.ts"
import { getTask } from "./getTask.ts"
import { caughtUp, type Reading, readReply, recovered } from "./readReply.ts"
import { provider } from "./refusal.ts"
import { everything, readRequest } from "./syncRequest.ts"
import { processSyncResponse } from "./syncResponse.ts"
import type { TodoistApi } from "./TodoistApi.ts"

/** Todoist advises to read on at once when a snapshot is "far" from now; normally it is sent within a second. */
const snapshotAgeMaxMs = 60_000

/** A call each, with every read, so that few are asked for and each has its turn. */
const againMax = 5

const refused = (tag: string) => new ProviderRefused({ provider, status: 200, tag })

export const makeReads = Effect.fnUntraced(function* (api: TodoistApi) {
  const pace = yield* AccountPace

  const exchange = (credential: Credential, syncToken: string) =>
    api.call(credential, { path: "/api/v1/sync", form: readRequest(syncToken) }, (raw) => {
      const processed = processSyncResponse(raw, syncToken)
      return processed._tag === "Failed" ? Effect.fail(processed.error) : Effect.succeed(processed)
    })

  /** Not asked for by the caller, so counted here: a token that is refused each time must not use up the limit. */
  const readEverything = Effect.fnUntraced(function* (credential: Credential, accountId: string | null) {
    const turn = yield* pace.take(provider, accountId, "full", false)
    if (turn._tag === "Wait") {
      const retryAfterMs = turn.untilMs - (yield* Clock.currentTimeMillis)
      return yield* new RateLimited({ provider, retryAfterMs: Math.max(1, retryAfterMs) })
    }
    const reply = yield* exchange(credential, everything)
    // A reply to `*` has no token to refuse; `processSyncResponse` says so in words, not in types.
    return reply._tag === "Reply" ? reply : yield* refused("sync token")
  })

  const catchUp = Effect.fnUntraced(function* (credential: Credential, snapshot: Reading) {
    if (!snapshot.isSnapshot || snapshot.ageMs <= snapshotAgeMaxMs) return snapshot
    const turn = yield* pace.take(provider, snapshot.account.userId, "partial", false)
    if (turn._tag === "Wait") return snapshot
    // The snapshot holds without it. Failing would have the caller ask for another full read, the scarcest kind.
    return yield* exchange(credential, snapshot.cursor.syncToken).pipe(
      Effect.map((reply) => reply._tag === "Reply" ? caughtUp(snapshot, reply) : snapshot),
      Effect.catch(() => Effect.succeed(snapshot)),
    )
  })

  /** Those of this very reply would be as strange as they are in it. */
  const askAgain = Effect.fnUntraced(function* (credential: Credential, reading: Reading) {
    const ids = reading.cursor.quarantined.filter((id) => !reading.quarantined.ids.has(id)).slice(0, againMax)
    if (ids.length === 0) return reading
    return yield* Effect.forEach(ids, (id) => Effect.map(getTask(api, credential, id), (found) => [id, found] as const))
      .pipe(
        Effect.map((found) => recovered(reading, new Map(found))),
        // The read stands without them, and they stay remembered.
        Effect.catch(() => Effect.succeed(reading)),
      )
  })

  return Effect.fn("Connector.read")(function* ({ credential, since }: FetchRequest) {
    const known = decodeCursor(since)
    const first = yield* exchange(credential, known?.syncToken ?? everything)
    const accountId = known?.userId ?? null
    // Nobody asked for a full read, but Todoist counts it as one.
    if (first._tag === "Reply" && first.isFull && known !== null) yield* pace.take(provider, accountId, "full", false)
    const reply = first._tag === "Reply" ? first : yield* readEverything(credential, accountId)
    const outcome = readReply(known, reply)
    const read = outcome._tag === "ReadEverything"
      ? readReply(known, yield* readEverything(credential, accountId))
      : outcome
    if (read._tag !== "Read") return yield* refused("unreadable items")
    return yield* askAgain(credential, yield* catchUp(credential, read.reading))
  })
})
