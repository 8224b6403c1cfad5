import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import { nats } from "../../test/support/nats.ts"
import { readConfig } from "../config.ts"
import * as LogSignals from "../store/LogSignals.ts"
import * as SqlDeadLetters from "../store/SqlDeadLetters.ts"
import { Nats } from "../streams/jetstream/NatsConnection.ts"
import { check } from "../streams/jetstream/verifyContracts.ts"
import { contractOf, natsLayer } from "./broker.ts"
import { eventLog } from "./eventLog.ts"

const configOf = (natsUrl: string, ackWaitMs: number) => {
  const { config, problems } = readConfig({
    NATS_URL: natsUrl,
    NATS_WAIT_MS: "0",
    PARTITIONS: "8",
    CONSUMER_ACK_WAIT_MS: String(ackWaitMs),
  })
  if (config === undefined) throw new Error(problems.join("\n"))
  return config
}

describe("the event log on NATS", () => {
  it.live(
    "of replicas with two contracts that start at once on an empty server those of one start, and it holds",
    () =>
      Effect.gen(function* () {
        const { url } = yield* nats
        const configs = [5_000, 9_000, 5_000, 9_000].map((ackWaitMs) => configOf(url, ackWaitMs))
        const started = yield* Effect.forEach(
          configs,
          (config, index) => Effect.exit(Layer.build(Layer.fresh(eventLog(config, `replica ${index}`)))),
          { concurrency: configs.length },
        )
        const up = started.map(({ _tag }) => _tag === "Success")
        const winner = up[0] === true ? 0 : 1
        expect(up).toEqual([0, 1, 2, 3].map((index) => index % 2 === winner))
        const findings = yield* Effect.flatMap(
          contractOf(configs[winner]!),
          (contract) => Effect.flatMap(Nats, (connected) => check(connected, contract)),
        ).pipe(Effect.provide(natsLayer(configs[winner]!)))
        expect(findings.filter(({ state }) => state !== "ok")).toEqual([])
        const sql = yield* SqlClient.SqlClient
        expect(yield* sql`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7190003`).toEqual([])
      }).pipe(
        Effect.scoped,
        Effect.provide(
          SqlDeadLetters.layer.pipe(Layer.provideMerge(LogSignals.layer), Layer.provideMerge(MigratedDatabase.layer)),
        ),
      ),
    40_000,
  )
})
