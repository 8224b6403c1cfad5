import fs from "node:fs/promises"
import path from "node:path"
import postgres from "postgres"
import { Cause, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { TenantId, UserId } from "../../schemas/ids.ts"
import * as SealedBoxVault from "../connectors/SealedBoxVault.ts"
import { keyIdOf, TokenVault } from "../connectors/TokenVault.ts"
import { migrate } from "../store/migrate.ts"
import * as SqlVaultRecords from "../store/SqlVaultRecords.ts"
import * as PostgresClient from "../store/PostgresClient.ts"
import { eventually } from "../../test/support/eventually.ts"
import { databaseOfFile } from "../../test/support/postgres.ts"
import { spawnService } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import { existingVaultKeys, newVaultKey, vaultKeys } from "./vaultKeys.ts"
import * as VaultService from "./vaultService.ts"

const file = databaseOfFile()
const folder = temporaryFolders()
const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString("base64")}`
const both = `${key("k2", 2)},${key("k1", 1)}`
/** A runtime starts on a busy machine. */
const patienceMs = 60_000

const client = () =>
  PostgresClient.layer({ url: Redacted.make(file.url), poolMax: 2, applicationName: "tipstream test" })
let sql: postgres.Sql
beforeAll(async () => {
  await Effect.runPromise(Effect.scoped(Effect.provide(migrate, client())))
  sql = postgres(file.url, { max: 1, onnotice: () => {} })
})
afterAll(() => sql.end({ timeout: 5 }))
beforeEach(() => sql`WITH gone AS (DELETE FROM users) DELETE FROM vault_witness`)

const connect = async (userId: string, keys: string) => {
  const sealed = await Effect.runPromise(
    TokenVault.use((vault) =>
      vault.seal({ tenantId: TenantId.make("default"), userId: UserId.make(userId) }, "todoist", {
        accessToken: Redacted.make("the-canary-token"),
        refreshToken: null,
        expiresAtMs: null,
        scopes: null,
        familyId: "f",
        issuedAtMs: 0,
      })
    ).pipe(Effect.provide(SealedBoxVault.layer(Redacted.make(keys)))),
  )
  await sql`INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
    VALUES ('default', ${userId}, 'test', ${userId}, '', 'UTC', 0)`
  await sql`INSERT INTO connections (tenant_id, user_id, provider, status, sealed_token, family_id, connected_at_ms)
    VALUES ('default', ${userId}, 'todoist', 'connected', ${Buffer.from(sealed)}, 'f', 0)`
}

const keyIds = async () =>
  (await sql<Array<{ sealed_token: Uint8Array }>>`SELECT sealed_token FROM connections ORDER BY user_id`)
    .map((row) => keyIdOf(row.sealed_token))

const run = async (args: string, keys: string) => {
  const child = spawnService({
    args: ["vault", ...args.split(" ").filter((arg) => arg !== "")],
    env: { DATA_DIR: path.join(await folder(), "none"), DATABASE_URL: file.url, VAULT_KEYS: keys },
  })
  const { code } = await child.ended
  const [output, errors] = [child.output(), child.errors()]
  expect(output).not.toContain("the-canary-token")
  for (const one of keys.split(",")) expect(output).not.toContain(one.split(":")[1])
  return {
    code,
    errors,
    json: () => JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)),
    output,
  }
}

/** The vault of a service that starts on this database and stops again. */
const started = async (keys: string, until: () => Promise<unknown> = () => Promise.resolve()) => {
  const scope = Scope.makeUnsafe()
  const exit = await Effect.runPromise(
    Effect.exit(
      Layer.buildWithScope(
        VaultService.layer(Redacted.make(keys)).pipe(Layer.provide(SqlVaultRecords.layer), Layer.provide(client())),
        scope,
      ),
    ),
  )
  if (Exit.isSuccess(exit)) await until()
  await Effect.runPromise(Scope.close(scope, Exit.void))
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
}

describe("tipstream vault", () => {
  it("tells which key seals, what each sealed, and which can go", async () => {
    await connect("u1", key("k1", 1))
    await connect("u2", both)
    const { code, json } = await run("--json", `${both},${key("k0", 3)}`)
    expect([code, json()]).toEqual([0, {
      keys: [
        { id: "k2", state: "active", records: 1, canRetire: false },
        { id: "k1", state: "opens", records: 1, canRetire: false },
        { id: "k0", state: "opens", records: 0, canRetire: true },
      ],
      damaged: 0,
      outdated: 1,
    }])
  }, patienceMs)

  it("reseal brings everything to the active key; then the old one can go", async () => {
    for (const user of ["u1", "u2", "u3"]) await connect(user, key("k1", 1))
    const { code, output } = await run("reseal", both)
    expect(code).toBe(0)
    expect(output).toContain("3 sealed anew, 0 changed meanwhile, 0 cannot be opened")
    expect(output).toMatch(/k1 +0 tokens {2}nothing is sealed with it/)
    expect(await keyIds()).toEqual(["k2", "k2", "k2"])
  }, patienceMs)

  it("ends with 1 when tokens do not open, and changes none of them", async () => {
    await connect("u1", key("k1", 1))
    const { code, errors } = await run("reseal", key("k2", 2))
    expect([code, await keyIds()]).toEqual([1, ["k1"]])
    expect(errors).toContain("tipstream: k1: tokens that do not open")
  }, patienceMs)
})

describe("a start", () => {
  it("is refused when the ring lacks a key, and goes on when that one is said to be lost", async () => {
    await connect("u1", key("k1", 1))
    await expect(started(key("k2", 2))).rejects.toThrow(/1 token is sealed with key k1, which is not in it/)
    await started(`${key("k2", 2)},k1:lost`)
    expect(await keyIds()).toEqual(["k1"])
  })

  it("brings old records to the active key by itself", async () => {
    await connect("u1", key("k1", 1))
    await started(
      both,
      () => eventually("the token is sealed by k2", async () => (await keyIds())[0] === "k2" ? true : undefined),
    )
    expect(await keyIds()).toEqual(["k2"])
  })
})

describe("two processes on one database", () => {
  it("with keys of their own: the second is refused before anybody connected, also when both start", async () => {
    await started(key("k1", 1))
    await started(key("k1", 1))
    await expect(started(key("k2", 2))).rejects.toThrow(/belongs to an installation with another key ring, of key k1/)
    await sql`DELETE FROM vault_witness`
    const both = await Promise.allSettled([started(key("k1", 1)), started(key("k2", 2))])
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"])
  })

  it("a lost key is given up with the witness it sealed, and from then on the ring is the new one's", async () => {
    await started(key("k1", 1))
    await started(`${key("k2", 2)},k1:lost`)
    await started(key("k2", 2))
    await expect(started(key("k1", 1))).rejects.toThrow(/another key ring, of key k2/)
  })

  it("tipstream vault counts the witness as no token, and knows a stranger's ring by it", async () => {
    await started(key("k1", 1))
    const { code, json } = await run("--json", both)
    expect([code, json()]).toEqual([0, {
      keys: [
        { id: "k2", state: "active", records: 0, canRetire: false },
        { id: "k1", state: "opens", records: 0, canRetire: false },
      ],
      damaged: 0,
      outdated: 0,
    }])
    const stranger = await run("", key("k2", 2))
    expect([stranger.code, stranger.errors]).toEqual([
      1,
      "tipstream: k1: the database belongs to an installation with another key ring\n",
    ])
    expect((await run("reseal", both)).output).toContain("0 sealed anew")
    await started(key("k2", 2))
  }, patienceMs)
})

describe("the key in the data folder", () => {
  it("is made once, readable by its owner alone, under an id nobody gave before", async () => {
    const dataDir = path.join(await folder(), "data")
    const made = await Effect.runPromise(vaultKeys(undefined, dataDir))
    expect(Redacted.value(made)).toMatch(/^k[0-9a-f]{8}:[A-Za-z0-9+/]{43}=$/)
    expect(Redacted.value(await Effect.runPromise(vaultKeys(undefined, dataDir)))).toBe(Redacted.value(made))
    expect((await fs.stat(path.join(dataDir, "vault-key"))).mode & 0o777).toBe(0o600)
    expect(newVaultKey().split(":")[0]).not.toBe(newVaultKey().split(":")[0])
  })

  it("that was there before is used as it is", async () => {
    const dataDir = await folder()
    await fs.writeFile(path.join(dataDir, "vault-key"), `${key("k1", 1)}\n`)
    for (const read of [vaultKeys, existingVaultKeys]) {
      expect(Redacted.value(await Effect.runPromise(read(undefined, dataDir)))).toBe(key("k1", 1))
    }
  })

  it("is not made by a command that only looks", async () => {
    const dataDir = await folder()
    expect(await Effect.runPromise(Effect.flip(existingVaultKeys(undefined, dataDir)))).toMatchObject({
      _tag: "CannotStart",
    })
    expect(await fs.readdir(dataDir)).toEqual([])
  })
})
