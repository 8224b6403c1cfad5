/** The actors of users in the process that is asked. Another process is kept from writing by the user's lease. */
import { Effect, Layer } from "effect"
import { Actors } from "./Actors.ts"
import * as LocalEngine from "./LocalEngine.ts"
import { actorsOver, engineOptions } from "./userActors.ts"
import type { UserActorsOptions } from "./userActors.ts"

export const layer = (options: UserActorsOptions) =>
  Layer.effect(Actors, Effect.map(LocalEngine.make(engineOptions(options)), actorsOver))
