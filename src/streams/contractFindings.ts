/** What a look at the broker found of the contract, and how it is said to people. Pure. */
import type { BrokerContract, FieldDifference } from "./contracts.ts"
import { differences } from "./contracts.ts"

export interface ContractFinding {
  readonly kind: "stream" | "consumer"
  readonly stream: string
  /** The stream's, or the durable's on the broker. */
  readonly name: string
  /** `other-version`: a durable of ours that this contract does not name; an older or newer release reads with it. */
  readonly state: "ok" | "missing" | "differs" | "other-version"
  readonly differences: ReadonlyArray<FieldDifference>
}

/** What the server has, by the names the contract asks for. */
export interface FoundStream {
  readonly config: Readonly<Record<string, unknown>>
  readonly consumers: ReadonlyArray<{ readonly name: string; readonly config: Readonly<Record<string, unknown>> }>
}

export const contractFindings = (
  contract: BrokerContract,
  found: ReadonlyMap<string, FoundStream>,
): ReadonlyArray<ContractFinding> => {
  const streams = contract.streams.map((wanted) =>
    findingOf("stream", wanted.name, wanted.name, wanted, found.get(wanted.name)?.config)
  )
  const consumers = contract.consumers.map(({ stream, config }) => {
    const there = found.get(stream)?.consumers.find(({ name }) => name === config.durable_name)
    return findingOf("consumer", stream, config.durable_name, config, there?.config)
  })
  const wanted = new Set(contract.consumers.map(({ config }) => config.durable_name))
  const ours = new Set(contract.consumers.map(({ durable }) => durable))
  const others = [...found].flatMap(([stream, { consumers }]) =>
    consumers.flatMap(({ name }): ReadonlyArray<ContractFinding> =>
      !wanted.has(name) && ours.has(consumerOf(name) ?? "")
        ? [{ kind: "consumer", stream, name, state: "other-version", differences: [] }]
        : []
    )
  )
  return [...streams, ...consumers, ...others]
}

const findingOf = (
  kind: ContractFinding["kind"],
  stream: string,
  name: string,
  wanted: Parameters<typeof differences>[0],
  found: Readonly<Record<string, unknown>> | undefined,
): ContractFinding => {
  if (found === undefined) return { kind, stream, name, state: "missing", differences: [] }
  const different = differences(wanted, found)
  return { kind, stream, name, state: different.length === 0 ? "ok" : "differs", differences: different }
}

/** The consumer of ours that a durable's name was made for; undefined when it is not of that form. */
const consumerOf = (durableName: string): string | undefined =>
  /^(.+)-v\d+-(?:all|p\d\d)-[0-9a-f]{8}$/.exec(durableName)?.[1]

export const nameOf = ({ kind, stream, name }: Pick<ContractFinding, "kind" | "stream" | "name">): string =>
  kind === "stream" ? `stream ${name}` : `consumer ${name} of ${stream}`

/** For example `max_age: wanted 7 d, found 1 d`. */
export const differenceText = ({ field, wanted, found }: FieldDifference): string =>
  `${field}: wanted ${valueText(field, wanted)}, found ${valueText(field, found)}`

/** In the largest unit that shows it exactly; times are nanoseconds on the wire. */
export const valueText = (field: string, value: unknown): string => {
  if (value === null || value === undefined) return "unset"
  if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value)
  if (timeFields.has(field)) return value === 0 ? "for ever" : inUnits(value, timeUnits)
  if (value === -1) return "without bound"
  return byteFields.has(field) ? inUnits(value, byteUnits) : String(value)
}

const timeFields = new Set(["max_age", "duplicate_window", "ack_wait", "inactive_threshold", "max_expires"])
const byteFields = new Set(["max_bytes", "max_msg_size"])

const timeUnits = [
  [86_400e9, "d"],
  [3_600e9, "h"],
  [60e9, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1, "ns"],
] as const
const byteUnits = [[1_073_741_824, "GiB"], [1_048_576, "MiB"], [1_024, "KiB"], [1, "B"]] as const

const inUnits = (value: number, units: ReadonlyArray<readonly [number, string]>): string => {
  const [size, unit] = units.find(([one]) => value !== 0 && value % one === 0) ?? units.at(-1)!
  return `${value / size} ${unit}`
}
