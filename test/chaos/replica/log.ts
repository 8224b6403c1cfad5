/** The log of a replica as the service composes it on NATS, but for a broker that is recorded. */
import { Effect, Layer, Redacted } from "effect"
import * as LogSignals from "../../../src/store/LogSignals.ts"
import * as SqlDeadLetters from "../../../src/store/SqlDeadLetters.ts"
import * as SqlLaneAttempts from "../../../src/store/SqlLaneAttempts.ts"
import * as SqlLaneLeases from "../../../src/store/SqlLaneLeases.ts"
import * as SqlLanePositions from "../../../src/store/SqlLanePositions.ts"
import * as SqlOutboxRows from "../../../src/store/SqlOutboxRows.ts"
import * as JetStreamBroker from "../../../src/streams/jetstream/JetStreamBroker.ts"
import * as JetStreamEventLog from "../../../src/streams/jetstream/JetStreamEventLog.ts"
import { renewalsPerLease } from "../../../src/streams/jetstream/laneKeeper.ts"
import * as NatsConnection from "../../../src/streams/jetstream/NatsConnection.ts"
import * as Relay from "../../../src/streams/jetstream/Relay.ts"
import { replayStream, sequenceAt } from "../../../src/streams/jetstream/replayStream.ts"
import { ensure } from "../../../src/streams/jetstream/verifyContracts.ts"
import { LanePositions } from "../../../src/streams/LanePositions.ts"
import { chaosConsumers, contractOf } from "./contract.ts"
import type { Journal } from "./journal.ts"
import type { ReplicaOptions } from "./options.ts"
import type { Points } from "./points.ts"
import * as RecordingBroker from "./recordingBroker.ts"

const alarmRows = 100_000

/** As in the service: longer than a broker takes to restart. */
const stuckAfterMs = 5_000

const relay = Layer.unwrap(Effect.gen(function* () {
  const { appended } = yield* LogSignals.LogSignals
  const { reconnected } = yield* NatsConnection.Nats
  return Relay.layer({ appended, reconnected, alarmRows })
}))

const log = ({ partitions, ackWaitMs, batchMax }: ReplicaOptions) =>
  Layer.unwrap(Effect.gen(function* () {
    const nats = yield* NatsConnection.Nats
    const { state } = yield* Relay.Relay
    return JetStreamEventLog.layer({
      partitions,
      ackWaitMs,
      consumers: chaosConsumers(batchMax),
      relay: Effect.map(state, (relay) => ({
        ...relay,
        isUp: relay.oldestAgeMs <= stuckAfterMs || relay.streams.every(({ blocked }) => blocked === undefined),
      })),
      replay: (range) => replayStream(nats, range),
      sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    })
  }))

/** Needs a migrated database only. */
export const layer = (options: ReplicaOptions, journal: Journal, points: Points) => {
  const { ackWaitMs, leaseMs, name: holder, natsUrl, partitions } = options
  const leases = SqlLaneLeases.layer({ holder, leaseMs, ackWaitMs, renewMs: leaseMs / renewalsPerLease })
  const contracts = Layer.effectDiscard(Effect.gen(function* () {
    const { read } = yield* LanePositions
    yield* ensure(yield* NatsConnection.Nats, contractOf(options), yield* read)
  })).pipe(Layer.provide(SqlLanePositions.layer))
  return log(options).pipe(
    Layer.provide(relay),
    Layer.provide([leases, SqlLaneAttempts.layer, SqlDeadLetters.layer]),
    Layer.provide(SqlOutboxRows.layer({ partitions, holder })),
    Layer.provide(RecordingBroker.layer(journal, points).pipe(Layer.provide(JetStreamBroker.layer))),
    Layer.provide(contracts),
    Layer.provide(NatsConnection.layer({
      url: Redacted.make(natsUrl),
      credentials: undefined,
      name: holder,
      waitMs: 10_000,
    })),
    Layer.provide(LogSignals.layer),
  )
}
