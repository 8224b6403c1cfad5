import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted } from "effect"
import fc from "fast-check"
import sodium from "libsodium-wrappers"
import { inspect } from "node:util"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import type { Credential } from "./Credential.ts"
import * as SealedBoxVault from "./SealedBoxVault.ts"
import { keyIdOf, TokenVault } from "./TokenVault.ts"
import { sealVersion1 } from "./vaultVersion1.fixture.ts"

const bytesOf = (byte: number) => new Uint8Array(32).fill(byte)
const keyOf = (byte: number) => Buffer.from(bytesOf(byte)).toString("base64")
const ring = `k2:${keyOf(2)},k1:${keyOf(1)}`
const owner: Owner = { tenantId: TenantId.make("acme"), userId: UserId.make("u1") }
const token = "0123456789abcdef-the-token"

const credentialOf = (more: Partial<Credential> = {}): Credential => ({
  accessToken: Redacted.make(token),
  refreshToken: Redacted.make("the-refresh-token"),
  expiresAtMs: 1_900_000_000_000,
  scopes: ["data:read"],
  familyId: "f1",
  issuedAtMs: 1_800_000_000_000,
  ...more,
})

const plain = (credential: Credential) => ({
  ...credential,
  accessToken: Redacted.value(credential.accessToken),
  refreshToken: credential.refreshToken === null ? null : Redacted.value(credential.refreshToken),
})

const withRing = <A, E>(keys: string, use: (vault: TokenVault["Service"]) => Effect.Effect<A, E>) =>
  TokenVault.use(use).pipe(Effect.provide(SealedBoxVault.layer(Redacted.make(keys))))

const seal = (keys: string, as: Owner = owner, credential = credentialOf(), provider: Provider = "todoist") =>
  withRing(keys, (vault) => vault.seal(as, provider, credential))

const open = (keys: string, sealed: Uint8Array, as: Owner = owner, provider: Provider = "todoist", familyId?: string) =>
  withRing(keys, (vault) => vault.open(as, provider, sealed, familyId))

const refused = Effect.fnUntraced(function* <A, E>(attempt: Effect.Effect<A, E>) {
  const error = yield* Effect.flip(attempt)
  expect(error).toMatchObject({ _tag: "TokenUnreadable" })
})

/** What no vault of ours sealed, though it opens with its key. */
const boxed = (inside: unknown) => {
  const { publicKey } = sodium.crypto_box_seed_keypair(bytesOf(2))
  return Uint8Array.from([2, 2, ...Buffer.from("k2"), ...sodium.crypto_box_seal(JSON.stringify(inside), publicKey)])
}

const text = fc.string({ unit: "grapheme" })
const anyCredential = fc.record({
  accessToken: text.map((one) => Redacted.make(one)),
  refreshToken: fc.option(text.map((one) => Redacted.make(one))),
  expiresAtMs: fc.option(fc.maxSafeNat()),
  scopes: fc.option(fc.array(text, { maxLength: 4 })),
  familyId: text,
  issuedAtMs: fc.maxSafeNat(),
})
const anyId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const anyOwner = fc.record({
  tenantId: anyId.map((id) => TenantId.make(id)),
  userId: anyId.map((id) => UserId.make(id)),
})

/** So few that one often differs from another in a single part. */
const few = fc.constantFrom("a", "b")
const neighbour = fc.record({ tenantId: few.map((id) => TenantId.make(id)), userId: few.map((id) => UserId.make(id)) })
const provider = fc.constantFrom<Provider>("todoist", "ical")

describe("token vault", () => {
  it.effect("a credential comes out as it went in, whatever it holds and whoever its owner", () =>
    withRing(ring, (vault) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(anyOwner, anyCredential, async (as, credential) => {
            const sealed = await Effect.runPromise(vault.seal(as, "todoist", credential))
            const opened = await Effect.runPromise(vault.open(as, "todoist", sealed, credential.familyId))
            expect(plain(opened.credential)).toEqual(plain(credential))
            expect(opened.isOutdated).toBe(false)
          }),
          { numRuns: 100 },
        )
      )))

  it.effect("it opens for nobody else, whatever is asked", () =>
    withRing(ring, (vault) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(neighbour, neighbour, provider, fc.constantFrom("f1", "f2", ""), async (...asked) => {
            const [as, other, provider, familyId] = asked
            const sealed = await Effect.runPromise(vault.seal(as, "todoist", credentialOf()))
            const isTheirs = as.tenantId === other.tenantId && as.userId === other.userId && provider === "todoist"
            const opened = await Effect.runPromise(Effect.exit(vault.open(other, provider, sealed)))
            expect(Exit.isSuccess(opened)).toBe(isTheirs)
            const inFamily = await Effect.runPromise(Effect.exit(vault.open(as, "todoist", sealed, familyId)))
            expect(Exit.isSuccess(inFamily)).toBe(familyId === "f1")
          }),
          { numRuns: 100 },
        )
      )))

  it.effect("another user, tenant, provider or family cannot open it", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      yield* refused(open(ring, sealed, { ...owner, userId: UserId.make("u2") }))
      yield* refused(open(ring, sealed, { ...owner, tenantId: TenantId.make("evil") }))
      yield* refused(open(ring, sealed, owner, "todoist", "f2"))
      const error = yield* Effect.flip(open(ring, sealed, owner, "ical"))
      expect(error).toMatchObject({ _tag: "TokenUnreadable", provider: "ical" })
    }))

  it.effect("what is sealed holds nothing of the credential, is new every time, and names its key", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* seal(ring), yield* seal(ring)]
      for (const part of [token, "the-refresh-token", "acme", "data:read"]) {
        expect(Buffer.from(one).includes(part)).toBe(false)
      }
      expect(one).not.toEqual(other)
      expect([...one.subarray(0, 4)]).toEqual([2, 2, ...Buffer.from("k2")])
      expect(keyIdOf(one)).toBe("k2")
    }))

  it.effect("the first key seals, every key opens, and one taken away opens no more", () =>
    Effect.gen(function* () {
      const before = yield* seal(`k1:${keyOf(1)}`)
      const after = yield* seal(ring)
      expect(yield* open(ring, before)).toMatchObject({ isOutdated: true })
      expect(yield* open(ring, after)).toMatchObject({ isOutdated: false })
      expect(yield* open(`k2:${keyOf(2)}`, after)).toMatchObject({ isOutdated: false })
      yield* refused(open(`k1:${keyOf(1)}`, after))
      yield* refused(open(`k2:${keyOf(2)}`, before))
    }))

  it.effect("tells which key seals and which open", () =>
    withRing(
      `k9:${keyOf(9)},${ring},k0:lost`,
      (vault) => Effect.sync(() => expect([vault.activeKeyId, ...vault.keyIds]).toEqual(["k9", "k9", "k2", "k1"])),
    ))

  it.effect("another key under the same id does not open", () =>
    Effect.gen(function* () {
      yield* refused(open(`k2:${keyOf(9)}`, yield* seal(ring)))
    }))

  it.effect("with any bit flipped, or any part cut off, it does not open", () =>
    withRing(ring, (vault) =>
      Effect.gen(function* () {
        const sealed = yield* vault.seal(owner, "todoist", credentialOf())
        const damaged = Array.from(
          { length: sealed.length * 8 },
          (_, bit) => sealed.with(bit >> 3, sealed[bit >> 3]! ^ (1 << (bit & 7))),
        )
        const cut = Array.from({ length: sealed.length }, (_, length) => sealed.subarray(0, length))
        for (const bytes of [...damaged, ...cut, Uint8Array.from([...sealed, 0]), new Uint8Array(64)]) {
          yield* refused(vault.open(owner, "todoist", bytes))
        }
      })))

  it.effect("bytes of any kind and length are refused, never a defect", () =>
    withRing(ring, (vault) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.constantFrom(0, 1, 2, 3, 255),
            fc.constantFrom("", "k1", "k2", "k3", "x".repeat(255)),
            fc.uint8Array({ maxLength: 200, size: "max" }),
            async (version, id, body) => {
              const bytes = Uint8Array.from([version, id.length, ...Buffer.from(id), ...body])
              const exit = await Effect.runPromise(Effect.exit(vault.open(owner, "todoist", bytes)))
              expect(Exit.isFailure(exit) && Cause.hasFails(exit.cause)).toBe(true)
            },
          ),
          { numRuns: 300 },
        )
      )))

  it.effect("a record larger than any credential is refused unread", () =>
    withRing(ring, (vault) =>
      Effect.gen(function* () {
        const fits = credentialOf({ accessToken: Redacted.make("x".repeat(60_000)) })
        const opened = yield* vault.open(owner, "todoist", yield* vault.seal(owner, "todoist", fits))
        expect(plain(opened.credential)).toEqual(plain(fits))
        const large = credentialOf({ accessToken: Redacted.make("x".repeat(70_000)) })
        const exit = yield* Effect.exit(vault.seal(owner, "todoist", large))
        expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
        const inside = { v: 2, ...owner, provider: "todoist", ...plain(large) }
        yield* refused(vault.open(owner, "todoist", boxed(inside)))
      })))

  it.effect("what opens and is no credential of today is refused", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      const { publicKey, privateKey } = sodium.crypto_box_seed_keypair(bytesOf(2))
      const inside = JSON.parse(
        Buffer.from(sodium.crypto_box_seal_open(sealed.subarray(4), publicKey, privateKey)).toString(),
      )
      expect(inside).toEqual({ v: 2, ...owner, provider: "todoist", ...plain(credentialOf()) })
      expect(yield* open(ring, boxed(inside))).toMatchObject({ isOutdated: false })
      for (const key of Object.keys(inside)) yield* refused(open(ring, boxed({ ...inside, [key]: undefined })))
      for (const other of [{ ...inside, v: 1 }, { ...inside, scopes: "all" }, null, "text", []]) {
        yield* refused(open(ring, boxed(other)))
      }
    }))

  it.effect("an opened credential does not show in what prints it, nor a sealed one in what refuses it", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      const opened = yield* open(ring, sealed)
      for (const shown of [String(opened), JSON.stringify(opened), inspect(opened, { depth: 9 })]) {
        expect(shown).not.toContain(token)
        expect(shown).not.toContain("the-refresh-token")
      }
      const exit = yield* Effect.exit(open(ring, sealed, { ...owner, userId: UserId.make("u2") }))
      const shown = Exit.isFailure(exit) ? `${Cause.pretty(exit.cause)} ${inspect(exit, { depth: 9 })}` : ""
      expect(shown).toContain("cannot be opened")
      for (const part of [token, keyOf(1), keyOf(2), Buffer.from(sealed).toString("base64")]) {
        expect(shown).not.toContain(part)
      }
    }))
})

describe("a token sealed by the first version of the vault", () => {
  const old = (keyId: string, byte: number) => Effect.promise(() => sealVersion1(keyId, bytesOf(byte), owner, token))

  it.effect("opens as a personal token that is to be sealed again", () =>
    Effect.gen(function* () {
      const { credential, isOutdated } = yield* open(ring, yield* old("k2", 2))
      expect(plain(credential)).toEqual({
        accessToken: token,
        refreshToken: null,
        expiresAtMs: null,
        scopes: null,
        familyId: "v1",
        issuedAtMs: 0,
      })
      expect(isOutdated).toBe(true)
      expect(keyIdOf(yield* old("k2", 2))).toBe("k2")
      const again = yield* seal(ring, owner, credential)
      expect(plain((yield* open(ring, again)).credential)).toEqual(plain(credential))
    }))

  it.effect("opens with its own key and for its own owner alone, and not in the place of a family", () =>
    Effect.gen(function* () {
      const sealed = yield* old("k1", 1)
      expect(yield* open(ring, sealed)).toMatchObject({ isOutdated: true })
      yield* refused(open(`k1:${keyOf(9)}`, sealed))
      yield* refused(open(ring, sealed, { ...owner, userId: UserId.make("u2") }))
      yield* refused(open(ring, sealed, owner, "ical"))
      yield* refused(open(ring, sealed, owner, "todoist", "f1"))
    }))

  it.effect("does not pass for a newer one, nor a newer one for it", () =>
    Effect.gen(function* () {
      yield* refused(open(ring, (yield* old("k2", 2)).with(0, 2)))
      yield* refused(open(ring, (yield* seal(ring)).with(0, 1)))
    }))
})

describe("vault keys", () => {
  const problemOf = (keys: string) => Effect.map(Effect.flip(seal(keys)), (error) => error.message)
  const expected = "; expected id:base64 of 32 bytes, comma separated"

  it.effect("that cannot be used are refused by their place, with what was expected", () =>
    Effect.gen(function* () {
      const good = `k1:${keyOf(1)}`
      const bad: ReadonlyArray<readonly [string, string]> = [
        ["", "key 1 is no pair"],
        [`${good},`, "key 2 is no pair"],
        [`${good}:more`, "key 1 is no pair"],
        [`:${keyOf(1)}`, "key 1 has no usable id"],
        [`a b:${keyOf(1)}`, "key 1 has no usable id"],
        [`${"x".repeat(33)}:${keyOf(1)}`, "key 1 has no usable id"],
        [`${good},k1:${keyOf(2)}`, "key 2 has the id of one before it"],
        [`${good},k1:lost`, "key 2 has the id of one before it"],
        [`${good},k2:${keyOf(1)}`, "key 2 is one before it under another id"],
        ["k1:lost", "key 1 is the one that seals, so it cannot be lost"],
        ["k1:", "key 1 has 0 bytes"],
        [`k1:${Buffer.alloc(16).toString("base64")}`, "key 1 has 16 bytes"],
        [`k1:${Buffer.alloc(33).toString("base64")}`, "key 1 has 33 bytes"],
        [`k1:!${keyOf(1)}`, "key 1 is not base64"],
      ]
      for (const [keys, problem] of bad) expect(yield* problemOf(keys), keys).toBe(`VAULT_KEYS: ${problem}${expected}`)
    }))

  it.effect("never stand in the text that refuses them, in whichever form they were given", () =>
    Effect.gen(function* () {
      const secret = "Correct_Horse_Battery"
      const forms = [
        secret,
        `${secret}:`,
        `k1:${secret}`,
        `${secret}:${secret}`,
        `k1:${keyOf(1)},${secret}`,
        `a ${secret}:x`,
      ]
      for (const keys of forms) expect(yield* problemOf(keys), keys).not.toContain(secret)
    }))

  it.effect("are read in either alphabet of base64", () =>
    Effect.gen(function* () {
      const bytes = Buffer.alloc(32, 0xfb)
      const sealed = yield* seal(`k1:${bytes.toString("base64")}`)
      expect(bytes.toString("base64url")).toContain("-")
      expect(yield* open(`k1:${bytes.toString("base64url")}`, sealed)).toMatchObject({ isOutdated: false })
    }))

  it.effect("may stand apart", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(` k2:${keyOf(2)} ,\n k1:${keyOf(1)}\n`)
      expect(yield* open(ring, sealed)).toMatchObject({ isOutdated: false })
    }))
})
