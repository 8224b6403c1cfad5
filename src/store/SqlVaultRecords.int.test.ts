import { expect, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { VaultRecords, witness } from "../connectors/VaultRecords.ts"
import type { VaultRecord } from "../connectors/VaultRecords.ts"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import * as SqlVaultRecords from "./SqlVaultRecords.ts"

const sealed = (version: number, id: string, body: string) =>
  Uint8Array.from([version, id.length, ...Buffer.from(id + body)])
const head = Uint8Array.from([2, 2, ...Buffer.from("k2")])

const addConnection = Effect.fnUntraced(function* (
  userId: string,
  bytes: Uint8Array | null,
  { provider = "todoist", familyId = null as string | null } = {},
) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
    VALUES ('acme', ${userId}, 'test', ${userId}, '', 'UTC', 0) ON CONFLICT DO NOTHING`
  yield* sql`
    INSERT INTO connections (tenant_id, user_id, provider, status, sealed_token, family_id, connected_at_ms, version)
    VALUES ('acme', ${userId}, ${provider}, 'connected', ${bytes}, ${familyId}, 0, 7)`
})

const addRevocation = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const sql = yield* SqlClient.SqlClient
  const id = randomUUID()
  yield* sql`
    INSERT INTO revocations (revocation_id, tenant_id, user_id, provider, sealed_token, next_try_at_ms, expires_at_ms)
    VALUES (${id}, 'acme', 'u1', 'todoist', ${bytes}, 0, 0)`
  return id
})

/** Everything outdated, in pages. */
const outdated = Effect.fnUntraced(function* (limit: number) {
  const records = yield* VaultRecords
  const found: Array<VaultRecord> = []
  for (;;) {
    const page = yield* records.outdated(head, limit, found.at(-1))
    expect(page.length).toBeLessThanOrEqual(limit)
    if (page.length === 0) return found
    found.push(...page)
  }
})

const clear = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM users`
  yield* sql`DELETE FROM revocations`
})

layer(SqlVaultRecords.layer.pipe(Layer.provideMerge(MigratedDatabase.layer)))(
  "sealed credentials in the store",
  (it) => {
    it.effect("are counted by version and key, wherever they stand; what names no key is counted too", () =>
      Effect.gen(function* () {
        yield* clear
        yield* addConnection("u1", sealed(2, "k2", "aaa"))
        yield* addConnection("u2", sealed(2, "k2", "bbb"))
        yield* addConnection("u3", sealed(1, "k2", "ccc"))
        yield* addConnection("u4", null)
        yield* addConnection("u5", Uint8Array.of(2))
        yield* addConnection("u6", sealed(2, "a b", "ddd"))
        yield* addConnection("u7", new Uint8Array())
        yield* addRevocation(sealed(2, "k1", "eee"))
        const counts = yield* Effect.flatMap(VaultRecords, ({ counts }) => counts)
        const known = counts.filter(({ keyId }) => keyId !== undefined)
        expect(known.toSorted((a, b) => `${a.keyId}${a.version}`.localeCompare(`${b.keyId}${b.version}`))).toEqual([
          { keyId: "k1", version: 2, count: 1 },
          { keyId: "k2", version: 1, count: 1 },
          { keyId: "k2", version: 2, count: 2 },
        ])
        const damaged = counts.filter(({ keyId }) => keyId === undefined)
        expect(damaged.reduce((sum, { count }) => sum + count, 0)).toBe(3)
      }))

    it.effect("that do not begin as today are found once each, page by page", () =>
      Effect.gen(function* () {
        yield* clear
        for (const n of [1, 2, 3, 4, 5]) yield* addConnection(`u${n}`, sealed(2, "k1", `x${n}`), { familyId: `f${n}` })
        yield* addConnection("u1", sealed(1, "k2", "x6"), { provider: "ical" })
        yield* addConnection("u6", sealed(2, "k2", "x7"))
        yield* addConnection("u7", null)
        yield* addConnection("u8", sealed(2, "k22", "x8"))
        const revocations = [yield* addRevocation(sealed(2, "k1", "r1")), yield* addRevocation(sealed(2, "k0", "r2"))]
        yield* addRevocation(sealed(2, "k2", "r3"))
        for (const limit of [1, 2, 100]) {
          const found = yield* outdated(limit)
          expect(found.map(({ owner, provider }) => `${owner.userId}/${provider}`)).toEqual([
            "u1/ical",
            "u1/todoist",
            "u2/todoist",
            "u3/todoist",
            "u4/todoist",
            "u5/todoist",
            "u8/todoist",
            "u1/todoist",
            "u1/todoist",
          ])
          expect(found[1]).toMatchObject({
            place: "connections",
            familyId: "f1",
            sealed: Buffer.from(sealed(2, "k1", "x1")),
          })
          expect(found[0]?.familyId).toBeUndefined()
          expect(found.slice(-2).map(({ place, id }) => [place, id])).toEqual(
            revocations.toSorted().map((id) => ["revocations", id]),
          )
        }
      }))

    it.effect("are found by the key they name, a few of them", () =>
      Effect.gen(function* () {
        yield* clear
        yield* addConnection("u1", sealed(1, "k1", "a"))
        yield* addConnection("u2", sealed(2, "k11", "b"))
        yield* addRevocation(sealed(2, "k1", "c"))
        const { sealedBy } = yield* VaultRecords
        expect((yield* sealedBy("k1", 5)).map(({ place }) => place)).toEqual(["connections", "revocations"])
        expect(yield* sealedBy("k1", 1)).toHaveLength(1)
        expect(yield* sealedBy("k9", 5)).toEqual([])
      }))

    it.effect("are replaced only while they are as they were read, and nothing else of the row changes", () =>
      Effect.gen(function* () {
        yield* clear
        yield* addConnection("u1", sealed(2, "k1", "a"))
        yield* addRevocation(sealed(2, "k1", "b"))
        const sql = yield* SqlClient.SqlClient
        const { replace } = yield* VaultRecords
        for (const record of yield* outdated(10)) {
          expect(yield* replace({ ...record, sealed: sealed(2, "k1", "other") }, sealed(2, "k2", "never"))).toBe(false)
          expect(yield* replace(record, sealed(2, "k2", "new"))).toBe(true)
          expect(yield* replace(record, sealed(2, "k2", "late"))).toBe(false)
        }
        expect(yield* outdated(10)).toEqual([])
        const rows = yield* sql`SELECT sealed_token, version, status FROM connections`
        expect(rows).toEqual([{ sealed_token: Buffer.from(sealed(2, "k2", "new")), version: 7, status: "connected" }])
      }))

    it.effect("have a witness beside them: left once, and replaced only while it is as it was read", () =>
      Effect.gen(function* () {
        yield* clear
        const records = yield* VaultRecords
        expect(yield* records.witness).toBeUndefined()
        yield* records.leaveWitness(sealed(2, "k1", "first"))
        yield* records.leaveWitness(sealed(2, "k2", "second"))
        const first = yield* records.witness
        expect(first).toEqual({ ...witness, sealed: Buffer.from(sealed(2, "k1", "first")) })
        expect([yield* records.counts, yield* records.sealedBy("k1", 5), yield* outdated(5)]).toEqual([[], [], []])
        if (first === undefined) return
        expect(yield* records.replace({ ...first, sealed: sealed(2, "k1", "x") }, sealed(2, "k2", "y"))).toBe(false)
        expect(yield* records.replace(first, sealed(2, "k2", "z"))).toBe(true)
        expect((yield* records.witness)?.sealed).toEqual(Buffer.from(sealed(2, "k2", "z")))
      }))
  },
)
