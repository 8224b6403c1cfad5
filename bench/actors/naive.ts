/** What one writes on a first day: everybody in memory, and a timer. */
import { callTool } from "./fakeTool.ts"
import type { CrowdPlan, Turns } from "./turnsOfUsers.ts"

interface User {
  readonly n: number
  readonly token: string
  cursor: string | null
  syncedAtMs: number
  failures: number
}

const usersOf = ({ users }: CrowdPlan): ReadonlyArray<User> =>
  Array.from({ length: users }, (_, n) => ({ n, token: `token-${n}`, cursor: null, syncedAtMs: 0, failures: 0 }))

const sync = async (user: User, plan: CrowdPlan, turns: Turns, nextMs: number): Promise<void> => {
  try {
    await callTool(user.n, plan)
    user.cursor = `cursor-${user.n}`
    user.syncedAtMs = Date.now()
    user.failures = 0
  } catch (error) {
    user.failures += 1
    throw error
  } finally {
    turns.synced(user.n)
    turns.due(user.n, nextMs)
  }
}

/** Each tick syncs everybody; one that is not over yet makes the next ones wait. */
export function tickForAll(plan: CrowdPlan, turns: Turns): void {
  const users = usersOf(plan)
  let dueMs = Date.now()
  let isRunning = false
  for (const { n } of users) turns.due(n, dueMs)
  const tick = async () => {
    if (isRunning || Date.now() < dueMs) return
    isRunning = true
    const nextMs = dueMs + plan.intervalMs
    await Promise.allSettled(users.map((user) => sync(user, plan, turns, nextMs)))
    dueMs = nextMs
    isRunning = false
  }
  void tick()
  setInterval(tick, 100)
}

/** Timers that are made together fire together. */
export function timerPerUser(plan: CrowdPlan, turns: Turns): void {
  const startMs = Date.now()
  for (const user of usersOf(plan)) {
    let dueMs = startMs
    const turn = () => {
      const nextMs = dueMs + plan.intervalMs
      dueMs = nextMs
      sync(user, plan, turns, nextMs).catch(() => {})
    }
    turns.due(user.n, startMs)
    setTimeout(turn, 0)
    setInterval(turn, plan.intervalMs)
  }
}
