import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"
import { inject } from "vitest"
import { nats as startedNats, urlOf, versionOf } from "../../../test/support/nats.ts"
import { brokerContract, laneContract } from "../contracts.ts"
import type { ContractSettings } from "../contracts.ts"
import type { ConsumerContract } from "../EventLog.ts"
import { noPositions } from "../LanePositions.ts"
import { layer, Nats } from "./NatsConnection.ts"
import { apply, check, ensure } from "./verifyContracts.ts"

const settings: ContractSettings = { partitions: 2, replicas: 1, ackWaitMs: 5_000, attemptsMax: 5, limits: [] }
const parts: ConsumerContract = { durable: "parts", stream: "SIGNALS", ordering: "partition", batchMax: 10 }
const whole: ConsumerContract = { durable: "whole", stream: "FEEDBACK", ordering: "stream", batchMax: 10 }
const contractWith = (changed: Partial<ContractSettings> = {}) =>
  brokerContract([parts, whole], { ...settings, ...changed })
const contract = contractWith()
const laneName = (lane: number) => laneContract(parts, lane, settings).config.durable_name

const fresh: Effect.Effect<Nats["Service"], unknown, Scope.Scope> = Effect.gen(function* () {
  const server = yield* startedNats
  const built = yield* Layer.build(layer({ url: urlOf(server), credentials: undefined, name: "t", waitMs: 5_000 }))
  return Context.get(built, Nats)
})

const streamConfig = (nats: Nats["Service"], name: string) =>
  Effect.promise(() => nats.manager.streams.info(name).then(({ config }) => config))
const laneConfig = (nats: Nats["Service"], lane = 0) =>
  Effect.promise(() => nats.manager.consumers.info("SIGNALS", laneName(lane)).then(({ config }) => config))

const troubles = (nats: Nats["Service"]) =>
  Effect.map(check(nats, contract), (findings) => findings.filter(({ state }) => state !== "ok"))

describe("contract with the broker", () => {
  it.live("what is missing is created as it stands in the contract, and found equal again", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      expect(new Set((yield* check(nats, contract)).map(({ state }) => state))).toEqual(new Set(["missing"]))
      yield* ensure(nats, contract, noPositions)
      expect(yield* troubles(nats)).toEqual([])
      expect(yield* streamConfig(nats, "SIGNALS")).toMatchObject({ max_msgs: 500_000, max_msg_size: 1_048_576 })
      expect(yield* laneConfig(nats)).toMatchObject({ deliver_policy: "all", ack_wait: 5e9, max_deliver: 1_005 })
    }))

  it.live("eight replicas that start at once agree", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      const all = yield* Effect.forEach(Array.from({ length: 8 }), () => ensure(nats, contract, noPositions), {
        concurrency: 8,
      })
      expect(all.flat().filter(({ state }) => state !== "ok")).toEqual([])
    }))

  it.live("another contract is refused field by field, and the server stays as it was", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      const before = [yield* streamConfig(nats, "SIGNALS"), yield* laneConfig(nats)]
      const other = contractWith({
        ackWaitMs: 9_000,
        limits: [{ stream: "SIGNALS", field: "max_age", value: 86_400e9 }],
      })
      const problem = yield* Effect.flip(ensure(nats, other, noPositions))
      expect(problem.message).toContain("stream SIGNALS\n    max_age: wanted 1 d, found 7 d")
      expect(problem.message).toContain(`consumer ${laneName(0)} of SIGNALS\n    ack_wait: wanted 9 s, found 5 s`)
      expect(problem.message).toContain("tipstream streams apply")
      expect([yield* streamConfig(nats, "SIGNALS"), yield* laneConfig(nats)]).toEqual(before)
    }))

  it.live("what another contract makes after the first look is left as it is", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      const { manager } = nats
      const streams: typeof manager.streams = Object.assign(Object.create(manager.streams), {
        info: manager.streams.info.bind(manager.streams),
        add: async (config: Parameters<typeof manager.streams.add>[0]) => {
          await Effect.runPromise(ensure(nats, contract, noPositions))
          return manager.streams.add(config)
        },
      })
      const late = { ...nats, manager: Object.assign(Object.create(manager), { streams }) }
      const problem = yield* Effect.flip(ensure(late, contractWith({ ackWaitMs: 9_000 }), noPositions))
      expect(problem.message).toContain(`consumer ${laneName(0)} of SIGNALS\n    ack_wait: wanted 9 s, found 5 s`)
      expect(yield* troubles(nats)).toEqual([])
    }))

  it.live("a contract that differs somewhere creates nothing", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* Effect.promise(() => nats.manager.streams.add({ name: "SIGNALS", subjects: ["tenant.*.signals.>"] }))
      yield* Effect.flip(ensure(nats, contract, noPositions))
      const names: Array<string> = []
      yield* Effect.promise(async () => {
        for await (const { config } of nats.manager.streams.list()) names.push(config.name)
      })
      expect(names).toEqual(["SIGNALS"])
    }))

  it.live("a subject that another stream holds is told in the server's words", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* Effect.promise(() => nats.manager.streams.add({ name: "THEIRS", subjects: ["tenant.>"] }))
      const problem = yield* Effect.flip(ensure(nats, contract, noPositions))
      expect(problem.message).toMatch(/stream SIGNALS: NATS refuses it: subjects overlap.* \(10065\)/)
    }))

  it.live("a deleted durable is created again, behind what the lane had settled, and no other is touched", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      for (const index of [1, 2, 3]) {
        yield* Effect.promise(() => nats.jetstream.publish("tenant.t.signals.a.b.00.u", String(index)))
      }
      yield* Effect.promise(() => nats.manager.consumers.delete("SIGNALS", laneName(0)))
      const startAfter = (durable: string, lane: number) => durable === "parts" && lane === 0 ? 2 : undefined
      yield* ensure(nats, contract, { ...noPositions, startAfter })
      expect(yield* laneConfig(nats)).toMatchObject({ deliver_policy: "by_start_sequence", opt_start_seq: 3 })
      expect(yield* Effect.promise(() => nats.manager.consumers.info("SIGNALS", laneName(0))))
        .toMatchObject({ num_pending: 1 })
      expect(yield* troubles(nats)).toEqual([])
    }))

  it.live.each(
    [
      { max_age: 3_600e9 },
      { max_msgs: 10 },
      { max_bytes: 1_000_000 },
      { max_msg_size: 100 },
      { max_msgs_per_subject: 7 },
      { discard: "new" },
      { duplicate_window: 60e9 },
      { deny_delete: true },
      { subjects: ["tenant.*.signals.>", "more.>"] },
    ] as const,
  )("drift of a stream is seen: %o", (drift) =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      const given = { ...drift, ...("subjects" in drift ? { subjects: [...drift.subjects] } : {}) }
      yield* Effect.promise(() => nats.manager.streams.update("SIGNALS", given as { max_msgs: number }))
      expect((yield* troubles(nats)).map(({ name, differences }) => [name, differences.map(({ field }) => field)]))
        .toEqual([["SIGNALS", Object.keys(drift)]])
    }))

  it.live.each(
    [
      { ack_wait: 1e9 },
      { max_deliver: 3 },
      { max_ack_pending: 7 },
      { filter_subject: "tenant.*.signals.*.*.01.*" },
      { headers_only: true },
      { backoff: [1e9, 2e9] },
      { inactive_threshold: 60e9 },
    ] as const,
  )("drift of a durable is seen: %o", (drift) =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      yield* Effect.promise(() =>
        nats.manager.consumers.update("SIGNALS", laneName(0), drift as unknown as { max_deliver: number })
      )
      const [only, ...rest] = yield* troubles(nats)
      expect([only?.name, rest]).toEqual([laneName(0), []])
      expect(only?.differences.map(({ field }) => field)).toContain(Object.keys(drift)[0])
    }))

  it.live("filters that an old server drops, and a new one keeps, are seen either way", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      const durable = laneName(0)
      yield* Effect.promise(() => nats.manager.consumers.delete("SIGNALS", durable))
      const { durable_name, filter_subject, ...rest } = laneContract(parts, 0, settings).config
      const config = { ...rest, durable_name, filter_subjects: [filter_subject, "tenant.*.signals.x.y.01.*"] }
      const body = JSON.stringify({ stream_name: "SIGNALS", config })
      yield* Effect.promise(() =>
        nats.connection.request(`$JS.API.CONSUMER.DURABLE.CREATE.SIGNALS.${durable}`, body, { timeout: 2_000 })
      )
      const fields = (yield* troubles(nats)).flatMap(({ differences }) => differences.map(({ field }) => field))
      const [major, minor] = versionOf(inject("natsServer"))
      // 2.9 drops the filters, and the durable reads everything.
      expect(fields).toEqual(
        major === 2 && minor < 10 ? ["filter_subject"] : ["filter_subject", "filter_subjects"],
      )
    }))

  it.live("two versions of a contract live side by side, and the other one is told but not touched", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* ensure(nats, contract, noPositions)
      const wider = contractWith({ partitions: 3 })
      yield* ensure(nats, wider, noPositions)
      const found = yield* check(nats, wider)
      expect(found.filter(({ state }) => state === "other-version").map(({ name }) => name).sort())
        .toEqual([laneName(0), laneName(1)].sort())
      expect((yield* troubles(nats)).map(({ state }) => state)).toEqual([
        "other-version",
        "other-version",
        "other-version",
      ])
      yield* apply(nats, wider, noPositions, { dryRun: false })
      expect(yield* laneConfig(nats)).toMatchObject({ ack_wait: 5e9 })
    }))

  it.live("apply changes what can be changed, says why it leaves the rest, and a dry run only says", () =>
    Effect.gen(function* () {
      const nats = yield* fresh
      yield* Effect.promise(() =>
        nats.manager.streams.add({ name: "SIGNALS", subjects: ["tenant.*.signals.>"], storage: "memory", max_msgs: 7 })
      )
      const dry = yield* apply(nats, contract, noPositions, { dryRun: true })
      expect(yield* streamConfig(nats, "SIGNALS")).toMatchObject({ max_msgs: 7 })
      const wet = yield* apply(nats, contract, noPositions, { dryRun: false })
      expect(wet).toEqual(dry)
      const [signals] = wet.filter(({ name }) => name === "SIGNALS")
      expect(signals?.changes.find(({ field }) => field === "storage")?.refusal).toContain("nothing is ever deleted")
      expect(yield* streamConfig(nats, "SIGNALS")).toMatchObject({ max_msgs: 500_000, storage: "memory" })
      expect((yield* troubles(nats)).map(({ name, differences }) => [name, differences])).toEqual([
        ["SIGNALS", [{ field: "storage", wanted: "file", found: "memory" }]],
      ])
      expect((yield* apply(nats, contractWith({ ackWaitMs: 9_000 }), noPositions, { dryRun: false })).length)
        .toBeGreaterThan(1)
      expect(yield* laneConfig(nats)).toMatchObject({ ack_wait: 9e9 })
    }))
})
