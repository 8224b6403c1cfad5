import { Effect, Redacted } from "effect"
import postgres from "postgres"
import { afterAll, describe, expect, it } from "vitest"
import { createDatabase, database, databaseOfFile } from "./postgres.ts"

const query = async (url: string, statement: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const sql = postgres(url, { max: 1 })
  try {
    return await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

describe("test databases", () => {
  const file = databaseOfFile()
  const other = databaseOfFile()
  const held: Array<postgres.Sql> = []

  afterAll(async () => {
    for (const sql of held) await sql.end()
  })

  it("two of them share nothing", async () => {
    await query(file.url, "CREATE TABLE seen (id integer)")
    expect(await query(other.url, "SELECT to_regclass('seen') AS found")).toEqual([{ found: null }])
  })

  it("the tests of one file share the file's", async () => {
    expect(await query(file.url, "SELECT count(*)::integer AS rows FROM seen")).toEqual([{ rows: 0 }])
  })

  it("dropping one works while somebody is connected", async () => {
    const doomed = await createDatabase()
    const sql = postgres(doomed.url, { max: 1 })
    held.push(sql)
    await sql`SELECT 1`
    await doomed.drop()
    await expect(query(doomed.url, "SELECT 1")).rejects.toThrow("does not exist")
  })

  it("one that an effect holds is gone when its scope closes", async () => {
    const url = await Effect.runPromise(Effect.scoped(Effect.map(database, Redacted.value)))
    await expect(query(url, "SELECT 1")).rejects.toThrow("does not exist")
  })
})
