/** The log of a replica as the service composes it, but for the broker's recording. */
import { Effect, Layer, Redacted } from "effect"
import * as LogSignals from "../../../src/store/LogSignals.ts"
import * as SqlDeadLetters from "../../../src/store/SqlDeadLetters.ts"
import * as SqlLaneLeases from "../../../src/store/SqlLaneLeases.ts"
import * as SqlOutboxRows from "../../../src/store/SqlOutboxRows.ts"
import * as JetStreamBroker from "../../../src/streams/jetstream/JetStreamBroker.ts"
import * as JetStreamEventLog from "../../../src/streams/jetstream/JetStreamEventLog.ts"
import * as NatsConnection from "../../../src/streams/jetstream/NatsConnection.ts"
import * as Relay from "../../../src/streams/jetstream/Relay.ts"
import { replayStream, sequenceAt } from "../../../src/streams/jetstream/replayStream.ts"
import type { Journal } from "./journal.ts"
import { chaosConsumers } from "./options.ts"
import type { ReplicaOptions } from "./options.ts"
import type { Points } from "./points.ts"
import * as RecordingBroker from "./recordingBroker.ts"

const alarmRows = 100_000

/** As often as the lanes' keeper does. */
const renewalsPerLease = 5

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
      relay: Effect.map(state, ({ problems, waiting }) => ({ isUp: problems.length === 0, problems, waiting })),
      replay: (range) => replayStream(nats, range),
      sequenceAt: (stream, atMs) => sequenceAt(nats, stream, atMs),
    })
  }))

/** Needs the database only. */
export const layer = (options: ReplicaOptions, journal: Journal, points: Points) => {
  const { ackWaitMs, leaseMs, name: holder, natsUrl, partitions } = options
  const connection = NatsConnection.layer({
    url: Redacted.make(natsUrl),
    credentials: undefined,
    name: holder,
    waitMs: 10_000,
  })
  return log(options).pipe(
    Layer.provide(relay),
    Layer.provide(RecordingBroker.layer(journal, points).pipe(Layer.provide(JetStreamBroker.layer))),
    Layer.provide(connection),
    Layer.provide(SqlDeadLetters.layer),
    Layer.provide(SqlOutboxRows.layer({ partitions, holder })),
    Layer.provide(SqlLaneLeases.layer({ holder, leaseMs, ackWaitMs, renewMs: leaseMs / renewalsPerLease })),
    Layer.provide(LogSignals.layer),
  )
}
