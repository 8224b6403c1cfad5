import { describe, expect, it } from "vitest"
import { changeOf } from "./contractChanges.ts"
import { contractFindings, differenceText, nameOf, valueText } from "./contractFindings.ts"
import { brokerContract, differences, laneContract, streamContracts } from "./contracts.ts"
import type { ContractSettings } from "./contracts.ts"
import type { ConsumerContract } from "./EventLog.ts"

const settings: ContractSettings = { partitions: 2, replicas: 1, ackWaitMs: 5_000, attemptsMax: 5, limits: [] }
const consumer: ConsumerContract = { durable: "parts", stream: "SIGNALS", ordering: "partition", batchMax: 10 }
const contract = brokerContract([consumer], settings)
const signals = streamContracts(settings)[0]!
const lane = laneContract(consumer, 0, settings).config

const withLimit = (field: "max_age" | "max_msgs" | "max_bytes", value: number) =>
  streamContracts({ ...settings, limits: [{ stream: "SIGNALS", field, value }] })[0]

describe("contract with the broker", () => {
  it("has one durable a partition, and every stream once", () => {
    expect(contract.consumers.map(({ config }) => config.filter_subject))
      .toEqual(["tenant.*.signals.*.*.00.*", "tenant.*.signals.*.*.01.*"])
    expect(contract.streams.map(({ name }) => name))
      .toEqual(["SIGNALS", "DECISIONS", "FEEDBACK", "ACCOUNTS", "DEAD_LETTERS", "ADVISORIES"])
  })

  it("takes limits of the operator, and remembers no id longer than its message", () => {
    expect(withLimit("max_msgs", 7)).toMatchObject({ max_msgs: 7, duplicate_window: 120e9 })
    expect(withLimit("max_bytes", 0)).toMatchObject({ max_bytes: -1 })
    expect(withLimit("max_age", 0)).toMatchObject({ max_age: 0, duplicate_window: 120e9 })
    expect(withLimit("max_age", 60e9)).toMatchObject({ max_age: 60e9, duplicate_window: 60e9 })
  })

  it("is kept by what servers add of their own", () => {
    const ofNew = { compression: "none", consumer_limits: {}, metadata: { "_nats.level": "5" }, allow_direct: false }
    expect(differences(signals, { ...signals, ...ofNew, sealed: false, mirror_direct: false })).toEqual([])
    expect(differences(lane, { ...lane, name: lane.durable_name, deliver_policy: "all", metadata: {} })).toEqual([])
    const { headers_only: _headersOnly, mem_storage: _memStorage, ...leftOut } = lane
    expect(differences(lane, leftOut)).toEqual([])
  })

  it("is broken by any other value of its fields, and by what makes a stream or durable something else", () => {
    for (const [field, value] of Object.entries(signals)) {
      const other = typeof value === "number" ? value + 1 : typeof value === "boolean" ? !value : "other"
      expect(differences(signals, { ...signals, [field]: other })).toEqual([{ field, wanted: value, found: other }])
    }
    for (const found of [{ mirror: { name: "X" } }, { backoff: [1] }, { filter_subjects: ["a"] }, { sealed: true }]) {
      expect(differences(lane, { ...lane, ...found })).toHaveLength(1)
    }
  })
})

describe("findings on the broker", () => {
  const [first, second] = contract.consumers.map(({ config }) => config)
  const older = `${consumer.durable}-v1-p00-00000000`

  it("tell what is missing, what differs, and durables of ours under another version", () => {
    const names = [{ ...first!, ack_wait: 1e9 }, { durable_name: older }, { durable_name: "theirs" }]
    const consumers = names.map((config) => ({ name: config.durable_name, config: { ...config } }))
    const found = contractFindings(contract, new Map([["SIGNALS", { config: { ...signals }, consumers }]]))
    const states = Object.fromEntries(found.map((one) => [nameOf(one), one.state]))
    expect(states).toMatchObject({
      "stream SIGNALS": "ok",
      "stream FEEDBACK": "missing",
      [`consumer ${first?.durable_name} of SIGNALS`]: "differs",
      [`consumer ${second?.durable_name} of SIGNALS`]: "missing",
      [`consumer ${older} of SIGNALS`]: "other-version",
    })
    expect(Object.keys(states)).toHaveLength(6 + 3)
  })

  it("are said in units people use", () => {
    expect(differenceText({ field: "max_age", wanted: 7 * 86_400e9, found: 5_400e9 }))
      .toBe("max_age: wanted 7 d, found 90 min")
    expect(valueText("ack_wait", 1_500e6)).toBe("1500 ms")
    expect(valueText("max_msg_size", 1_048_576)).toBe("1 MiB")
    expect(valueText("max_msgs", -1)).toBe("without bound")
    expect(valueText("max_age", 0)).toBe("for ever")
    expect(valueText("backoff", [1, 2])).toBe("[1,2]")
    expect(valueText("filter_subject", null)).toBe("unset")
  })

  it("are changed where a server does that, and otherwise refused with the reason", () => {
    const refusal = (kind: "stream" | "consumer", field: string, wanted: unknown) =>
      changeOf(kind, { field, wanted, found: "x" }).refusal
    expect(refusal("stream", "max_age", 1)).toBeUndefined()
    expect(refusal("consumer", "ack_wait", 1)).toBeUndefined()
    expect(refusal("stream", "retention", "limits")).toContain("nothing is ever deleted")
    expect(refusal("consumer", "max_waiting", 8)).toContain("nothing is ever deleted")
    expect(refusal("stream", "deny_purge", false)).toContain("denied once")
    expect(refusal("consumer", "backoff", null)).toContain("somebody else")
  })
})
