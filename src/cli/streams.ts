/** `tipstream streams check | apply`: the broker's streams and consumers beside the contract, and made like it. */
import process from "node:process"
import { Console, Effect, Layer, Logger, References } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { readConfig } from "../config.ts"
import type { Config } from "../config.ts"
import * as PostgresClient from "../store/PostgresClient.ts"
import * as SqlLanePositions from "../store/SqlLanePositions.ts"
import { differenceText, nameOf } from "../streams/contractFindings.ts"
import type { ContractFinding } from "../streams/contractFindings.ts"
import { LanePositions, noPositions } from "../streams/LanePositions.ts"
import { Nats } from "../streams/jetstream/NatsConnection.ts"
import * as Verify from "../streams/jetstream/verifyContracts.ts"
import type { ApplyStep } from "../streams/jetstream/verifyContracts.ts"
import { contractOf, natsLayer } from "./broker.ts"
import { ChecksFailed } from "./doctor.ts"
import { CannotStart } from "./problem.ts"

interface Output {
  readonly json: boolean
}

/** Standard output is for the findings. */
const toStandardError = Layer.merge(
  Logger.layer([Logger.make(({ message }) => void process.stderr.write(`${[message].flat().join(" ")}\n`))]),
  Layer.succeed(References.MinimumLogLevel, "Warn"),
)

const unanswered = (error: StoreUnavailable) =>
  new CannotStart({ lines: [`${error.operation}: NATS did not answer, or refused; try again`] })

export const check = Effect.fnUntraced(function* ({ json }: Output) {
  const config = yield* settings
  if (config.natsUrl === undefined) return yield* sayEmbedded(json)
  const contract = yield* contractOf(config)
  const findings = yield* Effect.flatMap(Nats, (nats) => Verify.check(nats, contract)).pipe(
    Effect.provide(natsLayer(config)),
    Effect.catchTag("StoreUnavailable", unanswered),
  )
  yield* Console.log(json ? JSON.stringify({ log: "jetstream", findings }, null, 2) : tableOf(findings))
  yield* judge(findings)
}, Effect.provide(toStandardError))

export const apply = Effect.fnUntraced(function* ({ json, dryRun }: Output & { readonly dryRun: boolean }) {
  const config = yield* settings
  if (config.natsUrl === undefined) return yield* sayEmbedded(json)
  const contract = yield* contractOf(config)
  const { steps, findings } = yield* Effect.gen(function* () {
    const nats = yield* Nats
    const steps = yield* Verify.apply(nats, contract, yield* positionsOf(config), { dryRun })
    return { steps, findings: yield* Verify.check(nats, contract) }
  }).pipe(Effect.provide(natsLayer(config)), Effect.catchTag("StoreUnavailable", unanswered))
  yield* Console.log(
    json
      ? JSON.stringify({ log: "jetstream", dryRun, steps, findings }, null, 2)
      : [stepsText(steps, dryRun), ...(dryRun ? [] : [tableOf(findings)])].join("\n\n"),
  )
  if (!dryRun) yield* judge(findings)
  else if (steps.some(({ changes }) => changes.some(({ refusal }) => refusal !== undefined))) {
    return yield* new ChecksFailed({ verdict: "not all of it can be changed" })
  }
}, Effect.provide(toStandardError))

/**
 * From where a durable that is made goes on. The embedded database belongs to the service, which asks it when it
 * starts: a durable made without it begins at the first event, and the inbox knows what was handled in two months.
 */
const positionsOf = (config: Config) =>
  config.databaseUrl === undefined
    ? Effect.succeed(noPositions)
    : Effect.flatMap(LanePositions, ({ read }) => read).pipe(
      Effect.provide(SqlLanePositions.layer),
      Effect.provide(
        PostgresClient.layer({ url: config.databaseUrl, poolMax: 1, applicationName: "tipstream streams" }),
      ),
      Effect.catchTag(
        ["SqlError", "StoreUnavailable"],
        () => new CannotStart({ lines: ["DATABASE_URL: the database that knows where lanes go on does not answer"] }),
      ),
    )

const settings: Effect.Effect<Config, CannotStart> = Effect.suspend(() => {
  const { config, problems } = readConfig()
  return config === undefined
    ? Effect.fail(new CannotStart({ lines: ["the configuration is not right:", ...problems.map((one) => `  ${one}`)] }))
    : Effect.succeed(config)
})

const sayEmbedded = (json: boolean) =>
  Console.log(
    json
      ? JSON.stringify({ log: "embedded" })
      : "NATS_URL is not set: the event log is the database's, and needs no streams",
  )

const judge = (findings: ReadonlyArray<ContractFinding>): Effect.Effect<void, ChecksFailed> => {
  const [missing, different] = (["missing", "differs"] as const).map((state) =>
    findings.filter((one) => one.state === state).length
  )
  return missing === 0 && different === 0
    ? Effect.void
    : Effect.fail(new ChecksFailed({ verdict: `${missing} missing, ${different} different` }))
}

const stateWidth = "other version".length + 2

const tableOf = (findings: ReadonlyArray<ContractFinding>): string =>
  findings.flatMap((one) => [
    `${one.state.replace("-", " ").padEnd(stateWidth)}${nameOf(one)}`,
    ...one.differences.map((each) => `${" ".repeat(stateWidth + 2)}${differenceText(each)}`),
  ]).join("\n")

const stepsText = (steps: ReadonlyArray<ApplyStep>, dryRun: boolean): string => {
  if (steps.length === 0) return "nothing to do"
  const would = dryRun ? "would " : ""
  return steps.flatMap((step) => [
    `${would}${step.action} ${nameOf(step)}`,
    ...step.changes.map((one) =>
      `  ${differenceText(one)}${one.refusal === undefined ? "" : ` (stays: ${one.refusal})`}`
    ),
  ]).join("\n")
}
