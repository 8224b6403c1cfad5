/** Where a replica hurts itself, so that a fault hits between two instructions and not somewhere near them. */
import process from "node:process"
import type { Fault, Point } from "./options.ts"

export interface Points {
  /** Passes, or does not return. */
  readonly reach: (point: Point) => void
}

export const pointsOf = (faults: ReadonlyArray<Fault>, announce: (point: Point) => void): Points => {
  const passed = new Map<Point, number>()
  return {
    reach: (point) => {
      const times = (passed.get(point) ?? 0) + 1
      passed.set(point, times)
      const fault = faults.find(({ at, nth }) => at === point && nth === times)
      if (fault === undefined) return
      announce(point)
      if (fault.do === "exit") process.exit(1)
      // To itself these take effect before the call returns.
      process.kill(process.pid, fault.do === "kill" ? "SIGKILL" : "SIGSTOP")
    },
  }
}
