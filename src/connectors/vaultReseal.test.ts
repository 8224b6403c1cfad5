import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Credential } from "./Credential.ts"
import * as SealedBoxVault from "./SealedBoxVault.ts"
import { keyIdOf, TokenVault } from "./TokenVault.ts"
import { coverage, expectKeys } from "./vaultCoverage.ts"
import { VaultRecords, witness } from "./VaultRecords.ts"
import type { VaultRecord } from "./VaultRecords.ts"
import { reseal } from "./vaultReseal.ts"
import { leaveWitness } from "./vaultWitness.ts"
import { sealVersion1 } from "./vaultVersion1.fixture.ts"

const bytesOf = (byte: number) => new Uint8Array(32).fill(byte)
const key = (id: string, byte: number) => `${id}:${Buffer.from(bytesOf(byte)).toString("base64")}`
const both = `${key("k2", 2)},${key("k1", 1)}`
const ownerOf = (n: number): Owner => ({
  tenantId: TenantId.make("acme"),
  userId: UserId.make(`u${String(n).padStart(5, "0")}`),
})
const tokenOf = (n: number) => `token-${n}`
const credentialOf = (n: number): Credential => ({
  accessToken: Redacted.make(tokenOf(n)),
  refreshToken: null,
  expiresAtMs: null,
  scopes: null,
  familyId: `f${n}`,
  issuedAtMs: 1,
})
const withRing = (keys: string) => SealedBoxVault.layer(Redacted.make(keys))
const sealedBy = (keys: string, n: number) =>
  Effect.provide(TokenVault.use((vault) => vault.seal(ownerOf(n), "todoist", credentialOf(n))), withRing(keys))

/** A store of connections, with no witness. `beforeReplace` is what somebody else does meanwhile. */
const storeOf = (sealed: ReadonlyArray<Uint8Array>, beforeReplace: (rows: Array<Uint8Array>) => void = () => {}) => {
  let left: Uint8Array | undefined
  const rows = [...sealed]
  const batches: Array<number> = []
  const recordOf = (n: number): VaultRecord => ({
    place: "connections",
    id: "",
    owner: ownerOf(n),
    provider: "todoist",
    familyId: rows[n]![0] === 1 ? undefined : `f${n}`,
    sealed: rows[n]!,
  })
  const all = () => rows.map((_, n) => recordOf(n))
  const layer = Layer.succeed(
    VaultRecords,
    VaultRecords.of({
      counts: Effect.sync(() =>
        all().map(({ sealed }) => ({ keyId: keyIdOf(sealed), version: sealed[0] ?? 0, count: 1 }))
      ),
      sealedBy: (keyId, limit) =>
        Effect.sync(() => all().filter(({ sealed }) => keyIdOf(sealed) === keyId).slice(0, limit)),
      outdated: (head, limit, after) =>
        Effect.sync(() => {
          const found = all().filter(({ owner, sealed }) =>
            owner.userId > (after?.owner.userId ?? "") && Buffer.compare(sealed.subarray(0, head.length), head) !== 0
          ).slice(0, limit)
          batches.push(found.length)
          if (batches.length > 10) throw new Error("a sweep that does not end")
          return found
        }),
      witness: Effect.sync(() => left === undefined ? undefined : { ...witness, sealed: left }),
      leaveWitness: (sealed) => Effect.sync(() => void (left ??= sealed)),
      replace: (record, next) =>
        Effect.sync(() => {
          if (record.place === "witness") {
            const isAsRead = left !== undefined && Buffer.compare(left, record.sealed) === 0
            if (isAsRead) left = next
            return isAsRead
          }
          beforeReplace(rows)
          const n = rows.findIndex((_, at) => ownerOf(at).userId === record.owner.userId)
          if (Buffer.compare(rows[n]!, record.sealed) !== 0) return false
          rows[n] = next
          return true
        }),
    }),
  )
  return { rows, batches, layer }
}

const run = (keys: string, store: ReturnType<typeof storeOf>) =>
  reseal({ pauseMs: 0 }).pipe(Effect.provide(Layer.merge(withRing(keys), store.layer)))
const opened = (keys: string, sealed: Uint8Array, n: number) =>
  TokenVault.use((vault) => vault.open(ownerOf(n), "todoist", sealed)).pipe(
    Effect.map(({ credential, isOutdated }) => ({ token: Redacted.value(credential.accessToken), isOutdated })),
    Effect.provide(withRing(keys)),
  )
const covered = (keys: string, store: ReturnType<typeof storeOf>, lost: ReadonlyArray<string> = []) =>
  coverage(lost).pipe(Effect.provide(Layer.merge(withRing(keys), store.layer)))

describe("the sweep", () => {
  it.effect("brings what an older key or the first version sealed to the active key, and leaves the rest alone", () =>
    Effect.gen(function* () {
      const store = storeOf([
        yield* sealedBy(key("k1", 1), 0),
        yield* Effect.promise(() => sealVersion1("k2", bytesOf(2), ownerOf(1), tokenOf(1))),
        yield* sealedBy(both, 2),
      ])
      const current = store.rows[2]
      expect(yield* run(both, store)).toEqual({ resealed: 2, changed: 0, unreadable: 0 })
      for (const n of [0, 1, 2]) {
        expect(yield* opened(key("k2", 2), store.rows[n]!, n)).toEqual({ token: tokenOf(n), isOutdated: false })
      }
      expect(store.rows[2]).toBe(current)
      expect(yield* run(both, store)).toEqual({ resealed: 0, changed: 0, unreadable: 0 })
    }))

  it.effect("passes over what does not open, and ends", () =>
    Effect.gen(function* () {
      const damaged = (yield* sealedBy(key("k1", 1), 0)).map((byte, at) => at === 60 ? byte ^ 1 : byte)
      const store = storeOf([damaged, new Uint8Array(), yield* sealedBy(key("k1", 1), 2)])
      expect(yield* run(both, store)).toEqual({ resealed: 1, changed: 0, unreadable: 2 })
      expect(store.rows[0]).toBe(damaged)
    }))

  it.effect("never writes over a credential that was replaced meanwhile", () =>
    Effect.gen(function* () {
      const newer = yield* sealedBy(both, 0)
      const store = storeOf([yield* sealedBy(key("k1", 1), 0)], (rows) => rows[0] = newer)
      expect(yield* run(both, store)).toEqual({ resealed: 0, changed: 1, unreadable: 0 })
      expect(store.rows[0]).toBe(newer)
    }))

  it.effect("goes in batches of at most 500, with a pause after each", () =>
    Effect.gen(function* () {
      const old = yield* Effect.provide(
        TokenVault.use((vault) =>
          Effect.forEach(
            Array.from({ length: 1_001 }, (_, n) => n),
            (n) => vault.seal(ownerOf(n), "todoist", credentialOf(n)),
          )
        ),
        withRing(key("k1", 1)),
      )
      const store = storeOf(old)
      const fiber = yield* Effect.forkChild(
        reseal({ pauseMs: 1_000 }).pipe(Effect.provide(Layer.merge(withRing(both), store.layer))),
      )
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toEqual({ resealed: 1_001, changed: 0, unreadable: 0 })
      expect(store.batches).toEqual([500, 500, 1, 0])
    }))
})

describe("the key ring beside the store", () => {
  const problemOf = (keys: string, store: ReturnType<typeof storeOf>, lost: ReadonlyArray<string> = []) =>
    covered(keys, store, lost).pipe(Effect.flatMap(expectKeys), Effect.flip, Effect.map((error) => error.message))

  it.effect("is enough when it opens everything, also what is damaged beyond any key", () =>
    Effect.gen(function* () {
      const store = storeOf([yield* sealedBy(key("k1", 1), 0), yield* sealedBy(both, 1), new Uint8Array(5)])
      const found = yield* covered(both, store)
      yield* expectKeys(found)
      expect(found).toEqual({
        keys: [
          { id: "k2", state: "active", records: 1, isWitness: false },
          { id: "k1", state: "opens", records: 1, isWitness: false },
        ],
        damaged: 1,
        outdated: 1,
        witness: "none",
      })
    }))

  it.effect("without a key that sealed something is refused, with how much and what to do", () =>
    Effect.gen(function* () {
      const store = storeOf([yield* sealedBy(key("k1", 1), 0), yield* sealedBy(key("k1", 1), 1)])
      const problem = yield* problemOf(key("k2", 2), store)
      expect(problem).toContain("2 tokens are sealed with key k1, which is not in it")
      expect(problem).toContain("k1:lost")
      expect(problem).not.toContain(key("k2", 2).slice(3))
    }))

  it.effect("with another key under the same id is refused", () =>
    Effect.gen(function* () {
      const store = storeOf([yield* sealedBy(key("k1", 1), 0)])
      expect(yield* problemOf(key("k1", 9), store)).toContain("1 token is sealed with a key k1 that is another")
    }))

  it.effect("is enough without a key that is said to be lost", () =>
    Effect.gen(function* () {
      const store = storeOf([yield* sealedBy(key("k1", 1), 0)])
      const found = yield* covered(`${key("k2", 2)},k1:lost`, store, ["k1"])
      yield* expectKeys(found)
      expect(found.keys).toMatchObject([{ id: "k2", state: "active", records: 0 }, {
        id: "k1",
        state: "lost",
        records: 1,
      }])
    }))

  it.effect("is not judged by one damaged record", () =>
    Effect.gen(function* () {
      const damaged = (yield* sealedBy(both, 0)).map((byte, at) => at === 60 ? byte ^ 1 : byte)
      yield* Effect.flatMap(covered(both, storeOf([damaged, yield* sealedBy(both, 1)])), expectKeys)
    }))
})

describe("the witness", () => {
  const left = (keys: string, store: ReturnType<typeof storeOf>) =>
    leaveWitness(undefined).pipe(Effect.provide(Layer.merge(withRing(keys), store.layer)))

  it.effect("refuses another ring before any token is sealed, and says what this is about", () =>
    Effect.gen(function* () {
      const store = storeOf([])
      yield* left(key("k1", 1), store)
      for (const ring of [key("k2", 2), key("k1", 9)]) {
        const { message } = yield* covered(ring, store).pipe(Effect.flatMap(expectKeys), Effect.flip)
        expect(message).toContain("this database belongs to an installation with another key ring, of key k1:")
        expect(message).toContain("give all its processes the same VAULT_KEYS")
        expect(message).not.toMatch(/\d tokens?/)
      }
    }))

  it.effect("stays as the first one left it", () =>
    Effect.gen(function* () {
      const store = storeOf([])
      yield* left(key("k1", 1), store)
      yield* left(key("k2", 2), store)
      yield* Effect.flatMap(covered(key("k1", 1), store), expectKeys)
    }))

  it.effect("is no token, goes with the active key, and keeps its own from being taken out until then", () =>
    Effect.gen(function* () {
      const store = storeOf([])
      yield* left(key("k1", 1), store)
      const before = yield* covered(both, store)
      expect([before.witness, before.outdated]).toEqual(["outdated", 0])
      expect(before.keys).toEqual([
        { id: "k2", state: "active", records: 0, isWitness: false },
        { id: "k1", state: "opens", records: 0, isWitness: true },
      ])
      expect(yield* run(both, store)).toEqual({ resealed: 0, changed: 0, unreadable: 0 })
      expect((yield* covered(key("k2", 2), store)).witness).toBe("current")
    }))

  it.effect("of a lost key is void, and stops nobody", () =>
    Effect.gen(function* () {
      const store = storeOf([])
      yield* left(key("k1", 1), store)
      const found = yield* covered(`${key("k2", 2)},k1:lost`, store, ["k1"])
      yield* expectKeys(found)
      expect(found.witness).toBe("void")
    }))
})
