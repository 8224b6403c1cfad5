import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted } from "effect"
import fc from "fast-check"
import { inspect } from "node:util"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import * as AesTokenVault from "./AesTokenVault.ts"
import { TokenVault } from "./TokenVault.ts"

const keyOf = (byte: number) => Buffer.alloc(32, byte).toString("base64")
const ring = `k2:${keyOf(2)},k1:${keyOf(1)}`
const owner: Owner = { tenantId: TenantId.make("acme"), userId: UserId.make("u1") }
const token = "0123456789abcdef-the-token"

const withRing = <A, E>(keys: string, use: (vault: TokenVault["Service"]) => Effect.Effect<A, E>) =>
  TokenVault.use(use).pipe(Effect.provide(AesTokenVault.layer(Redacted.make(keys))))

const seal = (keys: string, as: Owner = owner, text = token) =>
  withRing(keys, (vault) => vault.seal(as, "todoist", Redacted.make(text)))

const open = (keys: string, sealed: Uint8Array, as: Owner = owner, provider: Provider = "todoist") =>
  withRing(keys, (vault) => Effect.map(vault.open(as, provider, sealed), Redacted.value))

const refused = Effect.fnUntraced(function* <E>(attempt: Effect.Effect<string, E>) {
  const error = yield* Effect.flip(attempt)
  expect(error).toMatchObject({ _tag: "TokenUnreadable", provider: "todoist" })
})

describe("token vault", () => {
  it.effect("a token comes out as it went in, whatever its text and whoever its owner", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.string({ unit: "grapheme" }),
          fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
          (text, user) =>
            Effect.runPromise(Effect.gen(function* () {
              const as = { ...owner, userId: UserId.make(user) }
              expect(yield* open(ring, yield* seal(ring, as, text), as)).toBe(text)
            })),
        ),
        { numRuns: 30 },
      )
    ))

  it.effect("what is sealed holds nothing of the token, and is new every time", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* seal(ring), yield* seal(ring)]
      expect(Buffer.from(one).includes(token)).toBe(false)
      expect(one).not.toEqual(other)
      // Version, length of the id, id, nonce, text, tag of 16 bytes.
      expect(one).toHaveLength(1 + 1 + 2 + 12 + token.length + 16)
      expect([...one.subarray(0, 4)]).toEqual(
        [1, 2, ..."k2"].map((part) => typeof part === "string" ? part.charCodeAt(0) : part),
      )
    }))

  it.effect("another user, tenant or provider cannot open it", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      yield* refused(open(ring, sealed, { ...owner, userId: UserId.make("u2") }))
      yield* refused(open(ring, sealed, { ...owner, tenantId: TenantId.make("evil") }))
      const error = yield* Effect.flip(open(ring, sealed, owner, "other" as Provider))
      expect(error).toMatchObject({ _tag: "TokenUnreadable", provider: "other" })
    }))

  it.effect("the first key seals, every key opens, and one taken away opens no more", () =>
    Effect.gen(function* () {
      const before = yield* seal(`k1:${keyOf(1)}`)
      const after = yield* seal(ring)
      expect(yield* open(ring, before)).toBe(token)
      expect(yield* open(ring, after)).toBe(token)
      expect(yield* open(`k2:${keyOf(2)}`, after)).toBe(token)
      yield* refused(open(`k1:${keyOf(1)}`, after))
      yield* refused(open(`k2:${keyOf(2)}`, before))
    }))

  it.effect("another key under the same id does not open", () =>
    Effect.gen(function* () {
      yield* refused(open(`k2:${keyOf(9)}`, yield* seal(ring)))
    }))

  it.effect("with any bit flipped, or any part cut off, it does not open", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      yield* withRing(ring, (vault) =>
        Effect.gen(function* () {
          const damaged = Array.from(
            { length: sealed.length * 8 },
            (_, bit) => sealed.with(bit >> 3, sealed[bit >> 3]! ^ (1 << (bit & 7))),
          )
          const cut = Array.from({ length: sealed.length }, (_, length) => sealed.subarray(0, length))
          for (const bytes of [...damaged, ...cut, Uint8Array.from([...sealed, 0]), new Uint8Array(64)]) {
            yield* refused(Effect.map(vault.open(owner, "todoist", bytes), Redacted.value))
          }
        }))
    }))

  it.effect("an opened token does not show in what prints it, nor a sealed one in what refuses it", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(ring)
      const opened = yield* withRing(ring, (vault) => vault.open(owner, "todoist", sealed))
      for (const shown of [String(opened), JSON.stringify(opened), inspect(opened)]) expect(shown).not.toContain(token)
      const exit = yield* Effect.exit(open(ring, sealed, { ...owner, userId: UserId.make("u2") }))
      const shown = Exit.isFailure(exit) ? `${Cause.pretty(exit.cause)} ${inspect(exit, { depth: 9 })}` : ""
      expect(shown).toContain("cannot be opened")
      for (const part of [token, keyOf(1), keyOf(2), Buffer.from(sealed).toString("base64")]) {
        expect(shown).not.toContain(part)
      }
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
      expect(yield* open(`k1:${bytes.toString("base64url")}`, sealed)).toBe(token)
    }))

  it.effect("may stand apart", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(` k2:${keyOf(2)} ,\n k1:${keyOf(1)}\n`)
      expect(yield* open(ring, sealed)).toBe(token)
    }))
})
