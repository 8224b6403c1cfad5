/** One replica dies again and again at one point, beside one that lives. */
import { nextInt } from "../../simulator/random.ts"
import type { Kind } from "./events.ts"
import type { Point } from "./replica/options.ts"
import type { Scenario } from "./Scenario.ts"
import { supervise } from "./supervise.ts"

export const killedAt =
  (at: Point, kindOf: (draw: number) => Kind = () => "plain"): Scenario["run"] => async (world, { size }) => {
    const kills = size < 1 ? 1 : 4
    // Letters are few; all other points are passed hundreds of times.
    const lastPass = at === "term" ? 3 : 12
    const { restarts, current } = supervise(
      world,
      "victim",
      (life) => life < kills ? { faults: [{ at, do: "kill", nth: nextInt(world.random, 1, lastPass) }] } : {},
    )
    await current().ready
    if (size >= 1) await world.startReplicas(1)
    const production = world.produce({ events: Math.ceil(3_000 * size), kindOf, pauseMaxMs: size < 1 ? 20 : 60 })
    await production.done
    while (restarts() < kills) await current().ended
    world.fault(`killed ${kills} times at ${at}`)
  }
