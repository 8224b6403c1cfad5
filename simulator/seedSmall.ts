/**
 * A small account of a pool. It depends on nothing but the pool and the user id, so that it can be forgotten and made
 * again, sync tokens included; and it is cheap: no calendar is asked.
 */
import { type Account, apply, type Change, emptyAccount } from "./account.ts"
import { addDays, dayMs, wireTime } from "./calendar.ts"
import { newItem } from "./newItem.ts"
import { newProject } from "./projectCommands.ts"
import { nextId, nextInt, nextUnit, pick, seeded } from "./random.ts"
import { topics, verbs } from "./seedTasks.ts"
import type { Due } from "./wire.ts"

/** What all accounts of a pool have in common. */
type Recipe = {
  readonly seed: string
  readonly tokenPrefix: string
  readonly itemsPerAccount: number
  readonly timeZone: string
  readonly createdAtMs: number
}

export const seedSmall = (pool: Recipe, userId: string): Account => {
  const random = seeded(`${pool.seed} ${pool.tokenPrefix} ${userId}`)
  const addedAtMs = pool.createdAtMs - dayMs
  const now = wireTime(addedAtMs)
  const inbox = { ...newProject(nextId(random), "Inbox", 0, now), inbox_project: true }
  const account = emptyAccount({
    userId,
    fullName: "Load Test",
    timeZone: pool.timeZone,
    inboxProjectId: inbox.id,
    createdAtMs: pool.createdAtMs,
    random,
  })
  const today = now.slice(0, 10)
  const items = Array.from({ length: pool.itemsPerAccount }, (_, order): Change => ({
    table: "items",
    value: newItem({
      id: nextId(random),
      user_id: userId,
      added_by_uid: userId,
      project_id: inbox.id,
      content: `${pick(random, verbs)} ${pick(random, topics)}`,
      child_order: order + 1,
      priority: nextInt(random, 1, 4),
      due: dueOf(nextUnit(random), addDays(today, nextInt(random, -2, 9))),
    }, now),
  }))
  apply(account, [{ table: "projects", value: inbox }, ...items], addedAtMs)
  return account
}

const dueOf = (roll: number, date: string): Due | null => {
  const base = { timezone: null, lang: "en", date }
  if (roll < 0.4) return null
  return roll < 0.9
    ? { ...base, string: date, is_recurring: false }
    : { ...base, string: "every day", is_recurring: true }
}
