import { Context, Effect, Layer } from "effect"
import {
  EntityId,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig,
} from "effect/cluster"
import { TestClock } from "effect/testing"
import * as ClusterEngine from "./ClusterEngine.ts"
import { suite } from "./engine.contract.ts"
import { type MakeEngine, Noted, Probe, Refused } from "./probe.contract.ts"

/** One node, one shard: a shard has its share of `actorsMax`, which the suite sets for all. */
const oneNode = (simulateRemoteSerialization: boolean) =>
  Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
    Layer.provideMerge(ShardingConfig.layer({ shardsPerGroup: 1, simulateRemoteSerialization })),
  )

/** The cluster's own timers are on the real clock: the tests' clock is for the actors. */
const making = (simulateRemoteSerialization: boolean): MakeEngine =>
  Effect.fnUntraced(function* (options) {
    const cluster = yield* TestClock.withLive(Layer.build(oneNode(simulateRemoteSerialization)))
    const sharding = Context.get(cluster, Sharding.Sharding)
    const shard = sharding.getShardId(EntityId.make("any"), "default")
    while (!sharding.hasShardId(shard)) yield* TestClock.withLive(Effect.sleep(1))
    return yield* ClusterEngine.make({ ...options, schemas: { message: Probe, reply: Noted, error: Refused } }).pipe(
      Effect.provideContext(cluster),
    )
  })

suite("cluster engine, as between nodes", making(true))
suite("cluster engine, within a node", making(false))
