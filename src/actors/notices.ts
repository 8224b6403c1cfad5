/**
 * What tools said and actors are still to be told: of each user and tool one message, however often the tool spoke
 * since the last one was taken up. A hundred tasks changed at once are a hundred webhooks, and one read finds them all.
 */
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"

export interface Notice {
  readonly owner: Owner
  readonly provider: Provider
  readonly completedTaskIds: ReadonlyArray<string>
}

/** Of one message. Tasks beyond are read as completed all the same; that the tool itself said so is lost. */
const completedMax = 500

export interface Notices {
  /** Gives a key to take it up by; undefined when somebody has it already, or `max` others wait. */
  readonly add: (notice: Notice) => string | undefined
  /** All that was added under the key; it is under way until `end`. */
  readonly take: (key: string) => Notice | undefined
  /** Whether more was added meanwhile, and is to be taken up. */
  readonly end: (key: string) => boolean
}

export const make = (max: number): Notices => {
  const waiting = new Map<string, Notice>()
  const underWay = new Set<string>()
  return {
    add: (notice) => {
      const key = keyOf(notice)
      const before = waiting.get(key)
      if (before !== undefined) {
        waiting.set(key, joined(before, notice))
        return undefined
      }
      if (waiting.size >= max) return undefined
      waiting.set(key, notice)
      return underWay.has(key) ? undefined : key
    },
    take: (key) => {
      const notice = waiting.get(key)
      waiting.delete(key)
      underWay.add(key)
      return notice
    },
    end: (key) => {
      underWay.delete(key)
      return waiting.has(key)
    },
  }
}

/** Ids hold no slash (schemas/ids.ts). */
const keyOf = ({ owner: { tenantId, userId }, provider }: Notice): string => `${tenantId}/${userId}/${provider}`

const joined = (one: Notice, other: Notice): Notice => ({
  ...one,
  completedTaskIds: [...new Set([...one.completedTaskIds, ...other.completedTaskIds])].slice(0, completedMax),
})
