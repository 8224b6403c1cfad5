import path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import { inject } from "vitest"
import { nats, startNats, versionOf } from "../../../test/support/nats.ts"
import type { NatsServer } from "../../../test/support/nats.ts"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import { readConfig } from "../../config.ts"
import { noPositions } from "../../streams/LanePositions.ts"
import { Nats } from "../../streams/jetstream/NatsConnection.ts"
import { apply } from "../../streams/jetstream/verifyContracts.ts"
import { contractOf, natsLayer } from "../broker.ts"
import { judgeNats, lookAtNats } from "./natsCheck.ts"

const folder = temporaryFolders()

const configOf = (environment: Readonly<Record<string, string>>) => {
  const { config, problems } = readConfig({ PARTITIONS: "1", ...environment })
  if (config === undefined) throw new Error(problems.join())
  return config
}
const look = (environment: Readonly<Record<string, string>>) => lookAtNats(configOf(environment))

const applied = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const config = configOf(environment)
    const contract = yield* contractOf(config)
    yield* Effect.flatMap(Nats, (to) => apply(to, contract, noPositions, { dryRun: false })).pipe(
      Effect.provide(natsLayer(config)),
    )
  })

const server = (config: string): Effect.Effect<NatsServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startNats({ program: inject("natsServer"), config })),
    (started) => Effect.promise(started.remove),
  )

/** What is recommended is not what every machine has. */
const isRecommended = () => {
  const [major, minor] = versionOf(inject("natsServer"))
  return major > 2 || minor >= 12
}

describe("doctor - NATS", () => {
  it.live("without it the log stands in the database", () =>
    Effect.gen(function* () {
      const judged = yield* look({})
      expect(judged).toEqual({ status: "ok", seen: expect.stringContaining("the event log stands in the database") })
    }))

  it.live("says what it is, and how the contract stands", () =>
    Effect.gen(function* () {
      const broker = yield* nats
      const env = { NATS_URL: broker.url }
      const empty = yield* look(env)
      expect(empty).toMatchObject({ status: "warn", mend: expect.stringContaining("`tipstream streams check`") })
      expect(empty.seen).toMatch(/^nats-server \d+\.\d+\.\S+ at 127\.0\.0\.1:\d+ with JetStream; .* 0 different$/)
      yield* applied(env)
      const judged = yield* look(env)
      expect(judged.seen).toMatch(/all \d+ streams and consumers as they must be$/)
      expect([judged.status, judged.mend]).toEqual(
        isRecommended() ? ["ok", undefined] : ["warn", expect.stringContaining("2.12 or newer is recommended")],
      )
      const other = yield* look({ ...env, STREAM_LIMITS: "SIGNALS.max_msgs=7" })
      expect(other).toMatchObject({ status: "fail", seen: expect.stringContaining("0 missing, 1 different") })
      expect(other.mend).toContain("`tipstream streams check`")
    }), 30_000)

  it.live("what hinders it is told with what to do, without secrets", () =>
    Effect.gen(function* () {
      const nobody = yield* look({ NATS_URL: "nats://ann:s3cret@127.0.0.1:1" })
      expect(nobody).toMatchObject({ status: "fail", mend: expect.stringContaining("nats-server -js") })
      expect(nobody.seen).toBe("NATS at 127.0.0.1:1 (NATS_URL): connection refused")
      const bare = yield* server("jetstream: false")
      const without = yield* look({ NATS_URL: bare.url })
      expect(without.seen).toContain("JetStream is not enabled there")
      const dir = yield* Effect.promise(folder)
      const missing = yield* look({ NATS_URL: bare.url, NATS_CREDS: path.join(dir, "nats.creds") })
      expect(missing).toMatchObject({ status: "fail", seen: expect.stringMatching(/^NATS_CREDS: .* ENOENT$/) })
      const limits = yield* look({ NATS_URL: bare.url, STREAM_LIMITS: "SIGNLAS.max_msgs=7" })
      expect(limits).toMatchObject({ status: "fail", seen: expect.stringContaining("there is no stream SIGNLAS") })
    }), 30_000)

  it("an older server than is recommended is a warning, one with another contract a failure", () => {
    const facts = { server: "n:4222", hasCredentials: true }
    expect(judgeNats({ ...facts, version: "2.12.0" }, [{ state: "ok" }])).toEqual({
      status: "ok",
      seen: "nats-server 2.12.0 at n:4222 with JetStream takes NATS_CREDS; all 1 streams and consumers as they must be",
    })
    expect(judgeNats({ ...facts, version: "2.11.9" }, [{ state: "ok" }])).toMatchObject({
      status: "warn",
      mend: "nats-server 2.11.9 works; 2.12 or newer is recommended: " +
        "older ones have lost data in crashes that newer ones survive",
    })
    expect(judgeNats({ ...facts, version: "2.12.0" }, [{ state: "differs" }]).status).toBe("fail")
  })
})
