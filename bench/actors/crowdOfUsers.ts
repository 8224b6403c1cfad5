/** Many users as rows: connected, each due at a time of their own, their credentials sealed as the service does. */
import { Effect, Redacted } from "effect"
import type postgres from "postgres"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import * as SealedBoxVault from "../../src/connectors/SealedBoxVault.ts"
import { TokenVault } from "../../src/connectors/TokenVault.ts"
import { ascending } from "../support/stats.ts"

export interface Crowd {
  readonly users: number
  /** Of the accounts in the simulator: the prefix and 0 to `users` - 1. */
  readonly tokenPrefix: string
  readonly vaultKeys: string
}

/** How user `n` begins. */
export interface Beginning {
  readonly dueAtMs: (n: number) => number
  readonly accountId: (n: number) => string
  /** Null: their account was never read. */
  readonly cursor: (n: number) => string | null
}

const userIdOf = (n: number) => `load${n}`
export const numberOfUser = (userId: string) => Number(userId.slice("load".length))
const familyOf = (n: number) => `family${n}`

/** A seal costs some hundred microseconds. */
export const sealedTokens = ({ users, tokenPrefix, vaultKeys }: Crowd): Promise<ReadonlyArray<Uint8Array>> =>
  TokenVault.use((vault) =>
    Effect.forEach(
      Array.from({ length: users }, (_, n) => n),
      (n) =>
        vault.seal({ tenantId: defaultTenant, userId: UserId.make(userIdOf(n)) }, "todoist", {
          accessToken: Redacted.make(`${tokenPrefix}${n}`),
          refreshToken: null,
          expiresAtMs: null,
          scopes: null,
          familyId: familyOf(n),
          issuedAtMs: 0,
        }),
    )
  ).pipe(Effect.provide(SealedBoxVault.layer(Redacted.make(vaultKeys))), Effect.runPromise)

const rowsPerInsert = 2_000

/** In the order of their turns, so that those who are due first are there first. */
export async function insertUsers(
  sql: postgres.Sql,
  sealed: ReadonlyArray<Uint8Array>,
  { accountId, cursor, dueAtMs }: Beginning,
): Promise<void> {
  const nowMs = Date.now()
  for (let from = 0; from < sealed.length; from += rowsPerInsert) {
    const rows = sealed.slice(from, from + rowsPerInsert).map((token, at) => ({
      n: from + at,
      user_id: userIdOf(from + at),
      family_id: familyOf(from + at),
      sealed: Buffer.from(token).toString("base64"),
      account_id: accountId(from + at),
      cursor: cursor(from + at),
      due_at_ms: dueAtMs(from + at),
    }))
    await sql`
      WITH row AS (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
          AS row(n int, user_id text, family_id text, sealed text, account_id text, cursor text, due_at_ms bigint)
      ), people AS (
        INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
        SELECT ${defaultTenant}, user_id, 'bench', n::text, 'Load', 'UTC', ${nowMs} FROM row
      )
      INSERT INTO connections (tenant_id, user_id, provider, status, sealed_token, family_id, account_id, cursor,
        version, connected_at_ms, next_sync_at_ms)
      SELECT ${defaultTenant}, user_id, 'todoist', 'connected', decode(sealed, 'base64'), family_id, account_id, cursor,
        1, ${nowMs}, due_at_ms
      FROM row`
  }
  await sql`ANALYZE users, connections`
}

export interface Turns {
  /** Reads what was synced since it was called last; call it more often than users come round. */
  readonly look: () => Promise<void>
  /** How late the syncs seen so far were, in milliseconds from due to read; empties itself. */
  readonly take: () => Float64Array
  /** Users that are due and not synced. */
  readonly waiting: () => Promise<{ readonly users: number; readonly longestMs: number; readonly failing: number }>
}

/** What a sync stamps is committed some milliseconds later: it is looked for again for this long. */
const overlapMs = 3_000

/**
 * Follows every user's turns from outside: the commit that ends a sync says when the next is due, and is read before
 * that, so each lateness is exact.
 */
export function followTurns(sql: postgres.Sql, users: number, dueAtMs: (n: number) => number): Turns {
  const due = Float64Array.from({ length: users }, (_, n) => dueAtMs(n))
  const synced = new Float64Array(users)
  let seenMs = 0
  let lateness: Array<number> = []
  return {
    look: async () => {
      const rows = await sql<Array<{ readonly n: number; readonly synced: string; readonly next: string }>>`
        SELECT substring(user_id FROM 5)::int AS n, synced_at_ms AS synced, next_sync_at_ms AS next FROM connections
        WHERE synced_at_ms > ${seenMs - overlapMs} AND failures = 0`
      for (const row of rows) {
        const atMs = Number(row.synced)
        seenMs = Math.max(seenMs, atMs)
        if (synced[row.n] === atMs) continue
        lateness.push(Math.max(0, atMs - due[row.n]!))
        synced[row.n] = atMs
        due[row.n] = Number(row.next)
      }
    },
    take: () => {
      const taken = ascending(lateness)
      lateness = []
      return taken
    },
    waiting: async () => {
      const [row] = await sql<Array<{ readonly users: string; readonly longest: string; readonly failing: string }>>`
        SELECT count(*) FILTER (WHERE next_sync_at_ms <= ${Date.now()}) AS users,
          greatest(0, ${Date.now()} - min(next_sync_at_ms)) AS longest,
          count(*) FILTER (WHERE failures > 0) AS failing
        FROM connections`
      return { users: Number(row!.users), longestMs: Number(row!.longest), failing: Number(row!.failing) }
    },
  }
}
