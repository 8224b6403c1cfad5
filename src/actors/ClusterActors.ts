/** The actors of users over all processes of a cluster, each user in one of them. */
import { Effect, Layer } from "effect"
import { ActorError, Actors, SyncReport, UserMessage } from "./Actors.ts"
import * as ClusterEngine from "./ClusterEngine.ts"
import { actorsOver, engineOptions } from "./userActors.ts"
import type { UserActorsOptions } from "./userActors.ts"

export const layer = (options: UserActorsOptions) =>
  Layer.effect(
    Actors,
    Effect.map(
      ClusterEngine.make({
        ...engineOptions(options),
        schemas: { message: UserMessage, reply: SyncReport, error: ActorError },
      }),
      actorsOver,
    ),
  )
