/** Attempts in memory, for tests and simulation: what outlives a simulated process is whoever shares the map. */
import { Effect, Layer } from "effect"
import { LaneAttempts } from "./LaneAttempts.ts"
import type { LaneName } from "./LaneLeases.ts"

export type AttemptsOfLanes = Map<string, { readonly sequence: number; readonly attempts: number }>

export const layerMemory = (lanes: AttemptsOfLanes) => {
  const add = ({ durable, lane }: LaneName, sequence: number, count: number) =>
    Effect.sync(() => {
      const key = `${durable}/${lane}`
      const known = lanes.get(key)
      const attempts = Math.max(0, (known?.sequence === sequence ? known.attempts : 0) + count)
      lanes.set(key, { sequence, attempts })
      return attempts
    })
  return Layer.succeed(
    LaneAttempts,
    LaneAttempts.of({
      begin: (lease, sequence) => add(lease, sequence, 1),
      giveBack: (lease, sequence) => Effect.asVoid(add(lease, sequence, -1)),
    }),
  )
}
