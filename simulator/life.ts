/**
 * One small thing a person does to their list: add, edit, reschedule or complete a task.
 * The number of open tasks stays within `openMin` and `openMax`, so a demo that runs for weeks still looks like one.
 */
import { type Account, descendantsOf, openItems } from "./account.ts"
import { addDays, dayInZone } from "./calendar.ts"
import { type CommandEnv, quietEnv } from "./commandEnv.ts"
import { localParts } from "./due.ts"
import { nextInt, nextUnit, pick } from "./random.ts"
import { execute } from "./runCommands.ts"
import { madeUpPlan } from "./seed.ts"
import type { Item } from "./wire.ts"

export const openMin = 40
export const openMax = 90

export type LifeStep = {
  readonly did: "added" | "edited" | "rescheduled" | "completed" | "nothing"
  readonly taskId: string | null
}

type Now = { readonly nowMs: number; readonly env: CommandEnv }

export const liveOnce = (account: Account, nowMs: number, env: CommandEnv = quietEnv): LifeStep => {
  const now = { nowMs, env }
  const open = openItems(account)
  if (open.length <= openMin) return add(account, now)
  const roll = nextUnit(account.random)
  if (open.length >= openMax || roll < 0.3) return complete(account, open, now)
  if (roll < 0.6) return add(account, now)
  if (roll < 0.8) return edit(account, pick(account.random, open), now)
  return reschedule(account, open, now)
}

const step = (
  account: Account,
  did: LifeStep["did"],
  type: string,
  args: Record<string, unknown>,
  { nowMs, env }: Now,
): LifeStep => {
  const decided = execute(account, type, args, nowMs, env)
  return "subject" in decided ? { did, taskId: decided.subject } : { did: "nothing", taskId: null }
}

const add = (account: Account, now: Now): LifeStep => {
  const plan = madeUpPlan(account.random)
  const projects = [...account.projects.values()].map(({ value }) => value)
    .filter((project) => !project.is_deleted && !project.is_archived)
  const day = plan.days && addDays(dayInZone(now.nowMs, account.timeZone), nextInt(account.random, 0, 8))
  const date = day && plan.time ? `${day}T${plan.time}:00` : day
  return step(account, "added", "item_add", {
    content: plan.content,
    priority: plan.priority,
    labels: plan.labels,
    project_id: pick(account.random, projects).id,
    ...(date === undefined ? {} : { due: { date } }),
  }, now)
}

/** Only what leaves at least `openMin` open; what is due soonest is likelier to get done. */
const complete = (account: Account, open: ReadonlyArray<Item>, now: Now): LifeStep => {
  const spare = open.length - openMin
  const able = open.filter(({ id }) => 1 + descendantsOf(account, id).filter((one) => !one.checked).length <= spare)
  const shrinking = able.filter(({ due }) => due?.is_recurring !== true)
  const candidates = open.length >= openMax ? shrinking : able
  if (candidates.length === 0) return add(account, now)
  const today = dayInZone(now.nowMs, account.timeZone)
  const pressing = candidates.filter(({ due }) => due !== null && localParts(due, account.timeZone).day <= today)
  const from = pressing.length > 0 && nextUnit(account.random) < 0.7 ? pressing : candidates
  return step(account, "completed", "item_close", { id: pick(account.random, from).id }, now)
}

const edit = (account: Account, item: Item, now: Now): LifeStep => {
  const roll = nextUnit(account.random)
  if (roll < 0.5) {
    return step(account, "edited", "item_update", { id: item.id, priority: (item.priority % 4) + 1 }, now)
  }
  const note = `Note: ${madeUpPlan(account.random).content}`
  // Replaced rather than appended to, so that a description cannot grow without end.
  return step(account, "edited", "item_update", { id: item.id, description: note }, now)
}

const reschedule = (account: Account, open: ReadonlyArray<Item>, now: Now): LifeStep => {
  const dated = open.filter(({ due }) => due !== null && !due.is_recurring && due.timezone === null)
  if (dated.length === 0) return add(account, now)
  const item = pick(account.random, dated)
  const day = addDays(dayInZone(now.nowMs, account.timeZone), nextInt(account.random, 0, 6))
  const time = item.due === null ? null : localParts(item.due, account.timeZone).time
  const due = { date: time === null ? day : `${day}T${time}` }
  return step(account, "rescheduled", "item_update", { id: item.id, due }, now)
}
