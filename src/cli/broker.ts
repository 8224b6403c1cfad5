/** The broker as the settings describe it: for the service and for every command that needs it. */
import { readFileSync } from "node:fs"
import { Effect, Layer, Redacted } from "effect"
import type { Config, StreamLimit } from "../config.ts"
import { brokerContract, streamContracts } from "../streams/contracts.ts"
import type { BrokerContract, ContractSettings, LimitOverride } from "../streams/contracts.ts"
import type { BrokerUnreachable } from "../streams/jetstream/firstConnection.ts"
import * as NatsConnection from "../streams/jetstream/NatsConnection.ts"
import { consumers } from "./consumers.ts"
import { CannotStart } from "./problem.ts"

/** One connection, for as long as the scope. `NATS_URL` must be set; `waitMs` instead of `NATS_WAIT_MS`, if given. */
export const natsLayer = (
  config: Config,
  waitMs: number = config.natsWaitMs,
): Layer.Layer<NatsConnection.Nats, BrokerUnreachable | CannotStart> =>
  Layer.unwrap(Effect.gen(function* () {
    const { natsUrl, natsCreds } = config
    if (natsUrl === undefined) return yield* new CannotStart({ lines: ["NATS_URL is not set"] })
    const credentials = natsCreds === undefined ? undefined : yield* credentialsIn(natsCreds)
    return NatsConnection.layer({ url: natsUrl, credentials, name: "tipstream", waitMs })
  }))

const credentialsIn = (path: string) =>
  Effect.try({
    try: () => Redacted.make(readFileSync(path, "utf8"), { label: "NATS_CREDS" }),
    catch: (cause) =>
      new CannotStart({
        lines: [`NATS_CREDS: the file ${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? "no access"}`],
      }),
  })

/** What the broker must hold under these settings. Fails when they limit a stream that there is not. */
export const contractOf = (config: Config): Effect.Effect<BrokerContract, CannotStart> => {
  const settings = { ...settingsOf(config), limits: [] }
  const known = streamContracts(settings).map(({ name }) => name)
  const unknown = [...new Set(config.streamLimits.map(({ stream }) => stream))].filter((one) => !known.includes(one))
  if (unknown.length > 0) {
    const lines = unknown.map((name) => `STREAM_LIMITS: there is no stream ${name}; there are ${known.join(", ")}`)
    return Effect.fail(new CannotStart({ lines }))
  }
  return Effect.succeed(
    brokerContract(consumers(config), { ...settings, limits: config.streamLimits.map(limitOf) }),
  )
}

const settingsOf = (config: Config): Omit<ContractSettings, "limits"> => ({
  partitions: config.partitions,
  replicas: config.natsReplicas,
  ackWaitMs: config.consumerAckWaitMs,
  attemptsMax: config.consumerAttemptsMax,
})

const limitOf = ({ stream, field, value }: StreamLimit): LimitOverride =>
  field === "max_age_ms" ? { stream, field: "max_age", value: value * 1_000_000 } : { stream, field, value }
