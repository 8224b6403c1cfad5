/** Makes a failing run small enough to look at. */
import type { Plan } from "./plan.ts"

/** Takes away faults, then transactions, as long as the run still fails. */
export const shrink = (plan: Plan, fails: (plan: Plan) => boolean): Plan => {
  const parts = ["faults", "transactions"] as const
  let smallest = plan
  for (const part of parts) {
    // Halves first, then single ones: a few dozen runs.
    for (let size = Math.ceil(smallest[part].length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < smallest[part].length;) {
        const smaller = { ...smallest, [part]: smallest[part].toSpliced(at, size) }
        if (fails(smaller)) smallest = smaller
        else at += size
      }
    }
  }
  return smallest
}
