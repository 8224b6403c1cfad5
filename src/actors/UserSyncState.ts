/**
 * What a sync means, as pure decisions: which tasks changed, what is told of it, when to look again.
 * Time and randomness come in as data.
 */
import type { TaskObservation, Whereabouts } from "../connectors/Connector.ts"
import type { ChangeCircumstances, TaskChangeName } from "../../schemas/events.ts"
import type { Task, TaskDue } from "../../schemas/Task.ts"

/** A task as we last knew it. */
export interface KnownTask {
  readonly task: Task
  readonly timesPostponed: number
}

/** How a task ended, as far as is known. */
export type GoneAs = "completed" | "deleted" | "withdrawn" | "unknown"

export interface TaskChangeSeen extends ChangeCircumstances {
  readonly change: TaskChangeName
  readonly task: Task
  readonly timesPostponed: number
}

/** What a batch of observations is judged by. */
export interface Knowledge {
  /** Open tasks as we last knew them; those a completed or deleted one may be the parent of, too. */
  readonly known: ReadonlyMap<string, KnownTask>
  /** Tasks we know to have ended. */
  readonly gone: ReadonlyMap<string, GoneAs>
  /** Tasks we completed ourselves since the last look, or may have: what is seen of them is no news of the user. */
  readonly echoes: ReadonlySet<string>
  /** Tasks the tool itself says were completed. */
  readonly completedForSure: ReadonlySet<string>
  /** The first look: everything was so before. */
  readonly isBackfill: boolean
}

/**
 * What changed between what we knew and what a read brought, each task once, in the order the tool gave them.
 * Repeating the same read gives no change. Only the last state between two looks is visible: of a task that came and
 * went meanwhile nothing is told, because its history would be invented.
 */
export const changesOf = (
  observations: ReadonlyArray<TaskObservation>,
  knowledge: Knowledge,
): ReadonlyArray<TaskChangeSeen> => {
  const changes = observations.flatMap((observation) => changeOf(observation, knowledge) ?? [])
  const spoken = new Set(observations.map(({ task }) => task.taskId))
  return changes.flatMap((change) => {
    const covered = coveredBy(change, knowledge, spoken)
    // Of two that end, one above the other, both cover what is below the lower one.
    for (const { task } of covered) spoken.add(task.taskId)
    return [change, ...covered]
  })
}

const changeOf = ({ task, state }: TaskObservation, knowledge: Knowledge): TaskChangeSeen | undefined => {
  const before = knowledge.known.get(task.taskId)
  const seen: ChangeCircumstances = { origin: originOf(task.taskId, knowledge), removal: null, isInferred: false }
  if (state !== "open") {
    // Of a task we never knew there is nothing to take back.
    if (before === undefined) return undefined
    const { timesPostponed } = before
    if (state === "completed") return { ...seen, change: "completed", task, timesPostponed }
    return { ...seen, change: "removed", task, timesPostponed, removal: state }
  }
  if (before === undefined) {
    const isBack = knowledge.gone.has(task.taskId)
    return { ...seen, origin: arrivalOf(knowledge), change: isBack ? "restored" : "appeared", task, timesPostponed: 0 }
  }
  if (sameTask(before.task, task)) return undefined
  if (isNextOccurrence(before.task, task)) {
    const isCertain = seen.origin === "own-act" || knowledge.completedForSure.has(task.taskId)
    return { ...seen, change: "occurrence_completed", task, timesPostponed: 0, isInferred: !isCertain }
  }
  const timesPostponed = before.timesPostponed + (wasPostponed(before.task, task) ? 1 : 0)
  return { ...seen, origin: "observed", change: "updated", task, timesPostponed }
}

const originOf = (taskId: string, { echoes }: Knowledge) => echoes.has(taskId) ? "own-act" as const : "observed"

const arrivalOf = ({ isBackfill }: Knowledge) => isBackfill ? "backfill" as const : "observed"

/** A recurring task that moved on was completed, or moved by hand: the two look alike. */
const isNextOccurrence = (before: Task, now: Task): boolean =>
  before.due !== null && now.due !== null && before.due.isRecurring && now.due.isRecurring &&
  (now.due.date > before.due.date || (now.due.date === before.due.date && (now.due.atMs ?? 0) > (before.due.atMs ?? 0)))

/** A task that is completed or deleted takes its subtasks along, of which the tool need not say anything. */
const coveredBy = (
  parent: TaskChangeSeen,
  { known }: Knowledge,
  spoken: ReadonlySet<string>,
): ReadonlyArray<TaskChangeSeen> => {
  const takesAlong = parent.change === "completed" || (parent.change === "removed" && parent.removal === "deleted")
  if (!takesAlong) return []
  const covered: Array<TaskChangeSeen> = []
  const taken = new Set([parent.task.taskId])
  // Parents may come after their children in the map: look until nothing more is found.
  for (let size = 0; size < taken.size;) {
    size = taken.size
    for (const { task, timesPostponed } of known.values()) {
      if (task.parentId === null || !taken.has(task.parentId) || taken.has(task.taskId)) continue
      taken.add(task.taskId)
      if (!spoken.has(task.taskId)) covered.push({ ...parent, task, timesPostponed, isInferred: true })
    }
  }
  return covered
}

/** The open tasks a snapshot has no word of: neither seen in it, nor left out as not understood. */
export const absentFrom = (
  known: ReadonlyMap<string, KnownTask>,
  seen: ReadonlySet<string>,
): ReadonlyArray<KnownTask> => [...known.values()].filter(({ task }) => !seen.has(task.taskId))

/** Below it, a user may well have finished everything at once. */
const massRemovalMin = 10

/** Nearly everything gone at once is rather a tool that failed than a user who cleared their life: look again. */
export const isMassRemoval = (absent: number, known: number): boolean =>
  absent >= massRemovalMin && absent >= 0.9 * known

/** What became of the absent ones, as far as the tool could say; undefined: still there after all. */
export const absenceOf = (
  { task, timesPostponed }: KnownTask,
  whereabouts: Whereabouts,
  knowledge: Pick<Knowledge, "echoes">,
): TaskChangeSeen | undefined => {
  const isEcho = knowledge.echoes.has(task.taskId)
  const seen = { task, timesPostponed, origin: isEcho ? "own-act" as const : "observed" as const }
  if (isEcho || whereabouts === "completed") {
    return { ...seen, change: "completed", removal: null, isInferred: whereabouts !== "completed" }
  }
  if (whereabouts === "open") return undefined
  return { ...seen, change: "removed", removal: whereabouts, isInferred: whereabouts === "unknown" }
}

/** Everything of a connection that is being wiped. */
export const wiped = (known: ReadonlyMap<string, KnownTask>): ReadonlyArray<TaskChangeSeen> =>
  Array.from(known.values(), (one) => ({
    ...one,
    change: "removed" as const,
    origin: "observed" as const,
    removal: "disconnected" as const,
    isInferred: false,
  }))

/** The due date as one text, to be compared with what a user saw. Null for a task that does not recur. */
export const dueKey = (due: TaskDue | null): string | null =>
  due === null || !due.isRecurring ? null : due.atMs === null ? due.date : `${due.date}@${due.atMs}`

/**
 * Moved to a later day without being completed. A recurring task moves on when it is completed, so its moves say
 * nothing about putting off.
 */
const wasPostponed = (before: Task, now: Task): boolean =>
  before.due !== null && now.due !== null && !before.due.isRecurring && !now.due.isRecurring &&
  now.due.date > before.due.date

/** Field by field, in the order of the schema; labels count in their order too. */
const sameTask = (one: Task, other: Task): boolean => canonical(one) === canonical(other)

const canonical = (task: Task): string =>
  JSON.stringify([
    task.title,
    task.description,
    task.projectName,
    task.parentId,
    task.labels,
    task.priority,
    task.due === null ? null : [task.due.date, task.due.atMs, task.due.isRecurring],
    task.durationMinutes,
    task.addedAtMs,
    task.deepLink,
  ])

/** Identifies the state a change led to: the same change observed again has the same digest input. */
export const changeIdentity = ({ change, task, timesPostponed }: TaskChangeSeen, cursorVersion: number): string =>
  `${cursorVersion}/${change}/${task.taskId}/${timesPostponed}/${canonical(task)}`

const backoffFirstMs = 2_000
/** After a long outage users come back within this time, not all at once. */
const backoffMaxMs = 15 * 60_000

/** After `failures` failures in a row; what the provider asked for counts when it is longer. */
export const retryAtMs = (nowMs: number, failures: number, askedMs: number | null, chance: number): number => {
  const ceiling = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(Math.max(failures - 1, 0), 20))
  return Math.round(nowMs + Math.max(askedMs ?? 0, ceiling * (0.5 + 0.5 * chance)))
}
