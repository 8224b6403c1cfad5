/**
 * A lane in use: a log that grows, consumers that pull, settle, refuse and die, and what happened to every message.
 * Checks the promises of lane.ts at each step.
 */
import { expect } from "vitest"
import { isResting, laneAt, pulled, pullSize, refused, settled } from "./lane.ts"
import type { Lane } from "./lane.ts"

export type Step =
  | { readonly do: "append"; readonly count: number }
  | { readonly do: "pull" }
  /** The consumer settles a part of what it holds: all, or what stands before something undecodable. */
  | { readonly do: "settle"; readonly part: number }
  | { readonly do: "bury" }
  | { readonly do: "refuse"; readonly delayMs: number; readonly counts: boolean }
  /** Whoever held the delivery is gone; nobody says so. */
  | { readonly do: "crash" }
  /** A consumer that was thought dead settles what it once held. */
  | { readonly do: "settle-late"; readonly delivery: number }
  | { readonly do: "wait"; readonly ms: number }

export interface Played {
  readonly lane: Lane
  readonly log: ReadonlyArray<number>
  readonly settledOnce: ReadonlySet<number>
}

/** `gaps` makes the lane a partition: other lanes' messages lie between its own. */
export const play = (steps: ReadonlyArray<Step>, batchMax: number, gaps: boolean): Played => {
  const log: Array<number> = []
  const handedOut = new Map<number, number>()
  const done = new Set<number>()
  const deliveries: Array<ReadonlyArray<number>> = []
  let holding: ReadonlyArray<number> = []
  let lane = laneAt(0)
  let nowMs = 0

  const move = (next: Lane) => {
    expect(next.cursor).toBeGreaterThanOrEqual(lane.cursor)
    lane = Object.freeze(next)
  }
  const settle = (upTo: number) => {
    move(settled(lane, upTo))
    for (const sequence of log) if (sequence <= upTo) done.add(sequence)
    holding = holding.filter((sequence) => sequence > upTo)
    // Exactly what is settled lies at or before the cursor.
    expect(log.filter((sequence) => sequence <= lane.cursor)).toEqual(log.filter((sequence) => done.has(sequence)))
  }
  const pull = () => {
    if (isResting(lane, nowMs)) return
    const batch = log.filter((sequence) => sequence > lane.cursor).slice(0, pullSize(lane, batchMax))
    if (batch.length === 0) return
    const inDoubt = log.filter((sequence) => handedOut.has(sequence) && !done.has(sequence))
    // In order, nothing twice that is done, nothing past what is not.
    expect(batch).toEqual(log.filter((sequence) => !done.has(sequence)).slice(0, batch.length))
    if (inDoubt.length > 0) expect(batch).toHaveLength(1)
    else expect(batch.length).toBe(Math.min(batchMax, log.length - done.size))
    const next = pulled(lane, batch)
    for (const sequence of batch) handedOut.set(sequence, (handedOut.get(sequence) ?? 0) + 1)
    expect(next.attempt).toBe(handedOut.get(batch[0]!))
    for (const sequence of batch.slice(1)) expect(handedOut.get(sequence)).toBe(1)
    move(next.lane)
    expect(isResting(lane, nowMs)).toBe(false)
    deliveries.push(batch)
    holding = batch
  }
  /** As if what is held had not been handed out this time. The rest of a batch settled in part keeps its attempt. */
  const takeBack = () => {
    if (holding[0] !== deliveries.at(-1)?.[0]) return
    for (const sequence of holding) {
      const times = handedOut.get(sequence)! - 1
      if (times === 0) handedOut.delete(sequence)
      else handedOut.set(sequence, times)
    }
  }
  const take = (step: Step) => {
    switch (step.do) {
      case "append":
        for (let n = 0; n < step.count; n++) log.push((log.at(-1) ?? 0) + (gaps ? 1 + ((log.length * 7) % 3) : 1))
        return
      case "pull":
        return pull()
      case "settle":
        return holding.length === 0 ? undefined : settle(holding[step.part % holding.length]!)
      case "bury":
        return holding.length === 0 ? undefined : settle(holding[0]!)
      case "refuse":
        if (holding.length === 0) return
        if (!step.counts) takeBack()
        holding = []
        move(refused(lane, nowMs + step.delayMs, step.counts))
        expect(isResting(lane, nowMs)).toBe(step.delayMs > 0)
        return
      case "crash":
        holding = []
        return
      case "settle-late":
        return deliveries.length === 0 ? undefined : settle(deliveries[step.delivery % deliveries.length]!.at(-1)!)
      case "wait":
        nowMs += step.ms
    }
  }
  steps.forEach(take)
  // From here on a consumer that works: everything comes to an end.
  nowMs = Number.MAX_SAFE_INTEGER
  for (let left = log.length + 1; left > 0 && done.size < log.length; left--) {
    pull()
    settle(holding.at(-1)!)
  }
  return { lane, log, settledOnce: done }
}
