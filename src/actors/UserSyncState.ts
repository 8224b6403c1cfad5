/**
 * What a sync means, as pure decisions: which tasks changed, what is told of it, when to look again.
 * Time and randomness come in as data.
 */
import type { SyncResult, TaskObservation } from "../connectors/Connector.ts"
import type { TaskChangeName } from "../../schemas/events.ts"
import type { Task } from "../../schemas/Task.ts"

/** A task as we last knew it. */
export interface KnownTask {
  readonly task: Task
  readonly timesPostponed: number
}

export interface TaskChangeSeen {
  readonly change: TaskChangeName
  readonly task: Task
  readonly timesPostponed: number
}

/**
 * What changed between what we knew and what a sync brought, each task once, in the order the tool gave them.
 * Repeating the same sync gives no change. For a snapshot `known` must be all open tasks: one that is absent is gone.
 */
export const changesOf = (
  known: ReadonlyMap<string, KnownTask>,
  result: Pick<SyncResult, "tasks" | "isSnapshot">,
): ReadonlyArray<TaskChangeSeen> => {
  const changes = result.tasks.flatMap((observation) => changeOf(known.get(observation.task.taskId), observation) ?? [])
  if (!result.isSnapshot) return changes
  const seen = new Set(result.tasks.map(({ task }) => task.taskId))
  const gone = [...known.values()].filter(({ task }) => !seen.has(task.taskId))
  return [...changes, ...gone.map((one): TaskChangeSeen => ({ ...one, change: "removed" }))]
}

const changeOf = (before: KnownTask | undefined, { task, state }: TaskObservation): TaskChangeSeen | undefined => {
  if (state !== "open") {
    // Of a task we never knew there is nothing to take back.
    return before === undefined ? undefined : { change: state, task, timesPostponed: before.timesPostponed }
  }
  if (before === undefined) return { change: "appeared", task, timesPostponed: 0 }
  if (sameTask(before.task, task)) return undefined
  return { change: "updated", task, timesPostponed: before.timesPostponed + (wasPostponed(before.task, task) ? 1 : 0) }
}

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

/** Spreads by a tenth either way, so that users who began together drift apart. `chance` in [0, 1). */
export const nextSyncAtMs = (nowMs: number, intervalMs: number, chance: number): number =>
  Math.round(nowMs + intervalMs * (0.9 + 0.2 * chance))

/** After `failures` failures in a row; what the provider asked for counts when it is longer. */
export const retryAtMs = (nowMs: number, failures: number, askedMs: number | null, chance: number): number => {
  const ceiling = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(Math.max(failures - 1, 0), 20))
  return Math.round(nowMs + Math.max(askedMs ?? 0, ceiling * (0.5 + 0.5 * chance)))
}
