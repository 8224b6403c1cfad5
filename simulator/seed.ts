/**
 * Makes a new account that looks lived in. The same seed, user and day give the same account, ids included.
 */
import { type Account, apply, type Change, emptyAccount } from "./account.ts"
import { addDays, dayInZone, dayMs, instantOf, wireTime } from "./calendar.ts"
import { newItem } from "./newItem.ts"
import { newProject } from "./projectCommands.ts"
import { nextId, nextInt, nextUnit, pick, type RandomState, seeded, shuffled } from "./random.ts"
import { firstDay, parseRecurrence } from "./recurrence.ts"
import { labelPlans, people, projectPlans, type TaskPlan, taskPlans, topics, verbs } from "./seedTasks.ts"
import type { Due, Item, Project } from "./wire.ts"

type SeedOptions = {
  readonly seed: string
  /** Keeps the ids of two accounts of one seed apart. */
  readonly user: string
  readonly nowMs: number
  readonly timeZone: string
  /** Open tasks; the written-out list has about sixty, more are made up. */
  readonly taskCount?: number | undefined
  readonly fullName?: string | undefined
  readonly live?: boolean | undefined
}

type Place = { readonly zone: string; readonly today: string; readonly nowMs: number }

export const seedAccount = (options: SeedOptions): Account => {
  const { nowMs, timeZone } = options
  const today = dayInZone(nowMs, timeZone)
  const ids = seeded(`${options.seed} ${options.user} ${today}`)
  const userId = `${nextInt(ids, 10_000_000, 99_999_999)}${nextInt(ids, 1_000, 9_999)}`
  const projects = projectPlans.map(({ name, color, favorite }, at): Project => ({
    ...newProject(nextId(ids), name, at, wireTime(nowMs - 400 * dayMs)),
    color,
    is_favorite: favorite ?? false,
    inbox_project: name === "Inbox",
  }))
  const account: Account = {
    ...emptyAccount({
      userId,
      fullName: options.fullName ?? "Alex Demo",
      timeZone,
      inboxProjectId: projects[0]!.id,
      createdAtMs: nowMs,
      random: ids,
    }),
    live: options.live ?? false,
  }
  const labels = labelPlans.map((name, at): Change => ({
    table: "labels",
    value: { id: nextId(ids), name, color: "charcoal", item_order: at + 1, is_favorite: false, is_deleted: false },
  }))
  const words = seeded(`${options.seed} ${today}`)
  const items = itemsOf(words, ids, projects, { zone: timeZone, today, nowMs }, userId, options.taskCount)
  const changes: ReadonlyArray<Change> = [
    ...projects.map((value): Change => ({ table: "projects", value })),
    ...labels,
    ...items.map((value): Change => ({ table: "items", value })),
  ]
  // Backdated, because nothing of it changed today as far as a stale snapshot is concerned.
  apply(account, changes, nowMs - dayMs)
  return account
}

const itemsOf = (
  words: RandomState,
  ids: RandomState,
  projects: ReadonlyArray<Project>,
  place: Place,
  userId: string,
  taskCount: number | undefined,
): Array<Item> => {
  const out: Array<Item> = []
  const max = taskCount ?? Number.POSITIVE_INFINITY
  // A small account is a sample of the list, so that it still has something of everything.
  const plans = max < taskPlans.length ? shuffled(words, taskPlans) : taskPlans
  for (const plan of plans) {
    if (out.length >= max) return out
    const project = projects.find(({ name }) => name === plan.project)!
    const item = itemOf(plan, words, nextId(ids), project.id, place, userId, out.length + 1)
    out.push(item)
    for (const content of plan.subtasks ?? []) {
      if (out.length >= max) return out
      const child = itemOf(
        { project: plan.project, content },
        words,
        nextId(ids),
        project.id,
        place,
        userId,
        out.length,
      )
      out.push({ ...child, parent_id: item.id })
    }
  }
  for (let missing = (taskCount ?? 0) - out.length; missing > 0; missing--) {
    out.push(itemOf(madeUpPlan(words), words, nextId(ids), pick(words, projects).id, place, userId, out.length + 1))
  }
  return out
}

/** A plausible task nobody wrote down. */
export const madeUpPlan = (words: RandomState): TaskPlan => {
  const content = `${pick(words, verbs)} ${pick(words, people)} ${pick(words, topics)}`
  const roll = nextUnit(words)
  const priority = pick(words, [1, 1, 1, 2, 2, 3, 4] as const)
  const labels = nextUnit(words) < 0.4 ? [pick(words, labelPlans)] : []
  if (roll < 0.35) return { project: "", content, priority, labels }
  const days = [-4, 12] as const
  return roll < 0.7 ? { project: "", content, priority, labels, days } : {
    project: "",
    content,
    priority,
    labels,
    days,
    time: `${String(nextInt(words, 8, 20)).padStart(2, "0")}:30`,
  }
}

const itemOf = (
  plan: TaskPlan,
  words: RandomState,
  id: string,
  projectId: string,
  place: Place,
  userId: string,
  order: number,
): Item => {
  const addedAt = wireTime(place.nowMs - nextInt(words, dayMs / 1000, (60 * dayMs) / 1000) * 1000)
  return newItem({
    id,
    user_id: userId,
    added_by_uid: userId,
    project_id: projectId,
    content: plan.content,
    description: plan.description ?? "",
    labels: plan.labels ?? [],
    priority: plan.priority ?? 1,
    child_order: order,
    due: dueOf(plan, words, place),
    deadline: plan.deadlineDays === undefined ? null : { date: addDays(place.today, plan.deadlineDays), lang: "en" },
    duration: durationOf(plan),
  }, addedAt)
}

const durationOf = ({ minutes, wholeDays }: TaskPlan): Item["duration"] =>
  wholeDays !== undefined
    ? { amount: wholeDays, unit: "day" }
    : minutes === undefined
    ? null
    : { amount: minutes, unit: "minute" }

const dueOf = ({ days, every, time, fixedZone }: TaskPlan, words: RandomState, place: Place): Due | null => {
  if (days === undefined) return null
  const picked = addDays(place.today, nextInt(words, days[0], days[1]))
  const rule = every === undefined ? undefined : parseRecurrence(every)
  const day = rule === undefined ? picked : firstDay(rule, picked)
  const base = { timezone: null, lang: "en", is_recurring: every !== undefined }
  if (time === undefined) return { ...base, date: day, string: every ?? day }
  const string = every ?? `${day} ${time}`
  if (fixedZone === undefined) return { ...base, date: `${day}T${time}:00`, string }
  return { ...base, date: wireTime(instantOf(`${day}T${time}:00`, fixedZone)), timezone: fixedZone, string }
}
