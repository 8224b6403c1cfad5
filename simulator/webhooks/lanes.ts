/**
 * Work in lanes: one thing at a time in each, in order, and at most `concurrency` at once over all. Lanes take turns,
 * so one with a slow receiver holds up only itself.
 */
export type Lanes = {
  /** False when the bound is reached; then the work is not taken. */
  readonly add: (lane: string, work: () => Promise<void>) => boolean
  readonly waiting: () => number
  /** Takes and starts nothing more. */
  readonly stop: () => void
}

export const makeLanes = (concurrency: number, waitingMax: number): Lanes => {
  const lanes = new Map<string, Array<() => Promise<void>>>()
  const ready: Array<string> = []
  let running = 0
  let waiting = 0
  let stopped = false
  const start = (): void => {
    while (running < concurrency) {
      const lane = ready.shift()
      const work = lane === undefined ? undefined : lanes.get(lane)?.shift()
      if (lane === undefined || work === undefined) return
      waiting--
      running++
      void work().finally(() => {
        running--
        if (lanes.get(lane)?.length === 0) lanes.delete(lane)
        else ready.push(lane)
        start()
      })
    }
  }
  return {
    add: (lane, work) => {
      if (stopped || waiting >= waitingMax) return false
      waiting++
      const known = lanes.get(lane)
      // A lane in the map is running or ready already.
      if (known !== undefined) known.push(work)
      else {
        lanes.set(lane, [work])
        ready.push(lane)
      }
      start()
      return true
    },
    waiting: () => waiting,
    stop: () => {
      stopped = true
      lanes.clear()
      ready.length = 0
      waiting = 0
    },
  }
}
