/** What replicas said of the log while a fault lasted, and after it. */
import { eventually } from "../support/eventually.ts"
import { journalOf } from "./gather.ts"
import type { World } from "./World.ts"

/** A probe that looks once a second, and the hysteresis of what it looks at. */
const upWithinMs = 15_000

/** Which replicas did not say, between two instants, that the log is down, or did not say afterwards that it is up. */
export const wentDownAndUp = async (
  world: World,
  during: { readonly fromMs: number; readonly toMs: number },
  note: (figure: string) => void,
): Promise<ReadonlyArray<string>> => {
  const statesOf = (name: string) =>
    journalOf(world).flatMap((line) => line.kind === "state" && line.replica === name ? [line] : [])
  const problems: Array<string> = []
  for (const { name } of world.replicas) {
    const down = statesOf(name).find(({ at, isUp }) => !isUp && at > during.fromMs && at < during.toMs)
    if (down === undefined) problems.push(`${name} never said that the log is down`)
    else note(`${name} said after ${((down.at - during.fromMs) / 1_000).toFixed(1)} s: ${down.problems[0]}`)
    const isUp = async () => statesOf(name).at(-1)?.isUp === true ? true : undefined
    await eventually(`${name} is up again`, isUp, upWithinMs).catch((cause) => problems.push(String(cause)))
  }
  return problems
}
