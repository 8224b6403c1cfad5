/** `tipstream vault`: the keys that seal tokens beside what they sealed, and the sweep that lets one be retired. */
import process from "node:process"
import { Console, Effect, Layer, Logger, Redacted, References } from "effect"
import { readConfig } from "../config.ts"
import type { Config } from "../config.ts"
import * as SealedBoxVault from "../connectors/SealedBoxVault.ts"
import { coverage } from "../connectors/vaultCoverage.ts"
import type { VaultCoverage, VaultKeyUse } from "../connectors/vaultCoverage.ts"
import { lostKeyIds } from "../connectors/vaultKeyRing.ts"
import { VaultRecords } from "../connectors/VaultRecords.ts"
import { reseal as sweep } from "../connectors/vaultReseal.ts"
import * as PostgresClient from "../store/PostgresClient.ts"
import { failureOf, whereOf } from "../store/PostgresProbe.ts"
import * as SqlVaultRecords from "../store/SqlVaultRecords.ts"
import { ChecksFailed } from "./doctor.ts"
import { embeddedDatabase } from "./embeddedDatabase.ts"
import { CannotStart } from "./problem.ts"
import { existingVaultKeys, newVaultKey } from "./vaultKeys.ts"

interface Output {
  readonly json: boolean
}

export const show = Effect.fnUntraced(
  function* ({ json }: Output) {
    const { layer, lost } = yield* surroundings
    const found = yield* coverage(lost).pipe(Effect.provide(layer), Effect.catchTags(refusals))
    yield* Console.log(json ? jsonOf(found) : textOf(found))
    yield* judge(found)
  },
  Effect.scoped,
  Effect.provide(Layer.suspend(() => toStandardError)),
)

export const reseal = Effect.fnUntraced(
  function* ({ json }: Output) {
    const { layer, lost } = yield* surroundings
    const { report, found } = yield* Effect.gen(function* () {
      const report = yield* sweep({ pauseMs: 0 })
      return { report, found: yield* coverage(lost) }
    }).pipe(Effect.provide(layer), Effect.catchTags(refusals))
    const { resealed, changed, unreadable } = report
    yield* Console.log(
      json
        ? JSON.stringify(report, null, 2)
        : `${resealed} sealed anew, ${changed} changed meanwhile, ${unreadable} cannot be opened\n\n${textOf(found)}`,
    )
    yield* judge(found)
  },
  Effect.scoped,
  Effect.provide(Layer.suspend(() => toStandardError)),
)

/** The only secret any command prints. */
export const newKey = Effect.suspend(() => Console.log(newVaultKey()))

const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${text}\n`))

/** Standard output is for what was found. */
const toStandardError = Layer.merge(
  Logger.layer([Logger.make(({ message }) => void process.stderr.write(`${[message].flat().join(" ")}\n`))]),
  Layer.succeed(References.MinimumLogLevel, "Info"),
)

/** The ring, and the records of the database the service uses. */
const surroundings = Effect.gen(function* () {
  const { config, problems } = readConfig()
  if (config === undefined) {
    return yield* new CannotStart({
      lines: ["the configuration is not right:", ...problems.map((problem) => `  ${problem}`)],
    })
  }
  const keys = yield* existingVaultKeys(config.vaultKeys, config.dataDir)
  const url = yield* databaseOf(config)
  const client = PostgresClient.layer({ url, poolMax: 2, applicationName: "tipstream vault" })
  const layer = SqlVaultRecords.layer.pipe(
    Layer.provide(client),
    Layer.catchTag("SqlError", ({ reason }) => {
      const { message } = failureOf(whereOf(Redacted.value(url)), reason.cause)
      return Layer.effect(VaultRecords, Effect.fail(new CannotStart({ lines: [message] })))
    }),
    Layer.merge(SealedBoxVault.layer(keys)),
  )
  return { lost: lostKeyIds(keys), layer }
})

const databaseOf = (config: Config) =>
  config.databaseUrl === undefined
    ? embeddedDatabase(config.dataDir, nothingThere, say)
    : Effect.succeed(config.databaseUrl)

const nothingThere = (folder: string) =>
  `there is no database in ${folder}: set DATA_DIR or DATABASE_URL to what the service has`

const refusals = {
  StoreUnavailable: () =>
    Effect.fail(
      new CannotStart({
        lines: ["the stored tokens cannot be read; a database of an older version is brought up to date by a start"],
      }),
    ),
}

const judge = ({ keys }: VaultCoverage): Effect.Effect<void, ChecksFailed> => {
  const bad = keys.filter(({ state }) => state === "missing" || state === "other")
  if (bad.length === 0) return Effect.void
  const what = bad.some(({ records }) => records > 0)
    ? "tokens that do not open"
    : "the database belongs to an installation with another key ring"
  return Effect.fail(new ChecksFailed({ verdict: `${bad.map(({ id }) => id).join(", ")}: ${what}` }))
}

const canRetire = ({ state, records, isWitness }: VaultKeyUse): boolean =>
  records === 0 && !isWitness && state !== "active"

const jsonOf = ({ keys, damaged, outdated }: VaultCoverage): string =>
  JSON.stringify(
    {
      keys: keys.map((key) => ({ id: key.id, state: key.state, records: key.records, canRetire: canRetire(key) })),
      damaged,
      outdated,
    },
    null,
    2,
  )

const meanings: Record<VaultKeyUse["state"], string> = {
  active: "seals",
  opens: "opens what it sealed; can go when nothing is left: tipstream vault reseal",
  lost: "given up; can go when its users have connected again",
  missing: "not in the key ring: add it, or say that it is lost",
  other: "another key than the one that sealed: put that one back, or give this one another id",
}

const textOf = ({ keys, damaged }: VaultCoverage): string => {
  const width = Math.max(...keys.map(({ id }) => id.length)) + 2
  const lines = keys.map((key) => {
    const meaning = canRetire(key) ? "nothing is sealed with it: can be taken out of the key ring" : meanings[key.state]
    return `${key.id.padEnd(width)}${String(key.records).padStart(8)} ${
      key.records === 1 ? "token " : "tokens"
    }  ${meaning}`
  })
  return [...lines, ...(damaged === 0 ? [] : [`${damaged} tokens are damaged beyond any key`])].join("\n")
}
