import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { Accounts } from "../identity/Accounts.ts"
import type { NewAccount } from "../identity/Accounts.ts"
import { acme, eventsOf } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const somebody = (given: Partial<NewAccount> = {}): NewAccount => ({
  tenantId: acme,
  issuer: "https://id.example.org",
  subject: randomUUID(),
  displayName: "Anna 🌱",
  timeZone: "Europe/Berlin",
  ...given,
})

layer(Store.layer)("accounts in sql", (it) => {
  it.effect("are made on first sight with their event, and found from then on", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const account = somebody()
      const owner = yield* accounts.open(account)
      expect(yield* accounts.open({ ...account, displayName: "Another", timeZone: "UTC" })).toEqual(owner)
      expect(yield* accounts.profile(owner)).toEqual({ owner, displayName: "Anna 🌱", timeZone: "Europe/Berlin" })
      const events = yield* eventsOf(owner)
      expect(events.map(({ type, payload }) => [type, payload.value]))
        .toMatchObject([["accounts.user.opened", { issuer: account.issuer }]])
    }))

  it.effect("opened by many at once are one account with one event", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      for (let round = 0; round < 5; round++) {
        const account = somebody()
        const owners = yield* Effect.all(Array.from({ length: 6 }, () => accounts.open(account)), {
          concurrency: "unbounded",
        })
        expect(new Set(owners.map(({ userId }) => userId)).size).toBe(1)
        expect(yield* eventsOf(owners[0]!)).toHaveLength(1)
      }
    }))

  it.effect("of another subject, issuer or tenant are others", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const account = somebody()
      const others = [
        account,
        somebody(),
        { ...account, issuer: "https://id.example.com" },
        { ...account, tenantId: TenantId.make("other") },
      ]
      const ids = yield* Effect.forEach(others, (one) => Effect.map(accounts.open(one), ({ userId }) => userId))
      expect(new Set(ids).size).toBe(others.length)
    }))

  it.effect("have an id that says nothing of who vouched for them", () =>
    Effect.gen(function* () {
      const { userId } = yield* Accounts.use((accounts) => accounts.open(somebody({ subject: "anna@example.org" })))
      expect(userId).toMatch(/^u[0-9a-f]{20}$/)
    }))

  it.effect("whose event cannot be committed do not exist", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const sql = yield* SqlClient.SqlClient
      const account = somebody()
      yield* sql.withTransaction(Effect.andThen(accounts.open(account), Effect.fail("no"))).pipe(Effect.flip)
      const rows = yield* sql`SELECT 1 FROM users WHERE subject = ${account.subject}`
      expect(rows).toHaveLength(0)
    }))

  it.effect("have a profile in their own tenant only", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const owner = yield* accounts.open(somebody())
      expect(yield* accounts.profile({ ...owner, tenantId: TenantId.make("evil") })).toBeUndefined()
      expect(yield* accounts.profile({ ...owner, userId: UserId.make("nobody") })).toBeUndefined()
    }))
})
