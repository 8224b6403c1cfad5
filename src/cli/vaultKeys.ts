/** The key ring of the vault: as configured, or one key made once and kept in the data folder, readable by us alone. */
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import { Effect, Redacted } from "effect"
import { CannotStart } from "./problem.ts"

export const vaultKeys = (configured: Redacted.Redacted<string> | undefined, dataDir: string) =>
  configured !== undefined ? Effect.succeed(configured) : Effect.tryPromise({
    try: () => readOrMake(path.join(dataDir, "vault-key")),
    catch: (cause) =>
      new CannotStart({ lines: [`the vault key in ${dataDir} cannot be read or made (${(cause as Error).message})`] }),
  })

const readOrMake = async (file: string): Promise<Redacted.Redacted<string>> => {
  await fs.mkdir(path.dirname(file), { recursive: true })
  try {
    await fs.writeFile(file, `k1:${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx" })
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error
  }
  return Redacted.make((await fs.readFile(file, "utf8")).trim(), { label: "vault keys" })
}
