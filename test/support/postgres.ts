/**
 * Databases for tests: each one fresh, of a unique name, on the server that `globalSetup.ts` provides. Test files run
 * at the same time, so none may use another's, nor the server's own.
 */
import { Effect, Redacted, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import postgres from "postgres"
import { afterAll, beforeAll, inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** Of a role that may create databases; `globalSetup.ts` provides it. */
    readonly postgresUrl: string
  }
}

export interface TestDatabase {
  readonly url: string
  /** Cuts off whoever is still connected. */
  readonly drop: () => Promise<void>
}

/** Holds nothing but what an empty Postgres database holds. Makes 300 files, in 0.1 to 0.3 s: one per test file. */
export const createDatabase = async (server = inject("postgresUrl")): Promise<TestDatabase> => {
  const name = `test_${randomBytes(8).toString("hex")}`
  // Nobody can be connected to template0, which would make creating from it fail.
  await execute(server, `CREATE DATABASE ${name} TEMPLATE template0`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => dropped(server, name) }
}

/** A worker of the server that cleans up there is the superuser's: nobody else may cut it off, so it is waited for. */
const dropped = async (server: string, name: string): Promise<void> => {
  for (let tries = 1;; tries++) {
    try {
      return await execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    } catch (cause) {
      if ((cause as { readonly code?: string }).code !== insufficientPrivilege || tries >= dropTriesMax) throw cause
      await new Promise((resolve) => setTimeout(resolve, dropPauseMs))
    }
  }
}

const insufficientPrivilege = "42501"
const dropTriesMax = 50
const dropPauseMs = 200

/** One database for all tests of the file (or of the `describe`) that calls it. `url` is there once tests run. */
export const databaseOfFile = (): { readonly url: string } => {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(async () => {
    await database?.drop()
  })
  return {
    get url() {
      if (database === undefined) throw new Error("the test database exists from beforeAll to afterAll only")
      return database.url
    },
  }
}

/** One database for as long as the scope. */
export const database: Effect.Effect<Redacted.Redacted<string>, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => createDatabase()),
  ({ drop }) => Effect.promise(drop),
).pipe(Effect.map(({ url }) => Redacted.make(url)))

const execute = async (url: string, statement: string): Promise<void> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
