/** What servers, old and new, do with settings of what exists: why a contract is compared before and after. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import { isDeepStrictEqual } from "node:util"
import { inject } from "vitest"
import { natsOfFile, versionOf } from "../../../test/support/nats.ts"
import { changeOf } from "../contractChanges.ts"
import { addLane, addStream, ms, sideOf } from "./serverSide.fixture.ts"
import type { Side } from "./serverSide.fixture.ts"

const file = natsOfFile()
const [major, minor] = versionOf(inject("natsServer"))
const isOld = major === 2 && minor < 10

const test = (fact: string, body: (side: Side) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(fact, () => Effect.scoped(Effect.flatMap(Effect.suspend(() => sideOf(file.server)), body)))

/**
 * Fields of the contract, each with another value than the stream and the durable of the test have. Without
 * `max_consumers`, which newer servers change and we do not: nobody needs that.
 */
const streamChanges: ReadonlyArray<readonly [field: string, wanted: unknown]> = [
  ["subjects", ["FIELDS.>", "MORE.>"]],
  ["duplicate_window", 60_000 * ms],
  ["max_age", 700_000 * ms],
  ["max_msgs", 1_000],
  ["max_bytes", 1_000_000],
  ["max_msg_size", 10_000],
  ["max_msgs_per_subject", 500],
  ["discard", "new"],
  ["deny_delete", true],
  ["deny_purge", true],
  ["deny_delete", false],
  ["deny_purge", false],
  ["retention", "workqueue"],
  ["storage", "memory"],
]
const laneChanges: ReadonlyArray<readonly [field: string, wanted: unknown]> = [
  ["ack_wait", 9_000 * ms],
  ["max_deliver", 7],
  ["max_ack_pending", 50],
  ["filter_subject", "FIELDS.a"],
  ["headers_only", true],
  ["ack_policy", "all"],
  ["replay_policy", "original"],
  ["max_waiting", 3],
]

describe("settings of a server", () => {
  test("of a durable are changed on an old server by whoever adds it with others, and kept by a new one", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "CHANGED")
      yield* addLane(side, "CHANGED", { ack_wait: 1_000 * ms })
      const again = yield* Effect.exit(Effect.tryPromise(() =>
        side.nats.manager.consumers.add("CHANGED", {
          durable_name: "lane",
          ack_policy: "explicit",
          ack_wait: 9_000 * ms,
          max_ack_pending: 100,
        })
      ))
      expect(again._tag).toBe(isOld ? "Success" : "Failure")
      const { config } = yield* Effect.promise(() => side.nats.manager.consumers.info("CHANGED", "lane"))
      expect(config.ack_wait).toBe((isOld ? 9_000 : 1_000) * ms)
    }))

  test("change where we say that a server changes them, and nowhere else", (side) =>
    Effect.gen(function* () {
      const { consumers, streams } = side.nats.manager
      yield* addStream(side, "FIELDS", { max_age: 600_000 * ms })
      yield* addLane(side, "FIELDS", { filter_subject: "FIELDS.>" })
      const changes = async (kind: "stream" | "consumer", field: string, wanted: unknown) => {
        const { refusal } = changeOf(kind, { field, wanted, found: null })
        const asked = kind === "stream"
          ? streams.update("FIELDS", { [field]: wanted })
          : consumers.update("FIELDS", "lane", { [field]: wanted })
        const isTaken = await asked.then(() => true, () => false)
        const info = kind === "stream" ? await streams.info("FIELDS") : await consumers.info("FIELDS", "lane")
        const isThere = isDeepStrictEqual((info.config as unknown as Record<string, unknown>)[field], wanted)
        return { field, isChanged: isTaken && isThere, isSaid: refusal === undefined }
      }
      const found = [
        ...yield* Effect.forEach(streamChanges, (change) => Effect.promise(() => changes("stream", ...change))),
        ...yield* Effect.forEach(laneChanges, (change) => Effect.promise(() => changes("consumer", ...change))),
      ]
      expect(found.filter(({ isChanged, isSaid }) => isChanged !== isSaid)).toEqual([])
    }))

  test("of an existing stream are refused when others are added, and taken when the same are", (side) =>
    Effect.gen(function* () {
      yield* addStream(side, "SAME", { max_msgs: 10 })
      yield* addStream(side, "SAME", { max_msgs: 10 })
      const other = side.nats.manager.streams.add({ name: "SAME", subjects: ["SAME.>"], max_msgs: 11 })
      expect(yield* Effect.promise(() => other.then(() => "taken", ({ code }) => code))).toBe(10058)
    }))
})
