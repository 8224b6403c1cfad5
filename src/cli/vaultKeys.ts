/** The key ring of the vault: as configured, or one key made once and kept in the data folder, readable by us alone. */
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import { Effect, Redacted } from "effect"
import { CannotStart } from "./problem.ts"

/** An id nobody gave before: a key that replaces a lost one must not pass for it. */
export const newVaultKey = (): string => `k${randomBytes(4).toString("hex")}:${randomBytes(32).toString("base64")}`

/** Makes the file when there is none. */
export const vaultKeys = (configured: Redacted.Redacted<string> | undefined, dataDir: string) =>
  configured !== undefined ? Effect.succeed(configured) : Effect.tryPromise({
    try: () => readOrMake(fileIn(dataDir)),
    catch: (cause) =>
      new CannotStart({ lines: [`the vault key in ${dataDir} cannot be read or made (${(cause as Error).message})`] }),
  })

/** Makes nothing. */
export const existingVaultKeys = (configured: Redacted.Redacted<string> | undefined, dataDir: string) =>
  configured !== undefined ? Effect.succeed(configured) : Effect.tryPromise({
    try: () => read(fileIn(dataDir)),
    catch: () =>
      new CannotStart({
        lines: [`there is no vault key in ${dataDir} to be read: set VAULT_KEYS or DATA_DIR to what the service has`],
      }),
  })

const fileIn = (dataDir: string) => path.join(dataDir, "vault-key")

const readOrMake = async (file: string): Promise<Redacted.Redacted<string>> => {
  await fs.mkdir(path.dirname(file), { recursive: true })
  try {
    await fs.writeFile(file, `${newVaultKey()}\n`, { mode: 0o600, flag: "wx" })
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error
  }
  return await read(file)
}

const read = async (file: string): Promise<Redacted.Redacted<string>> =>
  Redacted.make((await fs.readFile(file, "utf8")).trim(), { label: "vault keys" })
