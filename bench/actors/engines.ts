/** What is compared: each is a way to ask one of many actors, all of which handle one message at a time. */
import { Context, Effect, Layer, Schema } from "effect"
import type { Scope } from "effect"
import {
  EntityId,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig,
} from "effect/cluster"
import type { ActorSystem } from "../../src/actors/ActorSystem.ts"
import * as ClusterEngine from "../../src/actors/ClusterEngine.ts"
import * as LocalEngine from "../../src/actors/LocalEngine.ts"
import { Message, optionsOf, Reply } from "./probe.ts"

export const contenders = ["promise chains", "local engine", "cluster engine, one node"] as const
export type Contender = typeof contenders[number]

export interface Asked {
  readonly ask: (id: string) => Effect.Effect<unknown, unknown>
  /** Actors in memory. */
  readonly count: Effect.Effect<number>
}

/** A map of plain objects, each with the promise of its last message: no bounds, no restarts, and nobody goes away. */
const promiseChains = () =>
  Effect.sync((): Asked => {
    const actors = new Map<string, { handled: number; last: Promise<unknown> }>()
    const ask = (id: string) => {
      let actor = actors.get(id)
      if (actor === undefined) {
        actor = { handled: 0, last: Promise.resolve() }
        actors.set(id, actor)
      }
      const { last } = actor
      const to = actor
      return to.last = last.then(() => {
        to.handled += 1
        return { handled: to.handled }
      })
    }
    return { ask: (id) => Effect.promise(() => ask(id)), count: Effect.sync(() => actors.size) }
  })

const message: Message = { n: 1 }

const askedOf = ({ ask, snapshot }: ActorSystem<Message, Reply, never>): Asked => ({
  ask: (id) => ask(id, message),
  count: Effect.map(snapshot, ({ length }) => length),
})

const localEngine = (actors: number) => Effect.map(LocalEngine.make(optionsOf(actors)), askedOf)

/** Storage in memory: what a node pays for messages to its own actors. */
const oneNode = Sharding.layer.pipe(
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provideMerge(ShardingConfig.layer({ shardsPerGroup: 16 })),
)

const clusterEngine = Effect.fnUntraced(function* (actors: number) {
  const cluster = yield* Layer.build(oneNode)
  const sharding = Context.get(cluster, Sharding.Sharding)
  const shard = sharding.getShardId(EntityId.make("any"), "default")
  while (!sharding.hasShardId(shard)) yield* Effect.sleep(1)
  const schemas = { message: Message, reply: Reply, error: Schema.Never }
  return askedOf(yield* Effect.provideContext(ClusterEngine.make({ ...optionsOf(actors), schemas }), cluster))
})

export const engines: Readonly<Record<Contender, (actors: number) => Effect.Effect<Asked, never, Scope.Scope>>> = {
  "promise chains": promiseChains,
  "local engine": localEngine,
  "cluster engine, one node": clusterEngine,
}
