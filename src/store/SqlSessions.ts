/**
 * Sessions as rows, with a small cache in front: a session is asked for on every request, and changes rarely.
 * Ending a session takes effect at once in the process that ends it, and within `cacheTtl` in another.
 */
import { createHash, randomBytes } from "node:crypto"
import { Cache, Clock, Effect, Exit, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { Sessions } from "../identity/Sessions.ts"
import type { SessionToken } from "../identity/Sessions.ts"
import { orUnavailable } from "./unavailable.ts"

/** Short, because it is how long a session ended elsewhere still works here. */
const cacheTtl = "5 seconds"
/** Some hundred bytes each. */
const cacheCapacity = 10_000

export const layer = (options: { readonly idleMs: number }) =>
  Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const lookUp = Effect.fnUntraced(function* (hash: string) {
        const nowMs = yield* Clock.currentTimeMillis
        const bytes = Buffer.from(hash, "hex")
        const [row] = yield* sql<
          { readonly tenant_id: string; readonly user_id: string; readonly expires_at_ms: number }
        >`
          SELECT tenant_id, user_id, expires_at_ms FROM sessions
          WHERE token_hash = ${bytes} AND expires_at_ms > ${nowMs}`
        if (row === undefined) return undefined
        // Moved on once a tenth of it has passed, so that reading a page rarely writes.
        if (row.expires_at_ms < nowMs + options.idleMs * 0.9) {
          yield* sql`UPDATE sessions SET expires_at_ms = ${nowMs + options.idleMs} WHERE token_hash = ${bytes}`
        }
        return { tenantId: TenantId.make(row.tenant_id), userId: UserId.make(row.user_id) } satisfies Owner
      }, orUnavailable("sessions.find"))

      const cache = yield* Cache.makeWith(lookUp, {
        capacity: cacheCapacity,
        // A failure says nothing of the session: the next request asks again.
        timeToLive: (exit) => Exit.isSuccess(exit) ? cacheTtl : 0,
      })

      return Sessions.of({
        begin: Effect.fnUntraced(function* (owner) {
          const nowMs = yield* Clock.currentTimeMillis
          const token = Redacted.make(randomBytes(32).toString("base64url"), { label: "session" })
          yield* sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
            VALUES (${Buffer.from(hashOf(token), "hex")}, ${owner.tenantId}, ${owner.userId}, ${nowMs},
              ${nowMs + options.idleMs})`
          return token
        }, orUnavailable("sessions.begin")),
        find: (token) => Cache.get(cache, hashOf(token)),
        end: Effect.fnUntraced(function* (token) {
          const hash = hashOf(token)
          yield* sql`DELETE FROM sessions WHERE token_hash = ${Buffer.from(hash, "hex")}`
          yield* Cache.invalidate(cache, hash)
        }, orUnavailable("sessions.end")),
      })
    }),
  )

const hashOf = (token: SessionToken): string => createHash("sha256").update(Redacted.value(token)).digest("hex")
