/**
 * How many syncs of one provider may be under way, so that those in trouble never take the places of the others. Pure:
 * the time comes in as data.
 *
 * Healthy users have all the places there are. Users whose last sync failed have a few beside them. And whoever takes
 * long moves to a third room, be it their first time or not: all they do is wait for the tool. The tool meets at most
 * 3.25 times the concurrency, and that only while so many hang.
 */
import type { ClaimLimits } from "./UserSyncStore.ts"

export interface Place {
  readonly isFailing: boolean
  readonly sinceMs: number
}

export interface Places {
  readonly take: (isFailing: boolean, nowMs: number) => Place
  readonly free: (place: Place) => void
  /** Moves whoever takes long to the slow room, as far as there is room. */
  readonly moveSlow: (nowMs: number) => void
  readonly left: () => ClaimLimits
  readonly underWay: () => number
}

/**
 * An ordinary sync takes well under a second, a large account's first one a few. Whoever takes longer than this loses
 * nothing by being counted apart; a shorter time would move healthy users, too, whenever the machine is busy.
 */
export const slowAfterMs = 2_000

/** Most failures come at once, and a fourth of the places is 40 tries in a second at 100 ms each. */
export const failingShareOf = (count: number): number => Math.max(1, Math.floor(count / 4))

/**
 * A waiting sync holds a fiber, a socket and a lease, some 100 kB. With 16 places these are 32; each hangs for 13 s
 * more before it is given up: room for 2,200 users who begin to hang within one interval of 15 minutes.
 */
const slowPerPlace = 2

/**
 * Of the slow room, as much as those may have who failed before. The rest is for who hangs for the first time, whose
 * place a healthy user is waiting for.
 */
const slowFailingShare = 0.5

export const makePlaces = (concurrency: number): Places => {
  // Oldest first, as a set keeps what was added to it.
  const [healthy, failing, slow] = [new Set<Place>(), new Set<Place>(), new Set<Place>()]
  const failingMax = failingShareOf(concurrency)
  const slowMax = slowPerPlace * concurrency

  const move = (from: Set<Place>, nowMs: number, max: number): void => {
    for (const place of from) {
      if (slow.size >= max || nowMs - place.sinceMs < slowAfterMs) return
      from.delete(place)
      slow.add(place)
    }
  }

  return {
    take: (isFailing, nowMs) => {
      const place = { isFailing, sinceMs: nowMs }
      const room = isFailing ? failing : healthy
      room.add(place)
      return place
    },
    free: (place) => {
      for (const room of [healthy, failing, slow]) room.delete(place)
    },
    moveSlow: (nowMs) => {
      move(healthy, nowMs, slowMax)
      move(failing, nowMs, slowMax * slowFailingShare)
    },
    left: () => ({
      healthy: Math.max(0, concurrency - healthy.size),
      failing: Math.max(0, failingMax - failing.size),
    }),
    underWay: () => healthy.size + failing.size + slow.size,
  }
}
