/** The event log an installation is set up with: in its database, or on NATS. Call sites never know which. */
import { Effect, Layer } from "effect"
import type { Config } from "../config.ts"
import * as LogSignals from "../store/LogSignals.ts"
import * as SqlEventLog from "../store/SqlEventLog.ts"
import * as SqlLaneAttempts from "../store/SqlLaneAttempts.ts"
import * as SqlLaneLeases from "../store/SqlLaneLeases.ts"
import * as SqlLanePositions from "../store/SqlLanePositions.ts"
import * as SqlOutboxRows from "../store/SqlOutboxRows.ts"
import * as JetStreamBroker from "../streams/jetstream/JetStreamBroker.ts"
import * as JetStreamEventLog from "../streams/jetstream/JetStreamEventLog.ts"
import { Nats } from "../streams/jetstream/NatsConnection.ts"
import * as Relay from "../streams/jetstream/Relay.ts"
import { renewalsPerLease } from "../streams/jetstream/laneKeeper.ts"
import { notePositions } from "../streams/jetstream/notePositions.ts"
import { versionAdvice } from "../streams/jetstream/recommendedVersion.ts"
import { refuseStrangers } from "../streams/jetstream/refuseStrangers.ts"
import { replayStream, sequenceAt } from "../streams/jetstream/replayStream.ts"
import { ensure } from "../streams/jetstream/verifyContracts.ts"
import { LanePositions } from "../streams/LanePositions.ts"
import { contractOf, natsLayer } from "./broker.ts"
import { consumers } from "./consumers.ts"

/** The log over a migrated database, and all that moves events there. */
export const eventLog = (config: Config, holder: string) =>
  config.natsUrl === undefined ? SqlEventLog.layer({ partitions: config.partitions, holder }) : onNats(config, holder)

const onNats = (config: Config, holder: string) => {
  const { consumerAckWaitMs: ackWaitMs, partitions } = config
  const leases = SqlLaneLeases.layer({ holder, ackWaitMs, ...leaseTimes(ackWaitMs) })
  return log(config).pipe(
    Layer.provide(relay(config)),
    Layer.provide([leases, SqlLaneAttempts.layer]),
    // Before anything is published or read.
    Layer.provide(contracts(config)),
    // Refuses an installation of another number of partitions, before anything is made on the server.
    Layer.provide(SqlOutboxRows.layer({ partitions, holder })),
    Layer.provide(JetStreamBroker.layer),
    Layer.provide(natsLayer(config)),
  )
}

const contracts = (config: Config) =>
  Layer.effectDiscard(Effect.gen(function* () {
    const { alone, read } = yield* LanePositions
    yield* refuseStrangers
    const contract = yield* contractOf(config)
    const nats = yield* Nats
    const advice = versionAdvice(nats.connection.info?.version ?? "0")
    if (advice !== undefined) yield* Effect.logWarning(advice)
    yield* alone(ensure(nats, contract, yield* read))
    yield* Effect.forkScoped(notePositions(contract.consumers))
  })).pipe(Layer.provide(SqlLanePositions.layer))

const relay = (config: Config) =>
  Layer.unwrap(Effect.gen(function* () {
    const { appended } = yield* LogSignals.LogSignals
    const { reconnected } = yield* Nats
    return Relay.layer({ appended, reconnected, alarmRows: config.outboxAlarm })
  }))

const log = (config: Config) =>
  Layer.unwrap(Effect.gen(function* () {
    const nats = yield* Nats
    const { state } = yield* Relay.Relay
    return JetStreamEventLog.layer({
      partitions: config.partitions,
      ackWaitMs: config.consumerAckWaitMs,
      consumers: consumers(config),
      relay: Effect.map(state, (relay) => ({ ...relay, isUp: !isStuck(relay) })),
      replay: (range) => replayStream(nats, range),
      sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    })
  }))

/** A lease outlives what its holder has in hand by a renewal and some seconds, and is never shorter than a hiccup. */
const leaseTimes = (ackWaitMs: number) => {
  const leaseMs = Math.max(15_000, Math.ceil((ackWaitMs + 2_000) / (1 - 1 / renewalsPerLease)))
  return { leaseMs, renewMs: leaseMs / renewalsPerLease }
}

/** Longer than a broker takes to restart. */
const stuckAfterMs = 5_000

const isStuck = ({ streams, oldestAgeMs }: Effect.Success<Relay.Relay["Service"]["state"]>): boolean =>
  oldestAgeMs > stuckAfterMs && streams.some(({ blocked }) => blocked !== undefined)
