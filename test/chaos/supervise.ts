/** What a process manager does: a replica that ends is started again under its name. */
import type { ReplicaOptions } from "./replica/options.ts"
import type { Replica } from "./replicaProcess.ts"
import type { World } from "./World.ts"

export interface Supervised {
  readonly restarts: () => number
  readonly current: () => Replica
  /** From now on it stays down when it ends. */
  readonly giveUp: () => void
}

/** Far more than any scenario causes: a replica that cannot start must not be started for ever. */
const restartsMax = 60

/** `optionsOf` is told which life this is, from 0. */
export const supervise = (
  world: World,
  name: string,
  optionsOf: (life: number) => Partial<ReplicaOptions> = () => ({}),
): Supervised => {
  let life = 0
  let isOver = false
  let current = world.replica(name, optionsOf(life))
  const watch = async (): Promise<void> => {
    await current.ended
    if (isOver || life >= restartsMax) return
    current = world.replica(name, optionsOf(++life))
    return watch()
  }
  void watch()
  const giveUp = () => (isOver = true, undefined)
  world.onEnd(giveUp)
  return { restarts: () => life, current: () => current, giveUp }
}
