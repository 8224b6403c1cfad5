/** Whether a start would accept the key ring: it must open what the database holds, where that can be asked. */
import { Effect, Layer, Logger, Redacted } from "effect"
import type { Config } from "../../config.ts"
import * as SealedBoxVault from "../../connectors/SealedBoxVault.ts"
import { coverage, expectKeys } from "../../connectors/vaultCoverage.ts"
import { lostKeyIds } from "../../connectors/vaultKeyRing.ts"
import * as PostgresClient from "../../store/PostgresClient.ts"
import * as SqlVaultRecords from "../../store/SqlVaultRecords.ts"
import { existingVaultKeys, newVaultKey } from "../vaultKeys.ts"
import { fail, ok } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"
import { embeddedUrl } from "./postgresCheck.ts"
import type { DatabaseReport } from "./postgresCheck.ts"

/** `folder` is the absolute data folder. Reads only; a key that a start would make is made for the question alone. */
export const lookAtVault = Effect.fn("doctor.lookAtVault")(
  function* (config: Config, folder: string, { server }: DatabaseReport) {
    if (server === undefined) {
      return ok(
        config.databaseUrl === undefined
          ? "not looked at: the embedded database does not run; a start looks"
          : "not looked at: the database does not answer",
      )
    }
    const url = config.databaseUrl ?? (yield* Effect.promise(() => embeddedUrl(folder)))
    if (url === undefined) return ok("not looked at: the database has just stopped")
    const keys = yield* existingVaultKeys(config.vaultKeys, config.dataDir).pipe(
      Effect.catch(() => Effect.sync(() => Redacted.make(newVaultKey()))),
    )
    const client = PostgresClient.layer({ url, poolMax: 1, applicationName: "tipstream doctor" })
    return yield* coverage(lostKeyIds(keys)).pipe(
      Effect.tap(expectKeys),
      Effect.map(() => ok("the key ring opens what is stored")),
      Effect.catchTag(
        "StoreUnavailable",
        () => Effect.succeed(ok("not looked at: the tables are not there yet, or of an older version; a start looks")),
      ),
      Effect.provide(Layer.merge(SqlVaultRecords.layer.pipe(Layer.provide(client)), SealedBoxVault.layer(keys))),
      // Tables that are not there yet are no event.
      Effect.provide(Logger.layer([])),
      Effect.catchTags({
        VaultKeysMissing: (error) => Effect.succeed(inTwo(error)),
        VaultKeysInvalid: (error) => Effect.succeed(inTwo(error)),
      }),
    )
  },
)

/** Their first line says what is wrong, those below what to do. */
const inTwo = ({ message }: { readonly message: string }): Judgement => {
  const [seen = "", ...mends] = message.split("\n").map((line) => line.trim())
  return fail(seen.replace(/:$/, ""), mends.length === 0 ? "correct VAULT_KEYS" : mends.join("; "))
}
