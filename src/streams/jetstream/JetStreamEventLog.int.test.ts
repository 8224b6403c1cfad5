import { Effect, Layer } from "effect"
import { nats } from "../../../test/support/nats.ts"
import { contractConsumers, contractPartitions, suite } from "../EventLog.contract.ts"
import { applyContracts, connected, installation, logOf, memory, publishing } from "./jetstreamLog.fixture.ts"

/** A server of its own for each test of the suite: it begins with empty streams. */
const fresh = () =>
  Layer.unwrap(Effect.map(nats, (server) => {
    const where = installation(server, contractPartitions, contractConsumers)
    return Layer.mergeAll(logOf(where, "one"), publishing(where)).pipe(
      Layer.provideMerge(memory(where)),
      Layer.provide(Layer.effectDiscard(applyContracts(where))),
      Layer.provide(connected(where)),
    )
  }))

suite("jetstream", fresh)
