/** Accounts as rows. */
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { currentCorrelationId } from "../../schemas/correlation.ts"
import { accountOpened } from "../../schemas/events.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { newUuid } from "../../schemas/uuid.ts"
import { Accounts } from "../identity/Accounts.ts"
import type { NewAccount } from "../identity/Accounts.ts"
import { Outbox } from "../streams/Outbox.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  Accounts,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const outbox = yield* Outbox

    const open = Effect.fnUntraced(function* ({ tenantId, issuer, subject, displayName, timeZone }: NewAccount) {
      const createdAtMs = yield* Clock.currentTimeMillis
      const newUserId = `u${(yield* newUuid).replaceAll("-", "").slice(-20)}`
      const made = yield* sql<{ readonly user_id: string }>`
        INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
        VALUES (${tenantId}, ${newUserId}, ${issuer}, ${subject}, ${displayName}, ${timeZone}, ${createdAtMs})
        ON CONFLICT (tenant_id, issuer, subject) DO NOTHING RETURNING user_id`
      if (made.length === 0) {
        const [known] = yield* sql<{ readonly user_id: string }>`
          SELECT user_id FROM users WHERE tenant_id = ${tenantId} AND issuer = ${issuer} AND subject = ${subject}`
        return { tenantId, userId: UserId.make(known!.user_id) }
      }
      const owner = { tenantId, userId: UserId.make(newUserId) }
      const occurrence = { ...owner, id: yield* newUuid, atMs: createdAtMs, correlationId: yield* currentCorrelationId }
      yield* outbox.append([accountOpened(occurrence, { issuer })])
      return owner
    })

    return Accounts.of({
      open: (account) => sql.withTransaction(open(account)).pipe(orUnavailable("accounts.open")),
      profile: Effect.fnUntraced(function* (owner) {
        const [row] = yield* sql<
          { readonly tenant_id: string; readonly display_name: string; readonly time_zone: string }
        >`
          SELECT tenant_id, display_name, time_zone FROM users
          WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId}`
        if (row === undefined) return undefined
        return {
          owner: { tenantId: TenantId.make(row.tenant_id), userId: owner.userId },
          displayName: row.display_name,
          timeZone: row.time_zone,
        }
      }, orUnavailable("accounts.profile")),
    })
  }),
)
