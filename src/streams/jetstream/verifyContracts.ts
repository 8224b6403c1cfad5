/**
 * Holds the broker against the contract: looks, compares, creates what is missing, looks again. Nothing that exists is
 * changed, unless somebody asks for it with `apply`; nothing is ever deleted.
 */
import { JetStreamApiError } from "@nats-io/jetstream"
import { Effect, Schema } from "effect"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { changeOf } from "../contractChanges.ts"
import type { ContractChange } from "../contractChanges.ts"
import { contractFindings, differenceText, nameOf } from "../contractFindings.ts"
import type { ContractFinding, FoundStream } from "../contractFindings.ts"
import type { BrokerContract, LaneContract, StreamConfig } from "../contracts.ts"
import type { Positions } from "../LanePositions.ts"
import { ask, ifThere } from "./asking.ts"
import type { Nats } from "./NatsConnection.ts"

type Connected = Nats["Service"]

/** The broker holds something else than this version needs, or does not take what it needs. */
export class ContractMismatch extends Schema.TaggedError<ContractMismatch>()("ContractMismatch", {
  lines: Schema.Array(Schema.String),
}) {
  override get message() {
    return [
      "the streams or consumers on NATS are not as this version needs them; what is there was left as it is:",
      ...this.lines.map((line) => `  ${line}`),
      "`tipstream streams check` shows all of it, `tipstream streams apply --dry-run` what can be changed.",
    ].join("\n")
  }
}

/** Streams are few; each costs two questions. */
const streamsAtOnce = 4

export const check = Effect.fn("contracts.check")(function* (nats: Connected, contract: BrokerContract) {
  const found = new Map<string, FoundStream>()
  yield* Effect.forEach(
    contract.streams,
    ({ name }) =>
      Effect.map(lookAt(nats, name), (stream) => stream === undefined ? undefined : found.set(name, stream)),
    {
      concurrency: streamsAtOnce,
    },
  )
  return contractFindings(contract, found)
})

const lookAt = Effect.fnUntraced(function* (nats: Connected, name: string) {
  const info = yield* ifThere(ask(nats, `contract of ${name}`, () => nats.manager.streams.info(name)))
  if (info === undefined) return undefined
  const consumers = yield* ask(nats, `consumers of ${name}`, async () => {
    const all: Array<{ readonly name: string; readonly config: Record<string, unknown> }> = []
    for await (const { name: durable, config } of nats.manager.consumers.list(name)) {
      all.push({ name: durable, config: { ...config } })
    }
    return all
  })
  return { config: { ...info.config }, consumers }
})

/**
 * For the start of a process. Fails with a difference before anything is created, and creates only what is missing: so
 * of two versions that need different things the second stops, and the first goes on undisturbed. Equal ones may do
 * this at the same time; different ones take turns (`LanePositions.alone`), or on servers before 2.10 one may change
 * what the other has just made.
 */
export const ensure = Effect.fn("contracts.ensure")(function* (
  nats: Connected,
  contract: BrokerContract,
  positions: Positions,
) {
  const before = yield* check(nats, contract)
  yield* refuseDifferences(before)
  for (const { kind, name } of before.filter(({ state }) => state === "missing")) {
    yield* create(nats, contract, positions, kind, name)
  }
  const after = yield* check(nats, contract)
  yield* refuseDifferences(after)
  const missing = after.filter(({ state }) => state === "missing")
  if (missing.length > 0) {
    return yield* new ContractMismatch({ lines: missing.map((one) => `${nameOf(one)} is gone again`) })
  }
  return after
})

const refuseDifferences = (findings: ReadonlyArray<ContractFinding>): Effect.Effect<void, ContractMismatch> => {
  const lines = findings.flatMap((one) =>
    one.state === "differs" ? [nameOf(one), ...one.differences.map((each) => `  ${differenceText(each)}`)] : []
  )
  return lines.length === 0 ? Effect.void : Effect.fail(new ContractMismatch({ lines }))
}

export interface ApplyStep extends Pick<ContractFinding, "kind" | "stream" | "name"> {
  readonly action: "create" | "change"
  /** Of a change; those with a refusal stay as they are. */
  readonly changes: ReadonlyArray<ContractChange>
}

/** Creates what is missing and changes what the server lets change; tells each step. A dry run only tells. */
export const apply = Effect.fn("contracts.apply")(function* (
  nats: Connected,
  contract: BrokerContract,
  positions: Positions,
  { dryRun }: { readonly dryRun: boolean },
) {
  const steps = (yield* check(nats, contract)).flatMap(stepsOf)
  if (!dryRun) yield* Effect.forEach(steps, (step) => carryOut(nats, contract, positions, step), { discard: true })
  return steps
})

const stepsOf = ({ kind, stream, name, state, differences }: ContractFinding): ReadonlyArray<ApplyStep> => {
  if (state === "missing") return [{ kind, stream, name, action: "create", changes: [] }]
  if (state !== "differs") return []
  return [{ kind, stream, name, action: "change", changes: differences.map((one) => changeOf(kind, one)) }]
}

const carryOut = (nats: Connected, contract: BrokerContract, positions: Positions, step: ApplyStep) => {
  if (step.action === "create") return create(nats, contract, positions, step.kind, step.name)
  const wanted = Object.fromEntries(
    step.changes.flatMap(({ field, wanted, refusal }) => refusal === undefined ? [[field, wanted]] : []),
  )
  if (Object.keys(wanted).length === 0) return Effect.void
  const { consumers, streams } = nats.manager
  return taken(
    nameOf(step),
    ask<unknown>(
      nats,
      `change of ${nameOf(step)}`,
      () =>
        step.kind === "stream" ? streams.update(step.name, wanted) : consumers.update(step.stream, step.name, wanted),
    ),
  )
}

const create = (
  nats: Connected,
  contract: BrokerContract,
  positions: Positions,
  kind: ContractFinding["kind"],
  name: string,
): Effect.Effect<void, ContractMismatch | StoreUnavailable> => {
  const stream = kind === "stream" ? contract.streams.find((one) => one.name === name) : undefined
  if (stream !== undefined) {
    return unlessThere(
      ask(nats, `look for ${name}`, () => nats.manager.streams.info(name)),
      createStream(nats, stream, positions.publishedUntil(name)),
    )
  }
  const lane = contract.consumers.find(({ config }) => config.durable_name === name)
  if (lane === undefined) return Effect.void
  return unlessThere(
    ask(nats, `look for ${name}`, () => nats.manager.consumers.info(lane.stream, name)),
    createLane(nats, lane, positions.startAfter(lane.durable, lane.lane)),
  )
}

/** Since the first look somebody else may have made it: the next look says whether it is what we want. */
const unlessThere = <E>(looked: Effect.Effect<unknown, StoreUnavailable>, make: Effect.Effect<void, E>) =>
  Effect.flatMap(ifThere(looked), (found) => found === undefined ? make : Effect.void)

const createStream = Effect.fnUntraced(function* (nats: Connected, wanted: StreamConfig, publishedUntil: number) {
  if (publishedUntil > 0) {
    yield* Effect.logError(
      `NATS has lost stream ${wanted.name}, which had ${publishedUntil} messages: it is made anew, and gets again ` +
        "what the outbox still holds",
    )
  }
  yield* taken(
    `stream ${wanted.name}`,
    ask(
      nats,
      `creation of ${wanted.name}`,
      () => nats.manager.streams.add({ ...wanted, subjects: [...wanted.subjects] }),
    ),
  )
})

/** Never on one that exists: servers before 2.10 take that for a change; the client tells newer ones to refuse it. */
const createLane = (nats: Connected, { stream, config }: LaneContract, startAfter: number | undefined) => {
  const begin = startAfter === undefined
    ? { deliver_policy: "all" as const }
    : { deliver_policy: "by_start_sequence" as const, opt_start_seq: startAfter + 1 }
  return taken(
    `consumer ${config.durable_name} of ${stream}`,
    ask(
      nats,
      `creation of ${config.durable_name}`,
      () => nats.manager.consumers.add(stream, { ...config, ...begin }),
    ),
  )
}

/** Made between the two questions: the next look tells as well. */
const alreadyThere = new Set([10058, 10148, 10105, 10012])

/** The server's own words when it does not take it: what it lacks is for an operator to know. */
const taken = <A>(what: string, asked: Effect.Effect<A, StoreUnavailable>) =>
  asked.pipe(
    Effect.asVoid,
    Effect.catch((failure): Effect.Effect<void, ContractMismatch | StoreUnavailable> => {
      const { cause } = failure
      if (!(cause instanceof JetStreamApiError)) return Effect.fail(failure)
      if (alreadyThere.has(cause.code)) return Effect.void
      return Effect.fail(
        new ContractMismatch({ lines: [`${what}: NATS refuses it: ${cause.message} (${cause.code})`] }),
      )
    }),
  )
