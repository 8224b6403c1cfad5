/** Sealed credentials as rows of connections and of revocations that are still owed. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { keyIdOf } from "../connectors/TokenVault.ts"
import { VaultRecords, witness } from "../connectors/VaultRecords.ts"
import type { VaultRecord } from "../connectors/VaultRecords.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  VaultRecords,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    // Version, length of the id, the id: what is counted is a key, never a credential.
    const counts = sql<CountRow>`
      SELECT head, count(*) AS records FROM (
        SELECT CASE WHEN octet_length(sealed_token) < 3 THEN NULL
          ELSE substring(sealed_token FROM 1 FOR 2 + get_byte(sealed_token, 1)) END AS head
        FROM (
          SELECT sealed_token FROM connections WHERE sealed_token IS NOT NULL
          UNION ALL SELECT sealed_token FROM revocations
        ) AS sealed
      ) AS heads GROUP BY head`

    /** Those of connections, which the primary key gives in order, then those of revocations. */
    const connectionsBehind = (after: VaultRecord | undefined, head: Uint8Array, limit: number) => {
      const { tenantId, userId } = after?.owner ?? { tenantId: "", userId: "" }
      return sql<Row>`
        SELECT 'connections' AS place, '' AS id, tenant_id, user_id, provider, family_id, sealed_token
        FROM connections
        WHERE (tenant_id, user_id, provider) > (${tenantId}, ${userId}, ${after?.provider ?? ""})
          AND sealed_token IS NOT NULL
          AND substring(sealed_token FROM 1 FOR octet_length(${head}::bytea)) <> ${head}::bytea
        ORDER BY tenant_id, user_id, provider LIMIT ${limit}`
    }

    const revocationsBehind = (after: VaultRecord | undefined, head: Uint8Array, limit: number) =>
      sql<Row>`
        SELECT 'revocations' AS place, revocation_id::text AS id, tenant_id, user_id, provider, NULL AS family_id,
          sealed_token
        FROM revocations
        WHERE revocation_id > ${after?.id ?? "00000000-0000-0000-0000-000000000000"}::text::uuid
          AND substring(sealed_token FROM 1 FOR octet_length(${head}::bytea)) <> ${head}::bytea
        ORDER BY revocation_id LIMIT ${limit}`

    return VaultRecords.of({
      counts: Effect.map(counts, (rows) => rows.map(countOf)).pipe(orUnavailable("vault.counts")),

      sealedBy: Effect.fnUntraced(function* (keyId, limit) {
        const id = new TextEncoder().encode(keyId)
        const named = Uint8Array.from([id.length, ...id])
        const rows = yield* sql<Row>`
          SELECT * FROM (
            SELECT 'connections' AS place, '' AS id, tenant_id, user_id, provider, family_id, sealed_token
            FROM connections WHERE sealed_token IS NOT NULL
            UNION ALL
            SELECT 'revocations', revocation_id::text, tenant_id, user_id, provider, NULL, sealed_token
            FROM revocations
          ) AS sealed
          WHERE substring(sealed_token FROM 2 FOR octet_length(${named}::bytea)) = ${named}::bytea
          LIMIT ${limit}`
        return rows.map(recordOf)
      }, orUnavailable("vault.sealedBy")),

      outdated: Effect.fnUntraced(function* (head, limit, after) {
        const inRevocations = after?.place === "revocations"
        const rows = inRevocations ? [] : yield* connectionsBehind(after, head, limit)
        const last = inRevocations ? after : undefined
        return (rows.length > 0 ? rows : yield* revocationsBehind(last, head, limit)).map(recordOf)
      }, orUnavailable("vault.outdated")),

      replace: Effect.fnUntraced(function* ({ place, id, owner, provider, sealed: before }, sealed) {
        if (place === "witness") {
          const rows =
            yield* sql`UPDATE vault_witness SET sealed_token = ${sealed} WHERE sealed_token = ${before} RETURNING 1`
          return rows.length > 0
        }
        const rows = place === "connections"
          ? yield* sql`
              UPDATE connections SET sealed_token = ${sealed}
              WHERE tenant_id = ${owner.tenantId} AND user_id = ${owner.userId} AND provider = ${provider}
                AND sealed_token = ${before}
              RETURNING 1`
          : yield* sql`
              UPDATE revocations SET sealed_token = ${sealed}
              WHERE revocation_id = ${id}::text::uuid AND sealed_token = ${before}
              RETURNING 1`
        return rows.length > 0
      }, orUnavailable("vault.replace")),

      witness: Effect.map(
        sql<Pick<Row, "sealed_token">>`SELECT sealed_token FROM vault_witness`,
        ([row]) => row === undefined ? undefined : { ...witness, sealed: row.sealed_token },
      ).pipe(orUnavailable("vault.witness")),

      leaveWitness: (sealed) =>
        Effect.asVoid(sql`INSERT INTO vault_witness (sealed_token) VALUES (${sealed}) ON CONFLICT DO NOTHING`).pipe(
          orUnavailable("vault.leaveWitness"),
        ),
    })
  }),
)

interface CountRow {
  readonly head: Uint8Array | null
  readonly records: number
}

interface Row {
  readonly place: VaultRecord["place"]
  readonly id: string
  readonly tenant_id: string
  readonly user_id: string
  readonly provider: Provider
  readonly family_id: string | null
  readonly sealed_token: Uint8Array
}

const countOf = ({ head, records }: CountRow) => {
  // A record has more than its head; the text of what is none may be anything.
  const keyId = head === null ? undefined : keyIdOf(Uint8Array.from([...head, 0]))
  const isId = keyId !== undefined && /^[A-Za-z0-9_-]{1,32}$/.test(keyId)
  return { keyId: isId ? keyId : undefined, version: head?.[0] ?? 0, count: records }
}

const recordOf = (row: Row): VaultRecord => ({
  place: row.place,
  id: row.id,
  owner: { tenantId: TenantId.make(row.tenant_id), userId: UserId.make(row.user_id) },
  provider: row.provider,
  familyId: row.family_id ?? undefined,
  sealed: row.sealed_token,
})
